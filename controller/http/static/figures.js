// Figures of a pool or of all pools of one mode, under their names without the kind. Actual figures and simulated ones are never added.

const KINDS = {active: "actual", shadow: "simulated"};
export const kindOf = (pool) => KINDS[pool.mode];

const RANGES = ["cold_starts_today", "cold_starts_without_stoker_today"];
const PINGS = "cold_starts_during_pings_today";

/** A figure of a pool by its name without the kind; null if unknown. */
export const figure = (pool, name, kind = kindOf(pool)) => pool[`${kind}_${name}`] ?? null;

/** Sum of `value(pool)` over pools; null if no value is known. */
export const sum = (pools, value) => {
  const known = pools.map(value).filter((each) => each != null);
  return known.length ? known.reduce((total, each) => total + each, 0) : null;
};

/** The account of one pool, without the prefix of its kind; `sentence`: what Stoker changed. */
export const accountOf = (pool, sentence) => {
  const kind = kindOf(pool), own = Object.entries(pool).filter(([key]) => key.startsWith(`${kind}_`));
  return {...Object.fromEntries(own.map(([key, value]) => [key.slice(kind.length + 1), value])), ...pings([pool], kind), sentence};
};

/** The account of all pools of one kind: `totals` of the status, with ranges and what pings did. */
export const accountOfAll = (totals, pools, kind) => {
  const mine = pools.filter((pool) => figure(pool, "bill_today_usd", kind) != null);
  const ranges = RANGES.map((name) => [`${name}_range`,
    [0, 1].map((end) => sum(mine, (pool) => figure(pool, `${name}_range`, kind)?.[end] ?? figure(pool, name, kind)))]);
  return {...totals, ...Object.fromEntries(ranges), ...pings(mine, kind)};
};

// Cold starts while pings held units, and cold starts that the same pools avoided; null without a pool whose lever pings.
const pings = (pools, kind) => {
  const pinged = pools.filter((pool) => (pool.lever.endsWith("-ping") || pool.pings != null) && figure(pool, PINGS, kind) != null);
  return {[PINGS]: sum(pinged, (pool) => figure(pool, PINGS, kind)),
          avoided_by_pings: sum(pinged, (pool) => figure(pool, "cold_starts_without_stoker_today", kind) - figure(pool, "cold_starts_today", kind))};
};
