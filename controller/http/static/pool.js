// One pool: its figures, its chart, its target with reasons, and its decisions.

import {chart, columns} from "./chart.js";
import {ahead, byId, clock, kindOf, lever, make, needsAttention, own, put, ranged, rebuild, SIGHTS, span, units, usd, when, whole} from "./words.js";

const FORECAST_EVERY = 20000, DETAIL_EVERY = 2500, DECISIONS = 25;
let name = null, hours = 6, drawing = null, forecast = null, forecastAt = 0, detailAt = 0, busy = false, entry = null, asOf = null;
let listed = "", cursor = null, older = false;

const get = async (path) => {
  const answer = await fetch(path, {cache: "no-store"});
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `${path} answers ${answer.status}`);
  return answer.json();
};
const path = (more = "") => `/v1/pools/${encodeURIComponent(name)}${more}`;

export const setUp = () => {
  for (const button of document.querySelectorAll("[data-hours]")) {
    button.addEventListener("click", () => {
      hours = Number(button.dataset.hours);
      for (const each of document.querySelectorAll("[data-hours]")) each.setAttribute("aria-pressed", String(each === button));
      refresh(true);
    });
  }
  byId("older").addEventListener("click", moreDecisions);
  byId("minutes").addEventListener("toggle", () => refresh(true));
};

export const open = (wanted) => {
  if (wanted !== name) {
    [forecast, forecastAt, detailAt, listed, cursor, older, entry] = [null, 0, 0, "", null, false, null];
    for (const id of ["decisions", "reasons", "bills", "minute-rows", "pool-facts", "pool-orders", "pool-events"]) {
      byId(id).replaceChildren();
      delete byId(id).dataset.told;
    }
    for (const id of ["pool-tags", "wants", "chart-words"]) put(byId(id), "");
    byId("pool-error").hidden = true;
  }
  name = wanted;
  put(byId("pool-name"), name);
};

// `given`: the pool's entry in the status, undefined when there is no pool of that name.
export const show = (given, instant) => {
  byId("pool").classList.toggle("nobody", given == null);
  if (given == null) {
    byId("pool-error").hidden = false;
    put(byId("pool-error"), `The policy has no pool called ${name}.`);
    return;
  }
  entry = given;
  asOf = instant;
  facts(given);
  refresh(false);
};

const facts = (pool) => {
  put(byId("pool-tags"), [lever(pool.lever), pool.mode, `${pool.min} to ${pool.max} units`, SIGHTS[pool.freshness]].join(" · "));
  byId("pool-error").hidden = pool.error == null;
  put(byId("pool-error"), pool.error ?? "");
  byId("pool").classList.toggle("attention", needsAttention(pool));
  orders(pool.overrides ?? []);
  announced(pool.events ?? [], pool.event_warnings ?? []);
  const told = [
    ["In flight", whole(pool.peak), pool.busy == null ? "" : `${units(pool.busy)} on average`],
    ["Ready (actual)", whole(pool.actual_ready), readyNote(pool, "actual")],
    ...(pool.mode === "shadow" ? [["Ready (simulated)", whole(pool.simulated_ready), readyNote(pool, "simulated")]] : []),
    ...(pool.kept_by_others ? [["Kept by others", whole(pool.kept_by_others), `${pool.kept_by}, ${usd(pool.others_usd_per_hour)} per hour`]] : []),
    ["Target", whole(pool.target), pool.mode === "shadow" ? "simulated (shadow mode)" : pool.action === "hold" ? "held" : ""],
    ["Next hours", ...ahead(pool, asOf)],
    ["Newest demand data", span(pool.data_age_seconds), "ago"],
    ["Keep-alive", span(pool.keep_alive_seconds), pool.keep_alive_basis === "measured" ? "measured" : pool.keep_alive_basis === "policy" ? "set in the policy" : "assumed for the lever"],
    [`Bill this month (${kindOf(pool)})`, usd(own(pool, "bill_month_usd")), `${usd(own(pool, "bill_without_stoker_month_usd"))} without Stoker`],
    ["Lead time", span(pool.lead_time_seconds), pool.lead_time_seconds == null ? "not measured yet" : "from request to ready"],
  ];
  const list = byId("pool-facts");
  while (list.children.length < told.length) list.append(make("div", {}, make("dt"), make("dd", {}, make("span"), make("small"))));
  while (list.children.length > told.length) list.lastChild.remove();
  told.forEach(([label, value, note], at) => {
    const [term, detail] = list.children[at].children;
    put(term, label);
    put(detail.children[0], value);
    put(detail.children[1], note);
  });
  bills(pool);
};

