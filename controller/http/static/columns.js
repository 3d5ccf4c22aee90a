// Columns of the chart of one pool: past minutes from the history, then the forecast and what the rules would ask for.

const LONGEST_AHEAD = 360, SHORTEST_AHEAD = 120, STEP_MINUTES = 15;
const PAST = {peak: "peak", actual: "actual_ready", simulated: "simulated_ready"};

const seconds = (instant) => Date.parse(instant) / 1000;

// `next`: pairs of minutes from now and units, as in the status.
export const columns = (history, forecast, next) => {
  const first = seconds(history.first), past = history.peak.length, now = seconds(history.at);
  const known = forecast?.ahead?.peak.some((levels) => levels.some((value) => value != null));
  const planned = next?.length ? next[next.length - 1][0] + STEP_MINUTES : 0;
  const ahead = Math.min(Math.max(known ? forecast.ahead.peak.length : 0, planned), Math.max(SHORTEST_AHEAD, past), LONGEST_AHEAD);
  const rows = past + ahead, blank = () => new Array(rows).fill(null);
  const data = {time: Array.from({length: rows}, (_, row) => first + 60 * row), now, past, foretold: false,
                high: blank(), low: blank(), middle: blank(), peak: blank(), requested: blank(), rules: blank(), both: blank(), actual: blank(), simulated: blank()};
  for (const [name, key] of Object.entries(PAST)) (history[key] ?? []).forEach((value, row) => { data[name][row] = value; });
  (history.simulated_requested ?? history.actual_requested).forEach((value, row) => { data.requested[row] = value; });
  const kind = history.mode === "shadow" ? "simulated" : "actual";
  (history[`${kind}_pinged_ready`] ?? []).forEach((pinged, row) => {
    const base = history[`${kind}_ready`][row];
    data.both[row] = pinged == null || base == null ? null : base + pinged;
  });
  if (forecast?.levels) foretell(data, forecast, first, rows);
  if (next?.length) plan(data, next, now, first, rows);
  return data;
};

/** Position of the level of a forecast that is nearest to `level`. */
export const nearest = (levels, level) =>
  levels.reduce((best, each, at) => Math.abs(each - level) < Math.abs(levels[best] - level) ? at : best, 0);

const foretell = (data, forecast, first, rows) => {
  const [low, middle, high] = [0.1, 0.5, 0.99].map((level) => nearest(forecast.levels, level));
  for (const [levels, from] of [[forecast.past.expected_peak, forecast.past.first], [forecast.ahead.peak, forecast.ahead.first]]) {
    const shift = Math.round((seconds(from) - first) / 60);
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
    const end = at + 1 < next.length ? next[at + 1][0] : minutes + STEP_MINUTES;
    for (let row = begin + minutes; row < Math.min(begin + end, rows); row++) data.rules[row] = units;
  });
};
