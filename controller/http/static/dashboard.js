// Polls the daemon's status and shows all pools, or the pool named in the URL.

import * as orders from "./orders.js";
import * as pool from "./pool.js";
import * as table from "./table.js";
import {byId, clock, day, make, needsAttention, put, rebuild, usd, whole} from "./words.js";

const EVERY = 1500, HIDDEN_EVERY = 20000;
let tag = null, status = null, heard = null, timer = 0;

const poll = async () => {
  clearTimeout(timer);
  try {
    const answer = await fetch("/status", {cache: "no-store", headers: tag ? {"If-None-Match": tag} : {}, signal: AbortSignal.timeout(20000)});
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(`the daemon returned status ${answer.status}`);
      tag = answer.headers.get("ETag");
      status = await answer.json();
      show();
    }
    heard = Date.now();
    linked(true);
  } catch {
    linked(false);
  }
  timer = setTimeout(poll, document.hidden ? HIDDEN_EVERY : EVERY);
};

const role = (lease) => {
  if (lease == null) return "Live";
  if (lease.role === "leader") return `Live, leader (fencing token ${lease.fencing})`;
  return lease.leader == null ? "Standby, no leader" : `Standby, leader: ${lease.leader}`;
};

const linked = (alive) => {
  document.body.classList.toggle("cut", !alive);
  put(byId("link"), !alive ? "No answer from the daemon" : status?.as_of == null ? "Starting" : role(status.lease));
  byId("notice").hidden = alive;
  if (!alive) put(byId("notice"), heard == null ? "The daemon does not answer." : `The daemon has not answered since ${new Date(heard).toLocaleTimeString()}: this page shows the data of that time.`);
};

const chosen = () => {
  const found = /^#\/pools\/(.+)$/.exec(location.hash);
  try {
    return found ? decodeURIComponent(found[1]) : null;
  } catch {
    return found[1];
  }
};

const route = () => {
  const name = chosen(), was = byId("pool").hidden;
  byId("overview").hidden = name != null;
  byId("pool").hidden = name == null;
  document.title = name == null ? "Stoker" : `${name} – Stoker`;
  if (name != null) {
    pool.open(name);
    orders.open(name);
    scrollTo(0, 0);
    byId("pool-name").focus({preventScroll: true});
  } else if (!was) {
    byId("main").focus({preventScroll: true});
  }
  if (status) show();
};

const show = () => {
  if (status.as_of == null) {
    put(byId("headline"), "Starting: reading history");
    return;
  }
  put(byId("now"), `${day(status.as_of)} ${clock(status.as_of)} UTC`);
  const name = chosen();
  if (name != null) {
    pool.show(status.pools.find((each) => each.name === name), status.as_of);
    return;
  }
  overview();
  table.show(status.pools, status.as_of);
};

const fill = (name, text) => put(document.querySelector(`[data-fill="${name}"]`), text);

const orphans = (given) => {
  byId("orphans").hidden = given.length === 0;
  rebuild(byId("orphans"), given, () => given.map((each) => make("li", {}, make("b", {}, `Orphan ${each.pool}: `), each.text)));
};

const overview = () => {
  orphans(status.orphans ?? []);
  const {actual, simulated} = status.totals, failing = status.pools.filter(needsAttention).length;
  put(byId("headline"), [actual.pools || !simulated.pools ? actual.sentence : null, simulated.pools ? `Simulated: ${simulated.sentence}` : null].filter(Boolean).join(". "));
  const shown = actual.pools || !simulated.pools ? actual : simulated, kind = shown === actual ? "actual" : "simulated";
  fill("ready", whole(shown.ready));
  const unread = status.pools.filter((each) => each.actual_ready == null).length;
  fill("ready-note", `${kind}: ready of ${whole(shown.requested)} requested${unread ? `; ${whole(unread)} pools unknown` : ""}`);
  fill("flight", whole(shown.busy));
  fill("pools", `${whole(status.pools.length)} ${status.pools.length === 1 ? "pool" : "pools"}, ${failing ? `${whole(failing)} with problems` : "no problems"}`);
  document.querySelector(".now-tile").classList.toggle("attention", failing > 0);
  for (const [name, suffix] of [["", ""], ["-without", "_without_stoker"], ["-tracking", "_target_tracking"]]) {
    const bill = shown[`bill${suffix}_today_usd`];
    fill(`cold${name}`, whole(shown[`cold_starts${suffix}_today`]));
    fill(`cost${name}`, usd(bill));
    fill(`whole${name}`, `${usd(bill + shown[`cold_start_cost${suffix}_today_usd`])} bill + cold-start cost`);
  }
  const reads = status.metric_reads_usd_per_month;
  put(byId("reads"), reads ? `Metric reads cost ${usd(reads)} per month.` : "");
};

table.setUp();
pool.setUp();
orders.setUp();
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
route();
poll();
