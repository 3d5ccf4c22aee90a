// One pool: its figures, its chart, its target with reasons, and its decisions.

import {chart} from "./chart.js";
import {columns} from "./columns.js";
import {compare} from "./comparison.js";
import * as decisions from "./decisions.js";
import * as facts from "./facts.js";
import {accountOf} from "./figures.js";
import {describe} from "./forecast.js";
import {byId, clock, make, put, units, usd, whole, zone} from "./words.js";

const FORECAST_EVERY = 20000, DETAIL_EVERY = 2500;
let name = null, hours = 6, drawing = null, forecast = null, forecastAt = 0, detailAt = 0, busy = false, entry = null, asOf = null;

const get = async (path) => {
  const answer = await fetch(path, {cache: "no-store"});
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `${path} returned status ${answer.status}`);
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
  decisions.setUp(get);
  byId("minutes").addEventListener("toggle", () => refresh(true));
};

export const open = (wanted) => {
  if (wanted !== name) {
    [forecast, forecastAt, detailAt, entry] = [null, 0, 0, null];
    decisions.open(wanted);
    for (const id of ["decisions", "reasons", "rules", "changed", "pings", "account", "minute-rows", "pool-facts", "pool-overrides", "pool-events", "differences"]) {
      byId(id).replaceChildren();
      delete byId(id).dataset.told;
    }
    for (const id of ["pool-tags", "wants", "chart-words", "decides"]) put(byId(id), "");
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
  [entry, asOf] = [given, instant];
  facts.show(given, instant);
  refresh(false);
};

const refresh = async (now) => {
  if (busy || name == null || (!now && Date.now() - detailAt < DETAIL_EVERY)) return;
  busy = true;
  detailAt = Date.now();
  const mine = name;
  try {
    const [history, detail, why, made] = await Promise.all(
      [get(path(`/history?hours=${hours}`)), get(path()), get(path("/why")), get(decisions.newest())]);
    if (mine !== name) return;
    draw(history);
    account(detail);
    decisions.current(why, asOf);
    decisions.show(made, asOf);
    lookAhead(mine, history);
  } catch (error) {
    if (mine === name && entry != null) put(byId("chart-words"), `Not available: ${error.message}`);
  } finally {
    busy = false;
    if (mine !== name) refresh(true);
  }
};

const account = (detail) => {
  const shadow = detail.mode === "shadow";
  compare(byId("account"), shadow ? "Shadow, simulated, today" : "Active, today", accountOf(detail, detail.sentence), shadow,
    detail.pings == null ? null : `Pings above the base: ${usd(detail.accounts[shadow ? "simulated" : "actual"].today.ping_usd)} of the bill today.`);
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
  const data = columns(history, forecast, entry?.next), shadow = entry?.mode === "shadow";
  drawing ??= chart(byId("chart"), byId("legend"));
  const peaks = history.peak.filter((value) => value != null), most = Math.max(0, ...peaks);
  const words = peaks.length ? `Peak in flight in the last ${hours} hours: ${whole(most)}.` : `No demand data for the last ${hours} hours.`;
  put(byId("chart-words"), `${words} ${describe(forecast, data.foretold)}${entry?.pings ? " Rules are those of the base." : ""}`);
  const layered = entry?.pings != null, kept = (kind) => layered ? `, by pings ${whole(entry.pings[`${kind}_ready`])}` : "";
  const ready = `Actual ready: ${whole(entry?.actual_ready)}${kept("actual")}.${shadow ? ` Simulated ready: ${whole(entry?.simulated_ready)}${kept("simulated")}.` : ""}`;
  drawing.update(data, `${name} ${hours}`, shadow, layered, `Chart of ${name}. ${words} ${ready} Arrow keys move the cursor.`);
  if (byId("minutes").open) minuteRows(history, shadow, layered);
};

// Requested and ready units: actual ones, and for a pool in shadow mode simulated ones in columns of their own.
const minuteRows = (history, shadow, layered) => {
  const kinds = ["actual", ...(shadow ? ["simulated"] : [])], keys = kinds.flatMap((kind) => [`${kind}_requested`, `${kind}_ready`]);
  const base = layered ? ", base" : "";
  const pinged = layered ? kinds.map((kind) => [`Ready (${kind}, pings)`, `${kind}_pinged_ready`]) : [];
  const heads = [zone(), "In flight (peak)", "Busy (average)", ...kinds.flatMap((kind) => [`Requested (${kind}${base})`, `Ready (${kind}${base})`]), ...pinged.map(([head]) => head)];
  const rows = [make("tr", {}, ...heads.map((text) => make("th", {scope: "col"}, text)))], first = Date.parse(history.first), end = history.peak.length;
  for (let at = end - 1; at >= Math.max(0, end - 60); at--) {
    const cells = [whole(history.peak[at]), units(history.busy[at]), ...[...keys, ...pinged.map(([, key]) => key)].map((key) => whole(history[key]?.[at]))];
    rows.push(make("tr", {}, make("th", {scope: "row"}, clock(first + at * 60000)), ...cells.map((text) => make("td", {}, text))));
  }
  byId("minute-rows").replaceChildren(...rows);
};
