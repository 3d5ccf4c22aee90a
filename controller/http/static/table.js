// The tables of pools, one for each mode: search, filter, sort and pages. Rows are reused, so that focus is not lost.

import {figure} from "./figures.js";
import {newRow} from "./row.js";
import {byId, lever, make, needsAttention, put, whole} from "./words.js";

const ROWS = 50;
const known = (value) => value ?? -1;
const column = (key, value, active, shadow = active) => ({key, value, labels: {active, shadow}, first: key === "name" ? 1 : -1});
const COLUMNS = [
  column("name", (pool) => pool.name, "Pool"),
  column("peak", (pool) => known(pool.peak), "In flight"),
  column("simulated", (pool) => known(pool.simulated_ready), null, "Simulated ready"),
  column("ready", (pool) => known(pool.actual_ready), "Actual ready"),
  column("next", (pool) => Math.max(-1, ...(pool.next ?? []).map((step) => step[1])), "Rules would ask for"),
  column("cold", (pool) => known(figure(pool, "cold_starts_today")), "Cold starts today", "Simulated cold starts today"),
  column("cost", (pool) => known(figure(pool, "bill_today_usd")), "Bill today", "Simulated bill today"),
  column("decision", (pool) => Date.parse((pool.last_change ?? pool.decision)?.at ?? 0), "Last change", "Last simulated change"),
];

let pools = [], asOf = null;
const tables = [];

export const setUp = () => {
  for (const mode of ["active", "shadow"]) tables.push(poolTable(mode));
  const redrawFromFirstPage = () => { for (const each of tables) each.toFirstPage(); draw(); };
  byId("search").addEventListener("input", redrawFromFirstPage);
  byId("filter").addEventListener("change", redrawFromFirstPage);
};

export const show = (given, instant) => {
  pools = given;
  asOf = instant;
  draw();
};

const draw = () => {
  const found = wanted();
  for (const each of tables) each.show(found);
  byId("tools").hidden = pools.length === 0;
  byId("none").hidden = pools.length === 0 || found.length > 0;
  put(byId("found"), found.length === pools.length ? `${whole(pools.length)} pools` : `${whole(found.length)} of ${whole(pools.length)} pools`);
};

const wanted = () => {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), filter = byId("filter").value;
  return pools.filter((pool) => {
    const text = `${pool.name} ${pool.lever} ${lever(pool.lever)}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    return filter === "all" || (filter === "attention" ? needsAttention(pool) : pool.mode === filter);
  });
};

const poolTable = (mode) => {
  const columns = COLUMNS.filter(({labels}) => labels[mode] != null), part = (name) => byId(`${mode}-${name}`);
  const rows = [];
  let sortKey = "cost", direction = -1, page = 0, mine = [];
  for (const each of columns) {
    const button = make("button", {type: "button"}, each.labels[mode]);
    button.addEventListener("click", () => {
      direction = each.key === sortKey ? -direction : each.first;
      [sortKey, page] = [each.key, 0];
      draw();
    });
    part("heads").append(make("th", {scope: "col", role: "columnheader", class: each.key, "data-key": each.key}, button));
  }
  part("before").addEventListener("click", () => { page -= 1; draw(); });
  part("after").addEventListener("click", () => { page += 1; draw(); });
  const sorted = () => {
    const {value} = columns.find(({key}) => key === sortKey);
    return mine.map((pool) => [value(pool), pool]).sort(([one, a], [other, b]) =>
      one === other ? (a.name < b.name ? -1 : 1) : (one < other ? -direction : direction)).map(([, pool]) => pool);
  };
  const draw = () => {
    const all = sorted(), pages = Math.max(1, Math.ceil(all.length / ROWS));
    page = Math.min(Math.max(0, page), pages - 1);
    const shown = all.slice(page * ROWS, (page + 1) * ROWS);
    while (rows.length < shown.length) {
      rows.push(newRow(columns.map(({key, labels}) => [key, labels[mode]])));
      part("rows").append(rows.at(-1).element);
    }
    rows.splice(shown.length).forEach((row) => row.element.remove());
    shown.forEach((pool, at) => rows[at].show(pool, asOf));
    for (const head of part("heads").children) {
      head.setAttribute("aria-sort", head.dataset.key !== sortKey ? "none" : direction > 0 ? "ascending" : "descending");
    }
    part("pages").hidden = pages === 1;
    put(part("page"), `${whole(page * ROWS + 1)} to ${whole(page * ROWS + shown.length)} of ${whole(all.length)}`);
    part("before").disabled = page === 0;
    part("after").disabled = page === pages - 1;
  };
  return {
    toFirstPage: () => { page = 0; },
    show: (found) => {
      mine = found.filter((pool) => pool.mode === mode);
      part("pools").hidden = mine.length === 0;
      draw();
    },
  };
};
