// Polls the daemon's status and shows all pools, or the pool named in the URL.

import * as overrides from "./overrides.js";
import * as overview from "./overview.js";
import * as pool from "./pool.js";
import {byId, clock, day, put, showAs, zone} from "./words.js";

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
  if (!alive) put(byId("notice"), heard == null ? "The daemon does not answer." : `The daemon has not answered since ${new Date(heard).toLocaleTimeString("en-GB", {timeZone: zone()})} ${zone()}: ${status?.as_of == null ? "it was starting" : `this page shows the data of ${day(status.as_of)} ${clock(status.as_of)} ${zone()}`}.`);
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
  document.title = name == null ? "Stoker" : `${name} - Stoker`;
  if (name != null) {
    pool.open(name);
    overrides.open(name);
    scrollTo(0, 0);
    byId("pool-name").focus({preventScroll: true});
  } else if (!was) {
    byId("main").focus({preventScroll: true});
  }
  if (status) show();
};

const show = () => {
  showAs(status.display);
  if (status.as_of == null) {
    put(byId("headline"), "Starting: reading history");
    return;
  }
  put(byId("now"), `${day(status.as_of)} ${clock(status.as_of)} ${zone()}`);
  const name = chosen();
  if (name != null) {
    pool.show(status.pools.find((each) => each.name === name), status.as_of);
    return;
  }
  overview.show(status);
};

overview.setUp();
pool.setUp();
overrides.setUp();
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
route();
poll();
