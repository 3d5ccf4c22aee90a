// The account of a pool, or of all pools of one mode: cold starts and bill with Stoker and of both baselines.

import {dollars, make, rebuild, usd, whole} from "./words.js";

const WITHOUT = "Without Stoker", TRACKING = "AWS target tracking (70 %)";
const cost = (amount) => amount == null ? null : `${usd(amount)} cold-start cost`;
const range = (ends) => ends == null || ends.includes(null) || whole(ends[0]) === whole(ends[1]) ? null : `likely range ${whole(ends[0])} to ${whole(ends[1])}`;

// One row for each quantity: a figure and its notes with Stoker and of each baseline.
const rowsOf = (of) => [
  ["Cold starts today",
    [whole(of.cold_starts_today), range(of.cold_starts_today_range), cost(of.cold_start_cost_today_usd)],
    [whole(of.cold_starts_without_stoker_today), range(of.cold_starts_without_stoker_today_range), cost(of.cold_start_cost_without_stoker_today_usd)],
    [whole(of.cold_starts_target_tracking_today), cost(of.cold_start_cost_target_tracking_today_usd)]],
  ["Bill today",
    [usd(of.bill_today_usd), of.bill_projected_month_usd == null ? "month: projected after 24 h" : `${usd(of.bill_projected_month_usd)} projected for the month`],
    [usd(of.bill_without_stoker_today_usd)],
    [usd(of.bill_target_tracking_today_usd)]],
];

const month = (of, simulated) => {
  const saved = of.saved_month_usd, amount = dollars(Math.abs(saved ?? 0));
  if (of.bill_month_usd == null || saved == null) return null;
  const than = amount === "$0.00" ? "the same as without Stoker" : saved < 0 ? `${amount} more than without Stoker` :
    `${amount} ${simulated ? "less than without Stoker" : "saved"}`;
  return `This month so far the bill ${simulated ? "would be" : "is"} ${usd(of.bill_month_usd)}, ${than}.`;
};

const pings = (of, simulated) => {
  const during = of.cold_starts_during_pings_today;
  if (during == null) return null;
  return `Pings: ${whole(during)} ${simulated ? "simulated " : ""}cold starts while pings held units (included above), ${whole(of.avoided_by_pings)} ${simulated ? "would have been avoided" : "avoided"}.`;
};

const tableOf = (label, of, simulated) => {
  const heads = [simulated ? "With Stoker (simulated)" : "With Stoker", WITHOUT, TRACKING], ours = (at) => at ? null : "ours";
  const cell = ([main, ...notes], at) => make("td", {class: ours(at)}, make("span", {class: "main"}, main),
    ...notes.filter(Boolean).map((note) => make("small", {}, note)));
  return make("table", {class: "bills"}, make("caption", {class: "unseen"}, label),
    make("thead", {}, make("tr", {}, make("td"), ...heads.map((text, at) => make("th", {scope: "col", class: ours(at)}, text)))),
    make("tbody", {}, ...rowsOf(of).map(([name, ...cells]) => make("tr", {}, make("th", {scope: "row"}, name), ...cells.map(cell)))));
};

/** Show an account of one mode in `box`; `now`: a sentence on capacity. */
export const compare = (box, label, of, simulated, now = null) => {
  box.classList.toggle("simulated", simulated);
  rebuild(box, [label, of, simulated, now], () => [make("h2", {class: "mode"}, label), make("p", {class: "sentence"}, of.sentence),
    tableOf(label, of, simulated),
    ...[now, month(of, simulated), pings(of, simulated)].filter(Boolean).map((text) => make("p", {class: "hint"}, text))]);
};
