// Figures of one pool: state, overrides, announced events, capacity, and the account of today.

import {ahead, byId, errorOf, lever, make, needsAttention, put, rebuild, SIGHTS, span, units, usd, when, whole} from "./words.js";

const BASES = {measured: "measured", policy: "set in the policy", assumed: "assumed for the lever"};

export const show = (pool, asOf) => {
  const shadow = pool.mode === "shadow";
  put(byId("pool-tags"), [pool.pings ? `${lever(pool.lever)}, above it ${lever(pool.pings.lever)}` : lever(pool.lever), shadow ? "shadow: simulated, nothing is written" : "active", `${pool.min} to ${pool.max} units`, SIGHTS[pool.freshness]].join(" · "));
  byId("pool-error").hidden = errorOf(pool) == null;
  put(byId("pool-error"), errorOf(pool) ?? "");
  byId("pool").classList.toggle("attention", needsAttention(pool));
  overrides(pool.overrides ?? [], asOf);
  announced(pool.events ?? [], pool.event_warnings ?? [], asOf);
  list(byId("pool-facts"), tiles(pool, shadow, asOf));
};

const of = (ready, requested) => ready == null ? "" : `of ${whole(requested)} requested`;

// Units of one kind: one figure, or two for a pool with layers, which are never added.
const ready = (label, kind, pool) => [
  [pool.pings ? `${label}, base` : label, whole(pool[`${kind}_ready`]), of(pool[`${kind}_ready`], pool[`${kind}_requested`])],
  ...(pool.pings ? [[`${label}, pings`, whole(pool.pings[`${kind}_ready`]), of(pool.pings[`${kind}_ready`], pool.pings[`${kind}_requested`])]] : []),
];

const targets = (label, pool) => pool.pings == null ? [[label, whole(pool.target), pool.action === "hold" ? "held" : ""]] : [
  [`${label}, base`, whole(pool.target), pool.action === "hold" ? "held" : ""],
  [`${label}, pings`, whole(pool.pings.target), pool.pings.action === "hold" ? "held" : pool.pings.level == null ? "" : pool.pings.level ? `for ${whole(pool.pings.level)} in total` : "no pings now"],
];

// Time in which rounds of pings held all idle units; none for a pool without pings.
const blackout = (pool) => {
  const held = pool.actual_ping_blackout_seconds_since_start, requests = pool.actual_ping_blackout_requests_since_start;
  if (held === undefined) return [];
  if (held === null) return [["Pings held all units", "not measured", ""]];
  return [["Pings held all units", `${held.toFixed(2)} s`, `since the start of the daemon; ${requests == null ? "requests not measured" : `about ${requests.toFixed(1)} requests`}`]];
};

// Leading signals: newest value, its age or why there is none, and the forecast.
const signals = (pool) => (pool.leads ?? []).map((each) => [`Lead: ${each.name}`, units(each.value),
  [each.error ?? (each.age_seconds == null ? "not known yet" : `${span(each.age_seconds)} ago`),
    each.forecast == null ? "not followed" : `forecasts ${whole(each.forecast)}, ${each.followed ? "followed" : "not followed"}`].join("; ")]);

const tiles = (pool, shadow, asOf) => [
  ["In flight", whole(pool.peak), pool.busy == null ? "" : `${units(pool.busy)} on average`],
  ...ready("Actual ready", "actual", pool),
  ...(shadow ? ready("Simulated ready", "simulated", pool) : []),
  ...(pool.kept_by_others ? [["Kept by others", whole(pool.kept_by_others), `${pool.kept_by}, ${usd(pool.others_usd_per_hour)} per hour`]] : []),
  ...targets(shadow ? "Simulated target" : "Target", pool),
  ["Rules would ask for", ...ahead(pool, asOf)],
  ["Newest demand data", span(pool.data_age_seconds), pool.data_age_seconds == null ? "" : "ago"],
  ["Keep-alive", span(pool.keep_alive_seconds), BASES[pool.keep_alive_basis] ?? ""],
  ...signals(pool),
  ...blackout(pool),
  ["Lead time", span(pool.lead_time_seconds), pool.lead_time_seconds == null ? "not measured yet" : "from request to ready"],
];

const list = (box, rows) => {
  while (box.children.length < rows.length) box.append(make("div", {}, make("dt"), make("dd", {}, make("span"), make("small"))));
  while (box.children.length > rows.length) box.lastChild.remove();
  rows.forEach(([label, value, note], at) => {
    const [term, detail] = box.children[at].children;
    box.children[at].classList.toggle("simulated", label.startsWith("Simulated"));
    put(term, label);
    put(detail.children[0], value);
    put(detail.children[1], note);
  });
};

const overrides = (given, asOf) => {
  byId("pool-overrides").hidden = !given.length;
  rebuild(byId("pool-overrides"), given, () => given.map((each) => make("li", {}, make("b", {}, each.order ?? each.kind),
    ` until ${when(each.until, asOf)}${each.by ? `, by ${each.by}` : ""}${each.reason ? `: ${each.reason}` : ""}`,
    each.effect ? make("span", {class: "effect"}, `Effect: ${each.effect}`) : null)));
};

const announced = (events, warnings, asOf) => {
  byId("pool-events").hidden = !events.length && !warnings.length;
  rebuild(byId("pool-events"), [events, warnings], () => [
    ...events.slice(0, 6).map((event) => make("li", {}, make("b", {}, event.name),
      ` ${when(event.start, asOf)} to ${when(event.end, asOf)}: ${event.expected}`)),
    ...warnings.map((text) => make("li", {}, text))]);
};