const readyNote = (pool, kind) => {
  const ready = pool[`${kind}_ready`], requested = pool[`${kind}_requested`];
  return ready == null ? "unknown" : requested === ready ? `all of ${whole(requested)}` : `of ${whole(requested)} requested`;
};

const orders = (given) => {
  byId("pool-orders").hidden = !given.length;
  rebuild(byId("pool-orders"), given, () => given.map((order) => make("li", {}, make("b", {}, order.order ?? order.kind),
    ` until ${when(order.until, asOf)}${order.by ? `, by ${order.by}` : ""}${order.reason ? `: ${order.reason}` : ""}`)));
};

const announced = (events, warnings) => {
  byId("pool-events").hidden = !events.length && !warnings.length;
  rebuild(byId("pool-events"), [events, warnings], () => [
    ...events.slice(0, 6).map((event) => make("li", {}, make("b", {}, event.name),
      ` ${when(event.start, asOf)} to ${when(event.end, asOf)}: ${event.expected}`)),
    ...warnings.map((text) => make("li", {}, text))]);
};

const bills = (pool) => {
  const row = (label, suffix) => {
    const bill = own(pool, `bill${suffix}_today_usd`), cold = own(pool, `cold_starts${suffix}_today`);
    return [label, ranged(whole, cold, own(pool, `cold_starts${suffix}_today_range`)), bill, bill + own(pool, `cold_start_cost${suffix}_today_usd`)];
  };
  const rows = [row(`Stoker (${kindOf(pool)})`, ""), row("Without Stoker", "_without_stoker"), row("AWS target tracking (70 %)", "_target_tracking")];
  rebuild(byId("bills"), rows, () => rows.map(([label, cold, bill, priced], at) => make("tr", {class: at ? null : "ours"},
    make("th", {scope: "row"}, label), ...[cold, usd(bill), usd(priced)].map((text) => make("td", {}, text)))));
};

const refresh = async (now) => {
  if (busy || name == null || (!now && Date.now() - detailAt < DETAIL_EVERY)) return;
  busy = true;
  detailAt = Date.now();
  const mine = name;
  try {
    const [history, detail, made] = await Promise.all([get(path(`/history?hours=${hours}`)), get(path()), get(decisionsPath())]);
    if (mine !== name) return;
    draw(history);
    reasons(detail);
    if (!older) decisions(made, true);
    lookAhead(mine, history);
  } catch (error) {
    if (mine === name && entry != null) put(byId("chart-words"), `Not available: ${error.message}`);
  } finally {
    busy = false;
    if (mine !== name) refresh(true);
  }
};

// A forecast takes the daemon 1 to 2 s, so it is requested less often, and the page does not wait for it.
const lookAhead = async (mine, history) => {
  if (Date.now() - forecastAt < FORECAST_EVERY) return;
  forecastAt = Date.now();
  try {
    const told = await get(path("/forecast?hours=6"));
    if (mine !== name) return;
    forecast = told;
    draw(history);
  } catch {
    forecastAt = Date.now() - FORECAST_EVERY / 2;
  }
};

