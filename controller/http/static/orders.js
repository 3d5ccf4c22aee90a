// Orders from the page. The token is kept in this tab's session storage alone and goes nowhere but into a header.

import {byId, put} from "./words.js";

const KEY = "stoker-token";
const AMOUNTS = {prewarm: "Units at least", pin: "Units", boost: "Units more, or x2", pause: null};
let name = null, busy = false;

export const setUp = () => {
  byId("order-token").value = sessionStorage.getItem(KEY) ?? "";
  byId("order-kind").addEventListener("change", suit);
  byId("order").addEventListener("submit", (event) => {
    event.preventDefault();
    give();
  });
  byId("order-clear").addEventListener("click", clear);
  suit();
};

export const open = (wanted) => {
  if (wanted !== name) say("");
  name = wanted;
};

// A pause has no amount, and who prewarms need not say who they are.
const suit = () => {
  const kind = byId("order-kind").value, label = AMOUNTS[kind];
  byId("order-amount").parentElement.hidden = label == null;
  byId("order-amount").required = label != null;
  put(byId("order-amount-label"), label ?? "");
};

const say = (text, wrong = false) => {
  byId("order-said").classList.toggle("wrong", wrong);
  put(byId("order-said"), text);
};

const ask = async (path, method, body) => {
  const token = byId("order-token").value.trim();
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error("Give the daemon's token: it is what `stoker run` was given in STOKER_TOKEN, without spaces.");
  const answer = await fetch(`/v1/pools/${encodeURIComponent(name)}${path}`, {
    method, cache: "no-store", headers: {"Authorization": `Bearer ${token}`, "Content-Type": "application/json"},
    body: body == null ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(20000)});
  const told = await answer.json().catch(() => ({}));
  if (answer.status === 401) sessionStorage.removeItem(KEY); else sessionStorage.setItem(KEY, token);
  if (!answer.ok) throw new Error(told.error ?? `the daemon answers ${answer.status}`);
  return told;
};

// One at a time: a second press while the first is under way is no second order.
const once = async (work) => {
  if (busy) return;
  busy = true;
  say("Asking …");
  try {
    say(await work());
  } catch (error) {
    say(`Not done: ${error.message}`, true);
  } finally {
    busy = false;
  }
};

const end = () => {
  const text = byId("order-end").value.trim();
  return /^\d{4}-/.test(text) ? {until: text} : {for: text};
};

const amount = (kind) => {
  const text = byId("order-amount").value.trim();
  if (kind === "pause") return {};
  if (kind === "boost" && text.startsWith("x")) return {factor: Number(text.slice(1))};
  if (!/^\+?\d+$/.test(text)) throw new Error(`${AMOUNTS[kind]}: give a whole number${kind === "boost" ? ", or a factor such as x2" : ""}.`);
  return {units: Number(text)};
};

const give = () => once(async () => {
  const kind = byId("order-kind").value, words = {reason: byId("order-reason").value, by: byId("order-by").value};
  const body = {...amount(kind), ...end(), ...words};
  if (kind !== "prewarm") {
    const told = await ask("/overrides", "POST", {kind, ...body});
    return `Taken: ${told.set.order}, ${told.takes_effect}.`;
  }
  const told = await ask("/prewarm", "POST", body);
  const cost = told.cost_usd == null ? "" : `, reckoned at $${told.cost_usd.toFixed(4)}`;
  return `${told.granted} of ${told.asked} granted${cost}; takes effect ${told.takes_effect}.`;
});

const clear = () => once(async () => {
  const told = await ask("/overrides", "DELETE");
  return told.cleared.length ? `Ended: ${told.cleared.map((each) => each.order).join(", ")}; ${told.takes_effect}.` : "There was no order to end.";
});
