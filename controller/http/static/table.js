// The table of pools: search, filter, sort and pages. Rows are reused, so that focus is not lost.

import {ahead, byId, clock, lever, make, needsAttention, own, put, ranged, SIGHTS, units, usd, whole} from "./words.js";

const ROWS = 50;
const SVG = "http://www.w3.org/2000/svg";
const known = (value) => value ?? -1;
const COLUMNS = [
  {key: "name", label: "Pool", first: 1, value: (pool) => pool.name},
  {key: "peak", label: "In flight", first: -1, value: (pool) => known(pool.peak)},
  {key: "ready", label: "Warm", first: -1, value: (pool) => known(own(pool, "ready"))},
  {key: "next", label: "Next hours", first: -1, value: (pool) => Math.max(-1, ...(pool.next ?? []).map((step) => step[1]))},
  {key: "cold", label: "Cold starts today", first: -1, value: (pool) => known(own(pool, "cold_starts_today"))},
  {key: "cost", label: "Bill today", first: -1, value: (pool) => known(own(pool, "bill_today_usd"))},
  {key: "decision", label: "Last change", first: -1, value: (pool) => Date.parse((pool.last_change ?? pool.decision)?.at ?? 0)},
];

let pools = [], asOf = null, sortKey = "cost", direction = -1, page = 0, rows = [];

export const setUp = () => {
  for (const column of COLUMNS) {
    const button = make("button", {type: "button"}, column.label);
    button.addEventListener("click", () => sortBy(column));
    byId("heads").append(make("th", {scope: "col", class: column.key, "data-key": column.key}, button));
  }
  byId("search").addEventListener("input", () => { page = 0; draw(); });
  byId("filter").addEventListener("change", () => { page = 0; draw(); });
  byId("before").addEventListener("click", () => { page -= 1; draw(); });
  byId("after").addEventListener("click", () => { page += 1; draw(); });
};

export const show = (given, instant) => {
  pools = given;
  asOf = instant;
  draw();
};

const sortBy = ({key, first}) => {
  direction = key === sortKey ? -direction : first;
  sortKey = key;
  page = 0;
  draw();
};