const draw = (history) => {
  if (byId("pool").hidden) return;
  const data = columns(history, forecast, entry?.next);
  drawing ??= chart(byId("chart"));
    const peaks = history.peak.filter((value) => value != null), most = Math.max(0, ...peaks);
  const words = peaks.length ? `Peak in flight in the last ${hours} hours: ${whole(most)}.` : `No demand data for the last ${hours} hours.`;
  const ahead = !data.foretold ? "No forecast yet." : forecast.doubt ?? `The band is the forecast made ${forecast.lead_minutes} min ahead; after now, it is the current forecast.`;
  put(byId("chart-words"), `${words} ${ahead} ${judged(forecast)}`);
  drawing.update(data, `${name} ${hours}`, `Chart of ${name}. ${words} ${whole(entry?.actual_ready)} units are ready.`);
  if (byId("minutes").open) minuteRows(history);
};

// Accuracy over the last 24 h: the share of minutes at or below the P95 forecast; the target is 95 %.
const judged = (told) => {
  const level = 0.95, at = told?.levels?.findIndex((each) => Math.abs(each - level) < 1e-6) ?? -1;
  const share = at < 0 ? null : told.past_day?.at_or_below?.[at];
  return share == null ? "" : `P${100 * level} coverage over 24 h: ${(100 * share).toFixed(0)} % (target ${100 * level} %).`;
};

const minuteRows = (history) => {
  const rows = [], first = Date.parse(history.first), end = history.peak.length;
  for (let at = end - 1; at >= Math.max(0, end - 60); at--) {
    const cells = [whole(history.peak[at]), units(history.busy[at]), whole(own(history, "requested")[at]), whole(own(history, "ready")[at])];
    rows.push(make("tr", {}, make("th", {scope: "row"}, clock(first + at * 60000)), ...cells.map((text) => make("td", {}, text))));
  }
  byId("minute-rows").replaceChildren(...rows);
};

const reasons = (detail) => {
  const text = detail.target == null ? "None: capacity is unknown." : `${whole(detail.target)} ${detail.target === 1 ? "unit" : "units"}`;
  put(byId("wants"), detail.target == null ? text : detail.action === "write" ? `${text}, requested now` : detail.action === "would-write" ? `${text}, would be requested now` : detail.action === "hold" ? `${text}, held` : `${text}, already requested`);
  rebuild(byId("reasons"), detail.reasons, () => detail.reasons.map(reasonItem));
};

const reasonItem = (reason) => {
  const moved = reason.before != null && reason.after != null && reason.before !== reason.after;
  return make("li", {}, reason.text, make("small", {}, ` ${reason.code}${moved ? `, ${reason.before} → ${reason.after}` : ""}`));
};

const decisionsPath = (before) => `/v1/decisions?pool=${encodeURIComponent(name)}&limit=${DECISIONS}${before ? `&before=${before}` : ""}`;

const decisions = (made, anew) => {
  const latest = made.items.map((item) => item.id).join();
  if (anew && latest === listed) return;
  if (anew) listed = latest;
  const items = made.items.map(decisionItem);
  if (anew) byId("decisions").replaceChildren(...items); else byId("decisions").append(...items);
  if (anew && !items.length) byId("decisions").append(make("li", {class: "none"}, "None yet."));
  cursor = made.next;
  byId("older").hidden = cursor == null;
};

const decisionItem = (item) => {
  const was = own(item, "requested"), writes = ["write", "would-write"].includes(item.action), verb = !writes ? (item.action === "hold" ? "held" : "kept") : item.target > (was ?? 0) ? "raised" : "lowered", would = item.action === "would-write";
  const numbers = writes ? `${was ?? "?"} → ${item.target}` : whole(item.target ?? was);
  return make("li", {class: verb}, make("time", {datetime: item.at}, when(item.at, asOf)), make("b", {}, `${would ? `would have ${verb}` : verb} ${numbers}`),
    make("ol", {class: "reasons"}, ...item.reasons.map(reasonItem)));
};

const moreDecisions = async () => {
  older = true;
  try {
    decisions(await get(decisionsPath(cursor)), false);
  } catch (error) {
    put(byId("older"), `Older decisions (failed: ${error.message})`);
  }
};
