// Number and time formats, and helpers that build elements. Text is inserted as text, never as HTML.

// A value that is displayed as zero has no sign: -0 + 0 is 0.
const rounded = (value, digits) => (Math.round(value * 10 ** digits) / 10 ** digits + 0).toLocaleString("en");

export const whole = (value) => value == null ? "unknown" : rounded(value, 0);

export const units = (value) => value == null ? "unknown" : rounded(value, value < 10 ? 1 : 0);

/** A figure with its range, when both ends of the range display differently. */
export const ranged = (show, value, ends) =>
  ends == null || ends.includes(null) || show(ends[0]) === show(ends[1]) ? show(value) : `${show(value)} (${show(ends[0])} to ${show(ends[1])})`;

// How amounts and times are shown; the daemon sends USD and UTC.
let display = {timezone: "UTC", currency: "USD", units_per_usd: 1};
export const showAs = (given) => { display = given ?? display; };
export const zone = () => display.timezone;

/** An amount in USD, in the displayed currency: two decimals, three below 0.10, one significant digit below 0.001; less than a millionth is zero. */
export const dollars = (amount) => {
  const size = Math.abs(amount) * display.units_per_usd, unit = display.currency === "USD" ? "$" : `${display.currency}\u00a0`;
  const sign = amount < 0 ? `-${unit}` : unit;
  if (size < 1e-6) return `${unit}0.00`;
  if (size >= 0.0995) return sign + size.toLocaleString("en", {minimumFractionDigits: 2, maximumFractionDigits: 2});
  const digits = (size >= 0.001 ? size.toFixed(3) : Number(size.toPrecision(1)).toFixed(6)).replace(/0+$/, "");
  return sign + digits.padEnd(4, "0");
};

export const usd = (amount) => amount == null ? "unknown" : dollars(amount);

export const clock = (instant) =>
  new Date(instant).toLocaleTimeString("en-GB", {hour: "2-digit", minute: "2-digit", timeZone: zone()});

export const day = (instant) =>
  new Date(instant).toLocaleDateString("en", {weekday: "short", day: "numeric", month: "short", timeZone: zone()});

/** Time of day, with the day unless it is that of `now`. */
export const when = (instant, now) => {
  return `${day(instant) === day(now) ? "" : `${day(instant)} `}${clock(instant)} ${zone()}`;
};

export const span = (seconds) => {
  if (seconds == null) return "unknown";
  if (Math.round(seconds) < 120) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
};

const LEVERS = {
  "lambda-provisioned-concurrency": "Lambda provisioned concurrency", "lambda-ping": "Lambda pings",
  "cloud-run-min-instances": "Cloud Run minimum instances", "http-ping": "HTTP pings",
};
export const lever = (kind) => LEVERS[kind] ?? kind;

/** The error of a pool, else that of the pings above its base; null without one. */
export const errorOf = (pool) => pool.error ?? (pool.pings?.error == null ? null : `pings: ${pool.pings.error}`);

export const needsAttention = (pool) => errorOf(pool) != null || !["fresh", "quiet"].includes(pool.freshness);

export const SIGHTS = {
  fresh: "metrics are current", quiet: "no metrics (no traffic)", late: "metrics are late", broken: "metrics are missing", none: "no metrics received yet",
};

// The most that the rules would ask for in the next hours: [units, instant], or null if unknown.
const summit = (pool, asOf) => {
  if (!pool.next?.length) return null;
  const [minutes, most] = pool.next.reduce((best, step) => step[1] > best[1] ? step : best);
  return [most, Date.parse(asOf) + minutes * 60000];
};

// The same as a figure and a note.
export const ahead = (pool, asOf) => {
  const top = summit(pool, asOf);
  if (top == null) return ["unknown", pool.next_missing ?? ""];
  if (top[0] === 0) return ["0", "in the next hours"];
  return [`up to ${whole(top[0])}`, top[0] === pool.next[0][1] ? "from now" : `at ${clock(top[1])} ${zone()}`];
};

// Sets text only when it differs, so that screen readers do not repeat it and nothing is repainted.
export const put = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

// Rebuilds the children only when their data has changed, which keeps selection and focus.
export const rebuild = (element, facts, build) => {
  const told = JSON.stringify(facts);
  if (element.dataset.told === told) return;
  element.dataset.told = told;
  element.replaceChildren(...build());
};

export const make = (tag, attributes = {}, ...inner) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...inner.filter((each) => each != null));
  return element;
};

export const byId = (id) => document.getElementById(id);