const wanted = () => {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), filter = byId("filter").value;
  return pools.filter((pool) => {
    const text = `${pool.name} ${pool.lever} ${lever(pool.lever)}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    return filter === "all" || (filter === "attention" ? needsAttention(pool) : pool.mode === filter);
  });
};

const draw = () => {
  const {value} = COLUMNS.find((column) => column.key === sortKey);
  const found = wanted().map((pool) => [value(pool), pool]).sort(([one, a], [other, b]) =>
    one === other ? (a.name < b.name ? -1 : 1) : (one < other ? -direction : direction)).map(([, pool]) => pool);
  const pages = Math.max(1, Math.ceil(found.length / ROWS));
  page = Math.min(Math.max(0, page), pages - 1);
  const shown = found.slice(page * ROWS, (page + 1) * ROWS);
  while (rows.length < shown.length) rows.push(newRow());
  rows.splice(shown.length).forEach((row) => row.element.remove());
  shown.forEach((pool, at) => fill(rows[at], pool));
  for (const head of byId("heads").children) {
    head.setAttribute("aria-sort", head.dataset.key !== sortKey ? "none" : direction > 0 ? "ascending" : "descending");
  }
  put(byId("found"), found.length === pools.length ? `${whole(pools.length)} pools` : `${whole(found.length)} of ${whole(pools.length)} pools`);
  byId("pages").hidden = pages === 1;
  put(byId("page"), `${whole(page * ROWS + 1)} to ${whole(page * ROWS + shown.length)} of ${whole(found.length)}`);
  byId("before").disabled = page === 0;
  byId("after").disabled = page === pages - 1;
};

const newRow = () => {
  const two = (name) => {
    const main = make("span", {class: "main"}), sub = make("small");
    return {cell: make("td", {class: name}, main, sub), main, sub};
  };
  const link = make("a"), tags = make("small");
  const parts = {link, tags, peak: two("peak"), ready: two("ready"), next: two("next"), cold: two("cold"), cost: two("cost"), decision: two("decision")};
  const pieces = ["busy", "idle", "coming", "over"].map((kind) => make("i", {class: kind}));
  parts.bar = pieces;
  parts.ready.cell.append(make("span", {class: "bar", "aria-hidden": "true"}, ...pieces));
  parts.line = document.createElementNS(SVG, "path");
  const picture = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true"})) picture.setAttribute(name, value);
  picture.append(parts.line);
  parts.next.cell.prepend(picture);
  parts.picture = picture;
  parts.element = make("tr", {}, make("th", {scope: "row"}, link, tags),
    ...["peak", "ready", "next", "cold", "cost", "decision"].map((name) => parts[name].cell));
  byId("rows").append(parts.element);
  return parts;
};

const fill = (row, pool) => {
  put(row.link, pool.name);
  const address = `#/pools/${encodeURIComponent(pool.name)}`;
  if (row.link.getAttribute("href") !== address) row.link.setAttribute("href", address);
  put(row.tags, [pool.mode, ...(pool.overrides ?? []).map((order) => order.kind), pool.error ?? (pool.freshness === "fresh" ? null : SIGHTS[pool.freshness])].filter(Boolean).join(" · "));
  row.element.className = needsAttention(pool) ? "attention" : pool.mode;
  put(row.peak.main, whole(pool.peak));
  put(row.peak.sub, pool.busy == null ? "" : `${units(pool.busy)} average`);
  put(row.ready.main, whole(own(pool, "ready")));
  put(row.ready.sub, [own(pool, "ready") == null ? "unknown" : own(pool, "requested") === own(pool, "ready") ? "ready" : `ready of ${whole(own(pool, "requested"))}`,
    pool.mode === "shadow" ? `simulated; actual ${whole(pool.actual_ready)}` : null,
    pool.kept_by_others ? `${whole(pool.kept_by_others)} by others` : null].filter(Boolean).join(" · "));
  bar(row.bar, pool);
  const [figure, note] = ahead(pool, asOf);
  put(row.next.main, figure);
  put(row.next.sub, note);
  row.picture.classList.toggle("none", !pool.next?.length);
  if (pool.next?.length) row.line.setAttribute("d", stepped(pool.next));
  put(row.cold.main, whole(own(pool, "cold_starts_today")));
  put(row.cold.sub, `${ranged(whole, own(pool, "cold_starts_without_stoker_today"), own(pool, "cold_starts_without_stoker_today_range"))} without`);
  put(row.cost.main, usd(own(pool, "bill_today_usd")));
  put(row.cost.sub, `${usd(own(pool, "bill_without_stoker_today_usd"))} without`);
  const change = pool.last_change ?? pool.decision;
  put(row.decision.main, change == null ? "–" : ["write", "would-write"].includes(change.action) ? `→ ${whole(change.target)}: ${change.text}` : change.text);
  put(row.decision.sub, change == null ? "" : clock(change.at));
};

const bar = ([busy, idle, coming, over], pool) => {
  busy.parentElement.hidden = own(pool, "ready") == null;
  const ready = own(pool, "ready") ?? 0, requested = own(pool, "requested") ?? 0, peak = pool.peak ?? 0;
  const whole = Math.max(1, ready, requested, peak), width = (value) => `${(100 * Math.max(0, value) / whole).toFixed(1)}%`;
  busy.style.width = width(Math.min(peak, ready));
  idle.style.width = width(ready - peak);
  over.style.width = width(peak - ready);
  coming.style.width = width(requested - Math.max(ready, peak));
};

const stepped = (steps) => {
  const most = Math.max(...steps.map((step) => step[1]));
  const first = steps[0][0], reach = Math.max(1, steps[steps.length - 1][0] - first + 15);
  const x = (minutes) => (100 * (minutes - first) / reach).toFixed(1), y = (value) => (22 - 20 * value / Math.max(1, most)).toFixed(1);
  const path = steps.map(([minutes, value]) => `H${x(minutes)}V${y(value)}`).join("");
  return `M0 24V${y(steps[0][1])}${path}H100V24Z`;
};
