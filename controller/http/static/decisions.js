// Decisions of one pool: the current one with its reasons and rules, and the recorded ones, newest first.

import {byId, make, put, rebuild, units, when, whole} from "./words.js";

const LISTED = 25;
let listed = "", cursor = null, older = false, path = null, asOf = null;

export const setUp = (get) => byId("older").addEventListener("click", async () => {
  older = true;
  try {
    list(await get(path(cursor)), false);
  } catch (error) {
    put(byId("older"), `Older decisions (failed: ${error.message})`);
  }
});

/** Start with pool `name`: no decisions are listed. Returns the path of the newest. */
export const open = (name) => {
  byId("pings-decisions").hidden = true;
  byId("pings-link").href = `/v1/decisions?pool=${encodeURIComponent(`${name}:pings`)}`;
  [listed, cursor, older] = ["", null, false];
  path = (before) => `/v1/decisions?pool=${encodeURIComponent(name)}&limit=${LISTED}${before ? `&before=${before}` : ""}`;
};

export const newest = () => path();

/** Show the newest decisions, unless older ones were requested, too. */
export const show = (body, instant) => {
  asOf = instant;
  if (!older) list(body, true);
};

const list = (body, fresh) => {
  const latest = body.items.map((item) => item.id).join();
  if (fresh && latest === listed) return;
  if (fresh) listed = latest;
  const items = body.items.map(decisionItem);
  if (fresh) byId("decisions").replaceChildren(...items); else byId("decisions").append(...items);
  if (fresh && !items.length) byId("decisions").append(make("li", {class: "none"}, "None yet."));
  cursor = body.next;
  byId("older").hidden = cursor == null;
};

const VERBS = {
  active: {raised: "raised", lowered: "lowered", held: "held", kept: "kept"},
  shadow: {raised: "would raise", lowered: "would lower", held: "would hold", kept: "would keep"},
};

const decisionItem = (item) => {
  const requested = item.mode === "shadow" ? item.simulated_requested : item.actual_requested, writes = item.action.endsWith("write");
  const verb = !writes ? (item.action === "hold" ? "held" : "kept") : item.target > (requested ?? 0) ? "raised" : "lowered";
  const numbers = writes ? `${whole(requested)} → ${whole(item.target)}` : whole(item.target ?? requested);
  return make("li", {class: item.mode === "shadow" ? `${verb} simulated` : verb}, make("time", {datetime: item.at}, when(item.at, asOf)),
    make("b", {}, `${VERBS[item.mode][verb]} ${numbers}`), make("ol", {class: "reasons"}, ...item.reasons.map(reasonItem)));
};

/** Show the target of the last plan, its reasons in order, each with the target before and after it, its rules, and what changed. */
export const current = ({record: detail, rules, pings}, instant) => {
  asOf = instant;
  above(pings);
  put(byId("wants"), `${pings === undefined ? "" : "Base: "}${targetOf(detail)}`);
  rebuild(byId("reasons"), detail.reasons, () => detail.reasons.map(reasonItem));
  byId("rules").hidden = !rules.length;
  rebuild(byId("rules"), rules, () => rulesTable(rules));
  changed(detail.inputs.weighed?.since);
};

const targetOf = (detail) => {
  if (detail.target == null) return "unknown: capacity is unknown";
  const done = {write: "requested now", "would-write": "simulated, not written", hold: "held", keep: detail.mode === "shadow" ? "already simulated" : "already requested"};
  return `${whole(detail.target)} ${detail.target === 1 ? "unit" : "units"}, ${done[detail.action] ?? detail.action}`;
};

// The pings above the base: `undefined` for a pool with one lever, null without a plan.
const above = (pings) => {
  byId("pings").hidden = pings == null;
  byId("pings-decisions").hidden = pings === undefined;
  rebuild(byId("pings"), pings ?? null, () => pings == null ? [] : [make("h3", {}, "Pings above the base"),
    make("p", {class: "wants"}, targetOf(pings.record)), make("ol", {class: "reasons"}, ...pings.record.reasons.map(reasonItem))]);
};

// What changed since the last recorded decision; absent before the first.
const changed = (since) => {
  byId("changed").hidden = !since?.changes.length;
  rebuild(byId("changed"), since ?? null, () => since == null ? [] : [
    make("h3", {}, `Changed since the decision of ${when(since.at, asOf)}, target ${whole(since.target)}`),
    make("ul", {}, ...since.changes.map(({text}) => make("li", {}, text)))]);
};

const HEAVIEST = 5;
const percent = (share) => `${(100 * share).toFixed(1)} %`;

// The rules with the highest weight, and the others as their mean by weight: together they give the ensemble.
const rulesTable = (rules) => {
  const others = rules.slice(HEAVIEST), share = others.reduce((total, each) => total + each.share, 0);
  const mean = others.reduce((total, each) => total + each.share * each.units, 0) / share;
  const rows = rules.slice(0, HEAVIEST).map((each) => [each.text, whole(each.units), percent(each.share)]);
  if (others.length) rows.push([`${others.length} other rules, mean by weight`, mean.toFixed(1), percent(share)]);
  const cells = ([text, ...numbers]) => [make("th", {scope: "row"}, text), ...numbers.map((each) => make("td", {}, each))];
  return [make("h3", {}, "Rules with the highest weight"), make("table", {class: "rules"},
    make("thead", {}, make("tr", {}, ...["Rule", "Asks for", "Weight"].map((text) => make("th", {scope: "col"}, text)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row)))))];
};

const reasonItem = (reason) => {
  const moved = reason.before != null && reason.after != null && reason.before !== reason.after;
  return make("li", {}, reason.text, " ", make("small", {}, `${reason.code}${moved ? `, ${reason.before} → ${reason.after}` : ""}`));
};
