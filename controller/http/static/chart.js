// The chart of one pool: demand, past and current forecast, requested, ready and planned units, and a line at now.

import {clock, day, own} from "./words.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
const faded = (name, alpha) => {
  const hex = colour(name).slice(1);
  return `rgba(${[0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(",")},${alpha})`;
};
const axis = (more) => ({
  stroke: colour("soft"), grid: {stroke: colour("line"), width: 1}, ticks: {stroke: colour("line"), width: 1},
  font: "13px system-ui", labelFont: "13px system-ui", ...more,
});
const shown = (u, value) => value == null ? "–" : value.toLocaleString("en", {maximumFractionDigits: 1});

const moments = (u, ticks, axisAt, space, step) => ticks.map((tick, at) => {
  const date = tick * 1000, midnight = tick % 86400 === 0;
  if (step >= 86400) return day(date);
  return clock(date) + (midnight || (at === 0 && !ticks.slice(1, 3).some((each) => each % 86400 === 0)) ? "\n" + day(date) : "");
});

// Columns of the chart: past minutes from `history`, then forecast and plan, at most as long as the past.
export const columns = (history, forecast, next) => {
  const first = Date.parse(history.first) / 1000, past = history.peak.length, now = Date.parse(history.at) / 1000;
  const known = forecast?.ahead?.peak.some((levels) => levels.some((value) => value != null));
  const planned = next?.length ? next[next.length - 1][0] + 15 : 0;
  const ahead = Math.min(Math.max(known ? forecast.ahead.peak.length : 0, planned), Math.max(120, past), 360);
  const rows = past + ahead, blank = () => new Array(rows).fill(null);
  const data = {time: Array.from({length: rows}, (_, row) => first + 60 * row), high: blank(), low: blank(), middle: blank(),
                peak: blank(), requested: blank(), ready: blank(), next: blank(), now, past, foretold: false};
  const shown = {peak: history.peak, requested: own(history, "requested"), ready: own(history, "ready")};
  for (const [name, values] of Object.entries(shown)) values.forEach((value, row) => { data[name][row] = value; });
  if (forecast?.levels) foretell(data, forecast, first, rows);
  if (next?.length) plan(data, next, now, first, rows);
  return data;
};

const foretell = (data, forecast, first, rows) => {
  const nearest = (level) => forecast.levels.reduce((best, each, at) =>
    Math.abs(each - level) < Math.abs(forecast.levels[best] - level) ? at : best, 0);
  const [low, middle, high] = [0.1, 0.5, 0.95].map(nearest);
  for (const [levels, from] of [[forecast.past.expected_peak, forecast.past.first], [forecast.ahead.peak, forecast.ahead.first]]) {
    const shift = Math.round((Date.parse(from) / 1000 - first) / 60);
    levels.forEach((each, at) => {
      const row = shift + at;
      if (row < 0 || row >= rows || each[middle] == null) return;
      [data.low[row], data.middle[row], data.high[row]] = [each[low], each[middle], each[high]];
      data.foretold = true;
    });
  }
};

const plan = (data, next, now, first, rows) => {
  const begin = Math.floor((now - first) / 60);
  next.forEach(([minutes, units], at) => {
    const end = at + 1 < next.length ? next[at + 1][0] : minutes + 15;
    for (let row = begin + minutes; row < Math.min(begin + end, rows); row++) data.next[row] = units;
  });
};

const nowLine = (now) => (u) => {
  const x = u.valToPos(now, "x", true), {ctx, bbox} = u;
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour("ink");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `600 ${12 * devicePixelRatio}px system-ui`;
  ctx.textAlign = x > bbox.left + bbox.width - 40 * devicePixelRatio ? "right" : "left";
  ctx.textBaseline = "top";
  ctx.fillText("now", x + (ctx.textAlign === "left" ? 5 : -5) * devicePixelRatio, bbox.top + 2 * devicePixelRatio);
  ctx.restore();
};

const table = (data) => [data.time, data.high, data.low, data.middle, data.peak, data.requested, data.next, data.ready];

// The names below the chart hide and show their lines, also by keyboard.
const reachable = (u) => {
  [...u.root.querySelectorAll(".u-legend .u-series th")].slice(1).forEach((name, at) => {
    const told = () => name.setAttribute("aria-pressed", String(u.series[at + 1].show));
    name.setAttribute("tabindex", "0");
    name.setAttribute("role", "button");
    name.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      name.click();
    });
    name.addEventListener("click", () => setTimeout(told));
    told();
  });
};

// A chart in `box`; `update` replaces its columns and keeps hidden lines and zoom.
export const chart = (box) => {
  let u = null, latest = null, shape = "", words = "";
  const build = () => {
    const hidden = u == null ? [] : u.series.map((each) => !each.show);
    const zoomed = u != null && u.zoomed ? {...u.scales.x} : null;
    u?.destroy();
    const stepped = uPlot.paths.stepped({align: 1});
    const line = (label, more, at) => ({label, paths: stepped, points: {show: false}, value: shown, ...more, show: !hidden[at]});
    u = new uPlot({
      width: box.clientWidth, height: box.clientWidth < 560 ? 280 : 360,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      bands: [{series: [1, 2], fill: faded("band", .18)}],
      axes: [axis({values: moments}), axis({label: "units", labelSize: 20, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]})],
      scales: {y: {range: (_, low, high) => [0, Math.max(1, high * 1.08)]}},
      cursor: {points: {size: 7}},
      series: [
        {value: (_, value) => value == null ? "–" : `${day(value * 1000)} ${clock(value * 1000)}`},
        line("Forecast P95", {stroke: faded("band", .55), width: 1}, 1),
        line("Forecast P10", {stroke: faded("band", .55), width: 1}, 2),
        line("Forecast P50", {stroke: colour("band"), width: 1, dash: [4, 4]}, 3),
        line("In flight", {stroke: faded("area", .8), fill: faded("area", .45), width: 1}, 4),
        line("Requested", {stroke: colour("accent"), width: 1, dash: [3, 3]}, 5),
        line("Planned", {stroke: colour("plan"), width: 2, dash: [6, 3]}, 6),
        line("Ready", {stroke: colour("accent"), width: 2}, 7),
      ],
      hooks: {
        draw: [(self) => nowLine(latest.now)(self)],
        setSelect: [(self) => { self.zoomed = self.select.width > 0; }],
      },
    }, table(latest), box);
    const wrap = u.root.querySelector(".u-wrap");
    wrap.setAttribute("role", "img");
    wrap.setAttribute("aria-label", words);
    reachable(u);
    u.over.addEventListener("dblclick", () => { u.zoomed = false; });
    if (zoomed) { u.zoomed = true; u.setScale("x", {min: zoomed.min, max: zoomed.max}); }
  };
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => latest && box.clientWidth && build(), 120); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => latest && build());
  return {
    update: (data, of, said) => {
      latest = data;
      words = said;
      u?.root.querySelector(".u-wrap").setAttribute("aria-label", said);
      if (u == null || shape !== of) { shape = of; if (u) u.zoomed = false; build(); return; }
      u.setData(table(data), !u.zoomed);
      if (u.zoomed) u.redraw();
    },
  };
};
