// Overrides from the page. The token is stored only in this tab's session storage and sent only in the Authorization header.

import {byId, put, usd} from "./words.js";

const KEY = "stoker-token";
const AMOUNTS = {prewarm: "Minimum units", pin: "Units", boost: "Added units, or a factor such as x2", pause: null};
let name = null, busy = false;

export const setUp = () => {
  byId("override-token").value = sessionStorage.getItem(KEY) ?? "";
  byId("override-kind").addEventListener("change", suit);
  byId("override").addEventListener("submit", (event) => {
    event.preventDefault();
    give();
  });
  byId("override-clear").addEventListener("click", clear);
  suit();
};

export const open = (wanted) => {
  if (wanted !== name) say("");
  name = wanted;
};

// A pause has no amount.
const suit = () => {
  const kind = byId("override-kind").value, label = AMOUNTS[kind];
  byId("override-amount").parentElement.hidden = label == null;
  byId("override-amount").required = label != null;
  put(byId("override-amount-label"), label ?? "");
};

const say = (text, wrong = false) => {
  byId("override-said").classList.toggle("wrong", wrong);
  put(byId("override-said"), text);
};

const ask = async (path, method, body) => {
  const token = byId("override-token").value.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error("Enter the daemon's token: the value of STOKER_TOKEN for `stoker run`, without spaces.");
  const answer = await fetch(`/v1/pools/${encodeURIComponent(name)}${path}`, {
    method, cache: "no-store", headers: {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"},
    body: body == null ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(20000)});
  const reply = await answer.json().catch(() => ({}));
  if (answer.status === 401) sessionStorage.removeItem(KEY); else sessionStorage.setItem(KEY, token);
  if (!answer.ok) throw new Error(reply.error ?? `the daemon returned status ${answer.status}`);
  return reply;
};

// One request at a time: a second click during a request does not send a second override.
const once = async (work) => {
  if (busy) return;
  busy = true;
  say("Sending …");
  try {
    say(await work());
  } catch (error) {
    say(`Failed: ${error.message}`, true);
  } finally {
    busy = false;
  }
};

const end = () => {
  const text = byId("override-end").value.trim();
  return /^\d{4}-/.test(text) ? {until: text} : {for: text};
};

const amount = (kind) => {
  const text = byId("override-amount").value.trim();
  if (kind === "pause") return {};
  if (kind === "boost" && text.startsWith("x")) return {factor: Number(text.slice(1))};
  if (!/^\+?\d+$/.test(text)) throw new Error(`${AMOUNTS[kind]}: enter a whole number${kind === "boost" ? ", or a factor such as x2" : ""}.`);
  return {units: Number(text)};
};

const give = () => once(async () => {
  const kind = byId("override-kind").value, words = {reason: byId("override-reason").value, by: byId("override-by").value};
  const body = {...amount(kind), ...end(), ...words};
  if (kind !== "prewarm") {
    const reply = await ask("/overrides", "POST", {kind, ...body});
    return `Override set: ${reply.set.order}; takes effect ${reply.takes_effect}: ${reply.set.effect}.`;
  }
  const reply = await ask("/prewarm", "POST", body);
  const cost = reply.bill_usd == null ? "" : `, estimated bill ${usd(reply.bill_usd)}`;
  return `${reply.granted} of ${reply.asked} granted${cost}; takes effect ${reply.takes_effect}${reply.set == null ? "" : `: ${reply.set.effect}`}.`;
});

const clear = () => once(async () => {
  const reply = await ask("/overrides", "DELETE");
  return reply.cleared.length ? `Ended: ${reply.cleared.map((each) => each.order).join(", ")}; takes effect ${reply.takes_effect}.` : "No override is active.";
});
