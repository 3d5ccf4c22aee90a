// One row of a table of pools: cells of a figure and a note, with a bar of units and a line of the next hours.

import {figure} from "./figures.js";
import {ahead, clock, errorOf, make, needsAttention, put, ranged, SIGHTS, units, usd, whole, zone} from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const PIECES = ["busy", "idle", "coming", "over"];

const picture = () => {
  const path = document.createElementNS(SVG, "path"), box = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true"})) box.setAttribute(name, value);
  box.append(path);
  return {box, path};
};

// `columns`: pairs of key and label; a label is shown beside its cell on a narrow screen.
export const newRow = (columns) => {
  const link = make("a"), tags = make("small"), element = make("tr", {role: "row"}, make("th", {scope: "row", role: "rowheader"}, link, tags));
  const cells = {}, bar = PIECES.map((kind) => make("i", {class: kind})), line = picture();
  for (const [key, label] of columns.slice(1)) {
    const main = make("span", {class: "main"}), sub = make("small");
    const box = make("td", {class: key, role: "cell", "data-label": label}, make("div", {}, main, sub));
    cells[key] = {box: box.firstChild, main, sub};
    element.append(box);
  }
  (cells.simulated ?? cells.ready).box.append(make("span", {class: "bar", "aria-hidden": "true"}, ...bar));
  cells.next.box.prepend(line.box);
  return {element, show: (pool, asOf) => show({element, link, tags, cells, bar, line}, pool, asOf)};
};

const fill = ({main, sub}, figure, note) => {
  put(main, figure);
  put(sub, note);
};

const show = (row, pool, asOf) => {
  const {cells, link} = row, address = `#/pools/${encodeURIComponent(pool.name)}`;
  put(link, pool.name);
  if (link.getAttribute("href") !== address) link.setAttribute("href", address);
  put(row.tags, [pool.mode, ...(pool.overrides ?? []).map((each) => each.kind), errorOf(pool) ?? (pool.freshness === "fresh" ? null : SIGHTS[pool.freshness])].filter(Boolean).join(" · "));
  row.element.className = needsAttention(pool) ? "attention" : "";
  fill(cells.peak, whole(pool.peak), pool.busy == null ? "" : `${units(pool.busy)} average`);
  const others = pool.kept_by_others ? ` · ${whole(pool.kept_by_others)} by others` : "";
  fill(cells.ready, whole(pool.actual_ready), pool.actual_ready == null ? "" : `of ${whole(pool.actual_requested)} requested${others}${pinged(pool, "actual")}`);
  if (cells.simulated) fill(cells.simulated, whole(pool.simulated_ready), pool.simulated_ready == null ? "" : `of ${whole(pool.simulated_requested)}, simulated${pinged(pool, "simulated")}`);
  pieces(row.bar, pool);
  fill(cells.next, ...ahead(pool, asOf));
  row.line.box.classList.toggle("none", !pool.next?.length);
  if (pool.next?.length) row.line.path.setAttribute("d", stepped(pool.next));
  const without = ranged(whole, figure(pool, "cold_starts_without_stoker_today"), figure(pool, "cold_starts_without_stoker_today_range"));
  fill(cells.cold, whole(figure(pool, "cold_starts_today")), `${without} without Stoker`);
  fill(cells.cost, usd(figure(pool, "bill_today_usd")), `${usd(figure(pool, "bill_without_stoker_today_usd"))} without Stoker`);
  const change = pool.last_change ?? pool.decision;
  fill(cells.decision, change == null ? "none yet" : change.text, change == null ? "" : `${clock(change.at)} ${zone()}${change.action === "write" ? `, target ${whole(change.target)}` : ""}`);
};

// The figures beside it are those of the base.
const pinged = (pool, kind) => pool.pings == null ? "" : ` · ${whole(pool.pings[`${kind}_ready`])} of ${whole(pool.pings[`${kind}_requested`])} by pings`;

const pieces = ([busy, idle, coming, over], pool) => {
  const ready = figure(pool, "ready"), requested = figure(pool, "requested"), peak = pool.peak ?? 0;
  busy.parentElement.hidden = ready == null;
  if (ready == null) return;
  const all = Math.max(1, ready, requested, peak), width = (value) => `${(100 * Math.max(0, value) / all).toFixed(1)}%`;
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
