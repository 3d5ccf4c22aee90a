// The chart of one pool: demand, past and current forecast, actual and simulated capacity, what the rules would ask for, a line at now.

import {legend} from "./legend.js";
import {byId, clock, day, put, zone} from "./words.js";

// In the order of the legend. Each line has a colour and a dash of its own. `of`: its columns; `ahead`: whether it has values after now
// (true), before (false), or both.
const LINES = [
  {key: "actual", label: "Actual ready", colour: "actual", width: 2.5, of: ["actual"], ahead: false},
  {key: "simulated", label: "Simulated ready", colour: "simulated", width: 2.5, dash: [12, 4], of: ["simulated"], ahead: false},
  {key: "both", label: "ready, base + pings", colour: "actual", width: 2, dash: [2, 4], of: ["both"], ahead: false},
  {key: "requested", label: "requested", colour: "requested", width: 1.5, dash: [4, 3], of: ["requested"], ahead: false},
  {key: "rules", label: "Rules would ask for", colour: "rules", width: 2, dash: [8, 3], of: ["rules"], ahead: true},
  {key: "peak", label: "In flight (peak)", colour: "demand", fill: .45, of: ["peak"], ahead: false},
  {key: "middle", label: "Forecast P50", colour: "forecast", width: 1.5, dash: [2, 3], of: ["middle"]},
  {key: "band", label: "Forecast P10 to P99", colour: "band", fill: .2, of: ["low", "high"]},
];
// In the order of drawing.
const COLUMNS = ["time", "high", "low", "peak", "middle", "requested", "rules", "both", "simulated", "actual"];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const faded = (name, alpha) => {
  const hex = colour(name).slice(1);
  return `rgba(${[0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(",")},${alpha})`;
};
const axis = (more) => ({
  stroke: colour("soft"), grid: {stroke: colour("line"), width: 1}, ticks: {stroke: colour("line"), width: 1},
  font: "13px system-ui", labelFont: "13px system-ui", labelSize: 20, ...more,
});

const moments = (u, ticks, axisAt, space, step) => ticks.map((tick, at) => {
  const date = tick * 1000, isMidnight = (each) => clock(each * 1000) === "00:00", midnight = isMidnight(tick);
  if (step >= 86400) return day(date);
  return clock(date) + (midnight || (at === 0 && !ticks.slice(1, 3).some(isMidnight)) ? "\n" + day(date) : "");
});

const nowLine = (now) => (u) => {
  const x = u.valToPos(now, "x", true), {ctx, bbox} = u, dot = devicePixelRatio;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("ink");
  ctx.lineWidth = dot;
  ctx.setLineDash([2 * dot, 2 * dot]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `600 ${12 * dot}px system-ui`;
  ctx.textAlign = x > bbox.left + bbox.width - 40 * dot ? "right" : "left";
  ctx.textBaseline = "top";
  ctx.fillText("now", x + (ctx.textAlign === "left" ? 5 : -5) * dot, bbox.top + 2 * dot);
  ctx.restore();
};

// Lines of a pool in shadow mode have simulated capacity; those of an active pool do not. `layered`: capacity is that of the base.
const UNITS = ["actual", "simulated", "requested"], OF_KIND = ["requested", "both"];
const linesOf = (simulated, layered, hidden) => LINES.filter(({key}) => (simulated || key !== "simulated") && (layered || key !== "both")).map((line) => ({
  ...line, hidden: hidden.has(line.key), colour: line.key === "both" && simulated ? "simulated" : line.colour,
  label: (OF_KIND.includes(line.key) ? `${simulated ? "Simulated" : "Actual"} ${line.label}` : line.label) + (layered && UNITS.includes(line.key) ? ", base" : "")}));

const options = (box, lines, hooks) => {
  const stepped = uPlot.paths.stepped({align: 1}), by = Object.fromEntries(lines.flatMap((line) => line.of.map((name) => [name, line])));
  const series = COLUMNS.slice(1).map((name) => {
    const line = by[name];
    if (line == null) return {show: false};
    const look = name === "peak" ? {stroke: colour(line.colour), fill: faded(line.colour, line.fill), width: 1} :
      line.fill ? {stroke: "transparent", width: 0} : {stroke: colour(line.colour), width: line.width, dash: line.dash};
    return {label: line.label, paths: stepped, points: {show: false}, ...look, show: !line.hidden};
  });
  return {
    width: box.clientWidth, height: box.clientWidth < 560 ? 280 : 360, legend: {show: false}, hooks,
    tzDate: (at) => uPlot.tzDate(new Date(at * 1000), zone()),
    bands: [{series: [1, 2], fill: faded("band", .2)}],
    axes: [axis({values: moments, label: zone()}), axis({label: "units", size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]})],
    scales: {y: {range: (_, low, high) => [0, Math.max(1, high * 1.08)]}},
    cursor: {points: {size: 7}, y: false},
    series: [{}, ...series],
  };
};

