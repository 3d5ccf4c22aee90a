// Polls the daemon's status and shows all pools, or the pool named in the URL.

import * as orders from "./orders.js";
import * as pool from "./pool.js";
import * as table from "./table.js";
import {byId, clock, day, make, needsAttention, put, ranged, rebuild, usd, whole} from "./words.js";

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

const sum = (key) => status.pools.reduce((total, each) => total + (each[key] ?? 0), 0);
const ends = (key, range) => [0, 1].map((end) => status.pools.reduce((total, each) => total + (each[range]?.[end] ?? each[key] ?? 0), 0));
const fill = (name, text) => put(document.querySelector(`[data-fill="${name}"]`), text);

const orphans = (given) => {
  byId("orphans").hidden = given.length === 0;
  rebuild(byId("orphans"), given, () => given.map((each) => make("li", {}, make("b", {}, `Orphan ${each.pool}: `), each.text)));
};

const overview = () => {
  orphans(status.orphans ?? []);
  const cold = sum("cold_starts_today"), without = sum("cold_starts_today_without"), saved = sum("saved_today_usd");
  const bill = sum("cost_today_usd"), whole_ = bill + sum("cold_start_cost_today_usd"), failing = status.pools.filter(needsAttention).length;
  const avoided = Math.round(without) - Math.round(cold), money = saved >= 0 ? `${usd(saved)} saved` : `${usd(-saved)} extra`;
  const [least, most] = ends("saved_today_usd", "saved_today_range_usd").map(usd);
  put(byId("headline"), Math.round(without) === 0 ? "No cold starts today (0 without Stoker)" :
    `${whole(avoided)} of ${whole(without)} cold starts avoided today, ${money}${least === most ? "" : ` (saved ${least} to ${most} likely range)`}`);
  const ready = sum("ready"), requested = sum("requested");
  fill("ready", whole(ready));
  const unread = status.pools.filter((each) => each.ready == null).length;
  fill("ready-note", unread ? `ready of ${whole(requested)} requested; ${whole(unread)} pools unknown` : requested === ready ? "units ready" : `ready of ${whole(requested)} requested`);
  fill("flight", whole(sum("busy")));
  fill("pools", `${whole(status.pools.length)} ${status.pools.length === 1 ? "pool" : "pools"}, ${failing ? `${whole(failing)} with problems` : "no problems"}`);
  document.querySelector(".now-tile").classList.toggle("attention", failing > 0);
  fill("cold", whole(cold));
  fill("cost", usd(bill));
  fill("whole", `${usd(whole_)} with cold-start cost`);
  fill("cold-without", ranged(whole, without, ends("cold_starts_today_without", "cold_starts_today_without_range")));
  fill("cost-without", usd(sum("cost_today_without_usd")));
  fill("whole-without", `${usd(whole_ + saved)} with cold-start cost`);
  fill("cold-tracking", whole(sum("cold_starts_today_tracking")));
  fill("cost-tracking", usd(sum("cost_today_tracking_usd")));
  fill("whole-tracking", `${usd(whole_ + sum("saved_today_on_tracking_usd"))} with cold-start cost`);
  const reads = status.sources.reduce((total, each) => total + (each.reads_usd_per_month ?? 0), 0);
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
