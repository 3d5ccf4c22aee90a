// All pools: one panel and one table for each mode, orphans, and the cost of reading metrics.

import {compare} from "./comparison.js";
import {accountOfAll, sum} from "./figures.js";
import * as table from "./table.js";
import {byId, make, needsAttention, put, rebuild, units, usd, whole} from "./words.js";

export const setUp = () => table.setUp();

export const show = (status) => {
  notices(status);
  headline(status.pools);
  panel("active", "actual", status);
  panel("shadow", "simulated", status);
  table.show(status.pools, status.as_of);
  const reads = status.metric_reads_usd_per_month;
  put(byId("reads"), reads ? `Metric reads cost ${usd(reads)} per month; no bill above includes them.` : "");
};

const headline = (pools) => {
  const failing = pools.filter(needsAttention).length;
  put(byId("headline"), pools.length === 0 ? "The policy has no pools" : `${counted(pools.length)}, ${failing ? `${whole(failing)} with problems` : "no problems"}`);
  byId("headline").classList.toggle("attention", failing > 0);
};

const counted = (number) => `${whole(number)} ${number === 1 ? "pool" : "pools"}`;

// A mode without pools is shown only if pools had it this month.
const panel = (mode, kind, {pools, totals}) => {
  const box = byId(`${mode}-panel`), simulated = kind === "simulated", mine = pools.filter((pool) => pool.mode === mode);
  const of = accountOfAll(totals[kind], pools, kind);
  box.hidden = mine.length === 0 && !of.bill_month_usd;
  if (box.hidden) return;
  const label = `${simulated ? "Shadow" : "Active"}, ${counted(mine.length)}${simulated ? ", simulated" : ""}, today`;
  compare(box, label, of, simulated, mine.length ? now(mine, simulated) : null);
};

// Ready of requested units and busy units. Pools without a reading are counted, not taken for 0.
const now = (pools, simulated) => {
  const total = (name) => whole(sum(pools, (pool) => pool[name])), unread = pools.filter((pool) => pool.actual_ready == null).length;
  const layered = pools.filter((pool) => pool.pings != null);
  const pings = (kind) => layered.length ? `, above them ${whole(sum(layered, (pool) => pool.pings[`${kind}_ready`]))} of ${whole(sum(layered, (pool) => pool.pings[`${kind}_requested`]))} by pings` : "";
  const actual = `${total("actual_ready")} of ${total("actual_requested")} requested units ready${pings("actual")}, ${units(sum(pools, (pool) => pool.busy))} busy on average${unread ? `; ${counted(unread)} unknown` : ""}.`;
  if (!simulated) return `Now: ${actual}`;
  return `Now: ${total("simulated_ready")} of ${total("simulated_requested")} units would be ready${pings("simulated")} (simulated). Actual: ${actual} Stoker writes nothing.`;
};

const notices = (status) => {
  const reload = status.policy?.last_reload;
  const refused = reload?.outcome === "refused" ? [["Policy refused, the one before stays in use: ", reload.text]] : [];
  const given = [...refused, ...(status.orphans ?? []).map((each) => [`Orphan ${each.pool}: `, each.text])];
  byId("orphans").hidden = given.length === 0;
  rebuild(byId("orphans"), given, () => given.map(([title, text]) => make("li", {}, make("b", {}, title), text)));
};
