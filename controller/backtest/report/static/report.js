"use strict";
(() => {
  const pools = JSON.parse(document.getElementById("data").textContent);
  if (!pools.length) return;
  const display = JSON.parse(document.body.dataset.display), unit = display.currency === "USD" ? "$" : `${display.currency}\u00a0`;
  const priced = (usd) => unit + Number((usd * display.units_per_usd).toPrecision(6));
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString("en-GB", {hour: "2-digit", minute: "2-digit", timeZone: display.timezone});
  const dayOf = (seconds) => new Date(seconds * 1000).toLocaleDateString("en", {weekday: "short", day: "numeric", month: "short", timeZone: display.timezone});
  const curveBox = document.getElementById("curve"), timeBox = document.getElementById("time");
  const parts = [...document.querySelectorAll("[data-pool]")], buttons = [...document.querySelectorAll("[data-span]")];
  let pool = pools[0], timeChart = null, curveChart = null, range = "week";

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const faded = (name, alpha) => {
    const hex = colour(name).slice(1);
    return `rgba(${[0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)).join(",")},${alpha})`;
  };
  const dollars = (ticks) => {
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1, needed = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const digits = needed === 1 ? 2 : needed;
    return ticks.map((tick) => unit + (tick * display.units_per_usd).toLocaleString("en", {minimumFractionDigits: digits, maximumFractionDigits: digits}));
  };
  const axis = (more) => ({
    stroke: colour("soft"), grid: {stroke: colour("line"), width: 1}, ticks: {stroke: colour("line"), width: 1},
    font: "13px system-ui", labelFont: "13px system-ui", ...more,
  });

  const moments = (u, ticks, axisAt, space, step) => {
    const midnight = (tick) => clock(tick) === "00:00";
    return ticks.map((tick, at) => {
      const day = dayOf(tick);
      if (step >= 86400) return day;
      const dated = midnight(tick) || (at === 0 && !ticks.slice(1, 3).some(midnight));
      return clock(tick) + (dated ? "\n" + day : "");
    });
  };

  const expanded = (changes, rows) => {
    const out = new Array(rows);
    changes.forEach(([row, value], at) => out.fill(value, row, at + 1 < changes.length ? changes[at + 1][0] : rows));
    return out;
  };

  const table = (one) => {
    const rows = one.demand.length, times = Array.from({length: rows}, (_, row) => one.first + 60 * row);
    const blank = () => new Array(rows).fill(null);
    const [low, middle, high, cold] = [blank(), blank(), blank(), blank()];
    if (one.band) {
      one.band.rows.forEach((row, at) => {
        for (let minute = row; minute < Math.min(row + 15, rows); minute++) {
          low[minute] = one.band.low[at]; middle[minute] = one.band.middle[at]; high[minute] = one.band.high[at];
        }
      });
    }
    one.cold.forEach(([row]) => { cold[row] = one.demand[row]; });
    const both = one.both ? [expanded(one.both, rows)] : [];
    return [times, high, low, middle, one.demand, expanded(one.tracked, rows), ...both, expanded(one.ready, rows), cold];
  };

  const drawTime = () => {
    if (timeChart) timeChart.destroy();
    const data = table(pool), counts = new Map(pool.cold);
    const stepped = uPlot.paths.stepped({align: 1});
    const whole = (u, value) => value == null ? "–" : String(value);
    const series = [
      {value: (u, value) => value == null ? "–" : `${dayOf(value)} ${clock(value)}`},
      {label: "Forecast 1 h ahead: P95", show: !!pool.band, stroke: faded("band", .5), width: 1, paths: stepped, points: {show: false}, value: whole},
      {label: "P10", show: !!pool.band, stroke: faded("band", .5), width: 1, paths: stepped, points: {show: false}, value: whole},
      {label: "P50", show: false, stroke: colour("band"), width: 1, dash: [4, 4], paths: stepped, points: {show: false}, value: whole},
      {label: "Demand", stroke: faded("area", .7), fill: faded("area", .35), width: 1, paths: stepped, points: {show: false}, value: whole},
      {label: "AWS target tracking (70 %), ready", show: false, stroke: colour("tracked"), width: 1.5, paths: stepped, points: {show: false}, value: whole},
      ...(pool.both ? [{label: "Stoker, base + pings", stroke: colour("pings"), width: 2, paths: stepped, points: {show: false}, value: whole}] : []),
      {label: pool.both ? "Stoker, base ready" : "Stoker, ready", stroke: colour("accent"), width: 2, paths: stepped, points: {show: false}, value: whole},
      {label: "Cold starts", stroke: colour("wait"), paths: () => null, points: {show: true, size: 5, fill: colour("wait"), stroke: colour("wait")},
        value: (u, value, at, row) => row == null || !counts.has(row) ? "–" : String(counts.get(row))},
    ];
    if (!pool.band) series.splice(1, 3);
    timeChart = new uPlot({
      width: timeBox.clientWidth, height: 380, tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), display.timezone),
      bands: pool.band ? [{series: [1, 2], fill: faded("band", .16)}] : [],
      axes: [axis({values: moments}), axis({label: "units in flight", labelSize: 22, size: 52, incrs: [1, 2, 5].flatMap((digit) => [1, 10, 100, 1000, 10000, 100000].map((power) => digit * power)).sort((one, other) => one - other)})],
      scales: {y: {range: (u, low, high) => [0, Math.max(1, high * 1.06)]}}, cursor: {points: {size: 7}}, series,
      hooks: {setSelect: [() => mark(null)]},
    }, pool.band ? data : [data[0], ...data.slice(4)], timeBox);
    show(range);
  };

  const show = (wanted) => {
    const rows = pool.demand.length, at = pool.worst ?? pool.start, day = 1440;
    const middle = (length) => Math.max(0, Math.min(at + 30 - length / 2, rows - length));
    const spans = {worst: [at - 30, at + 90], day: [middle(day), middle(day) + day], week: [middle(7 * day), middle(7 * day) + 7 * day], all: [0, rows - 1]};
    const [from, to] = spans[wanted];
    range = wanted;
    timeChart.setScale("x", {min: pool.first + 60 * Math.max(0, from), max: pool.first + 60 * Math.min(rows - 1, to)});
    mark(wanted);
  };
  const mark = (wanted) => buttons.forEach((button) => button.classList.toggle("on", button.dataset.span === wanted));

  const price = (setting) => {
    const [key, value] = setting.split(": ");
    return key === "cold_start_cost_usd" ? priced(value) : key === "cold_start_cost_usd_per_second" ? priced(value) + "/s" : key === "warm_hit_rate" ? Number((100 * value).toPrecision(6)) + " %" : setting;
  };
  const spread = (waits) => Math.asinh(waits / 5);

  const labels = (u, points) => {
    const context = u.ctx, ratio = devicePixelRatio, taken = [];
    context.save();
    context.textBaseline = "middle";
    const placed = points.map((point) => ({...point, x: u.valToPos(spread(point.cold), "x", true), y: u.valToPos(point.usd, "y", true)}));
    const dots = placed.map(({x, y}) => [x - 5 * ratio, y - 5 * ratio, x + 5 * ratio, y + 5 * ratio]);
    const rank = (point) => point.own ? 0 : point.first ? 1 : point.quiet ? 3 : 2;
    placed.sort((one, other) => rank(one) - rank(other)).forEach(({label, own, quiet, x, y}) => {
      context.font = `${own ? "700 15px" : "13px"} system-ui`.replace(/(\d+)px/, (_, size) => `${size * ratio}px`);
      const width = context.measureText(label).width, tall = 17 * ratio, gap = 9 * ratio;
      const left = u.bbox.left, right = u.bbox.left + u.bbox.width;
      const clash = (box, all) => all.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
      let best = null;
      for (const shift of [0, -1, 1, -2, 2, -3, 3, -4, 4]) {
        for (const side of [1, -1]) {
          const start = side > 0 ? x + gap : x - gap - width, height = y + shift * tall;
          const box = [start, height - tall / 2, start + width, height + tall / 2];
          if (start < left || start + width > right || box[1] < u.bbox.top || box[3] > u.bbox.top + u.bbox.height) continue;
          if (clash(box, taken) || clash(box, dots)) continue;
          best = {box, shift, side};
          break;
        }
        if (best) break;
      }
      if (!best) return;
      taken.push(best.box);
      context.fillStyle = own || quiet ? colour("accent") : colour("ink");
      context.textAlign = "left";
      context.fillText(label, best.box[0], (best.box[1] + best.box[3]) / 2);
      if (best.shift) {
        context.strokeStyle = colour("soft");
        context.lineWidth = ratio * .75;
        context.beginPath();
        context.moveTo(x, y);
        context.lineTo(best.side > 0 ? best.box[0] - 2 * ratio : best.box[2] + 2 * ratio, (best.box[1] + best.box[3]) / 2);
        context.stroke();
      }
    });
    context.restore();
  };

  const drawCurve = () => {
    if (curveChart) curveChart.destroy();
    const points = pool.curve.policies.map(([name, label, cold, usd]) => ({label, cold, usd, own: name === "stoker", first: name === pool.curve.tracking}));
    const settings = pool.curve.frontier.map(([cold, usd, label, own, best]) => ({label: price(label), cold, usd, quiet: true, setting: true, policy: own, best}));
    const rows = pool.curve.constants.map(([cold, usd]) => ({cold, usd, line: true})).concat(points, settings).sort((one, other) => one.cold - other.cold);
    const bounds = (bills) => {
      const low = Math.min(...bills), high = Math.max(...bills), room = (high - low || high || 1) * .2;
      return [Math.max(0, low - room), high + room];
    };
    const most = Math.max(12, ...rows.map((row) => row.cold));
    const least = Math.min(...points.concat(settings).map((point) => point.cold));
    const across = [least > 20 ? spread(least / 3) : -.08, spread(most * 1.5)];
    const marks = [0, ...Array.from({length: 8}, (_, power) => [3, 10].map((digit) => digit * 10 ** power)).flat()].filter((mark) => mark <= most * 1.5);
    const shown = marks.filter((mark) => spread(mark) >= across[0]);
    const column = (chosen) => rows.map((row) => chosen(row) ? row.usd : null);
    const dot = (name, size) => ({paths: () => null, points: {show: true, size, fill: colour(name), stroke: colour(name)}});
    curveChart = new uPlot({
      width: curveBox.clientWidth, height: 400, legend: {show: false}, cursor: {show: false},
      scales: {
        x: {time: false, range: across},
        y: {range: bounds(points.concat(settings).map((point) => point.usd))},
      },
      axes: [axis({label: "cold starts (compressed scale)", labelSize: 22, splits: () => shown.map(spread), values: () => shown.map((mark) => mark.toLocaleString("en"))}),
             axis({label: "provider bill", labelSize: 22, size: 64, values: (u, ticks) => dollars(ticks)})],
      series: [{}, {stroke: colour("area"), width: 2, spanGaps: true, points: {show: true, size: 4, fill: colour("area")}},
               {stroke: colour("accent"), width: 2, spanGaps: true, points: {show: false}}, dot("accent", 6), dot("ink", 8), dot("accent", 14)],
      hooks: {draw: [(u) => labels(u, points.concat(settings.filter((point) => point.best && !point.policy)))]},
    }, [rows.map((row) => spread(row.cold)), column((row) => row.line), column((row) => row.best), column((row) => row.setting),
        column((row) => !row.line && !row.own && !row.setting), column((row) => row.own)], curveBox);
  };

  const draw = () => { drawCurve(); drawTime(); };
  const choose = (at) => {
    pool = pools[at];
    parts.forEach((part) => { part.hidden = Number(part.dataset.pool) !== at; });
    draw();
  };
  buttons.forEach((button) => button.addEventListener("click", () => show(button.dataset.span)));
  document.getElementById("pool").addEventListener("change", (event) => choose(Number(event.target.value)));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(draw, 120); });
  timeBox.addEventListener("dblclick", () => mark("all"));
  choose(0);
})();
