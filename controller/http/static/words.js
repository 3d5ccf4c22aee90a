// Number and time formats, and helpers that build elements. Text is inserted as text, never as HTML.

export const whole = (value) => value == null ? "–" : Math.round(value).toLocaleString("en");

export const units = (value) => value == null ? "–" : value.toLocaleString("en", {maximumFractionDigits: value < 10 ? 1 : 0});

/** A figure with its range, when both ends of the range display differently. */
export const ranged = (show, value, ends) =>
  ends == null || show(ends[0]) === show(ends[1]) ? show(value) : `${show(value)} (${show(ends[0])} to ${show(ends[1])})`;

export const usd = (value) => {
  if (value == null) return "–";
  const size = Math.abs(value), sign = value < 0 ? "−$" : "$";
  if (size >= 1000) return sign + Math.round(size).toLocaleString("en");
  if (size >= 0.1 || size === 0) return sign + size.toFixed(2);
  return size >= 0.0001 ? sign + String(Number(size.toPrecision(2))) : "$0.00";
};

export const clock = (instant) => new Date(instant).toISOString().slice(11, 16);

export const day = (instant) =>
  new Date(instant).toLocaleDateString("en", {weekday: "short", day: "numeric", month: "short", timeZone: "UTC"});

export const when = (instant, now) => {
  const same = new Date(instant).toISOString().slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return same ? clock(instant) : `${day(instant)} ${clock(instant)}`;
};

export const span = (seconds) => {
  if (seconds == null) return "unknown";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
};

const LEVERS = {
  "lambda-provisioned-concurrency": "Lambda provisioned concurrency", "lambda-ping": "Lambda pings",
  "cloud-run-min-instances": "Cloud Run minimum instances", "http-ping": "HTTP pings",
};
export const lever = (kind) => LEVERS[kind] ?? kind;

// Kind of a pool's own figures: what it has and did, or what it would have had in shadow mode.
export const kindOf = (pool) => pool.mode === "shadow" ? "simulated" : "actual";
export const own = (pool, name) => pool[`${kindOf(pool)}_${name}`];

export const needsAttention = (pool) => pool.error != null || !["fresh", "quiet"].includes(pool.freshness);

export const SIGHTS = {
  fresh: "metrics are current", quiet: "no metrics (no traffic)", late: "metrics are late", broken: "metrics are missing", none: "no metrics received yet",
};

// The maximum of the next hours' plan: [units, instant], or null without a plan.
const summit = (pool, asOf) => {
  if (!pool.next?.length) return null;
  const [minutes, most] = pool.next.reduce((best, step) => step[1] > best[1] ? step : best);
  return [most, Date.parse(asOf) + minutes * 60000];
};

// The same as a figure and a note.
export const ahead = (pool, asOf) => {
  const top = summit(pool, asOf);
  if (top == null) return ["–", pool.next_missing ?? ""];
  if (top[0] === 0) return ["none", "planned"];
  return [`up to ${whole(top[0])}`, top[0] === pool.next[0][1] ? "from now" : `at ${clock(top[1])}`];
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