const RECENT = 10;  // minutes

// Rows that the keys move the cursor by.
const MOVES = {ArrowLeft: -1, ArrowRight: 1, PageUp: -15, PageDown: 15, Home: -Infinity, End: Infinity};

// A chart in `box` with its legend in `keys`; `update` replaces its columns and keeps hidden lines and zoom.
export const chart = (box, keys) => {
  let u = null, latest = null, shape = "", words = "", simulated = false, layered = false, names = null;
  const hidden = new Set();
  const nowRow = () => Math.min(latest.past - 1, latest.time.length - 1);
  // At the cursor: null if unknown, undefined where the line has no values. Else the newest known value, or the next one ahead.
  const valueAt = (name, row, atCursor, ahead) => {
    const column = latest[name], at = nowRow();
    if (atCursor) return column[row] ?? (ahead != null && ahead === row <= at ? undefined : null);
    for (let back = at; back > at - RECENT && back >= 0; back--) if (column[back] != null) return column[back];
    return column[at + 1] ?? null;
  };
  const showValues = () => {
    const atCursor = u?.cursor.idx != null && u.cursor.left >= 0, row = atCursor ? u.cursor.idx : nowRow();
    names?.show(latest.time[row], atCursor, (key) => {
      const {of, ahead} = LINES.find((line) => line.key === key);
      return of.map((name) => valueAt(name, row, atCursor, ahead));
    });
  };
  const table = () => COLUMNS.map((name) => latest[name]);
  const toggle = (key, shown) => {
    hidden[shown ? "delete" : "add"](key);
    for (const name of LINES.find((line) => line.key === key).of) u.setSeries(COLUMNS.indexOf(name), {show: shown});
  };
  const build = () => {
    const zoomed = u != null && u.zoomed ? {...u.scales.x} : null, lines = linesOf(simulated, layered, hidden);
    u?.destroy();
    u = null;
    names = legend(keys, lines, toggle);
    u = new uPlot(options(box, lines, {
      draw: [(self) => nowLine(latest.now)(self)], setCursor: [showValues],
      setSelect: [(self) => { self.zoomed = self.select.width > 0; }],
    }), table(), box);
    u.over.addEventListener("dblclick", () => { u.zoomed = false; });
    if (zoomed) { u.zoomed = true; u.setScale("x", {min: zoomed.min, max: zoomed.max}); }
    showValues();
  };
  const moved = (event) => {
    if (u == null || (MOVES[event.key] == null && event.key !== "Escape")) return;
    event.preventDefault();
    if (event.key === "Escape") { u.setCursor({left: -10, top: -10}); return; }
    const row = Math.min(latest.time.length - 1, Math.max(0, (u.cursor.idx ?? nowRow()) + MOVES[event.key]));
    u.setCursor({left: u.valToPos(latest.time[row], "x"), top: 0});
    put(byId("chart-readout"), names.text());
  };
  box.addEventListener("keydown", moved);
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => latest && box.clientWidth && build(), 120); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => latest && build());
  return {
    // `of`: what is drawn; `withSimulated`: whether capacity is simulated, too; `withPings`: whether pings keep further units; `said`:
    // the chart in words.
    update: (data, of, withSimulated, withPings, said) => {
      latest = data;
      if (words !== said) box.setAttribute("aria-label", words = said);
      if (u == null || shape !== of || simulated !== withSimulated || layered !== withPings) {
        [shape, simulated, layered] = [of, withSimulated, withPings];
        if (u) u.zoomed = false;
        build();
        return;
      }
      u.setData(table(), !u.zoomed);
      if (u.zoomed) u.redraw();
      showValues();
    },
  };
};
