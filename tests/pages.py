"""The dashboard served from fixed bodies: fleets, modes and unknown values that take a daemon days to reach."""

import contextlib
import math
from datetime import timedelta

from aiohttp import web

from config.model.shown import DEFAULT
from controller.accounting.totals import Totals
from controller.decision.costs.kinds import KIND_OF_MODE, KINDS
from controller.http.handlers.dashboard import POLICY, asset
from tests.builders import NOON

ACCOUNTS = {
    "bill_today_usd": 0.90, "bill_month_usd": 21.5, "bill_projected_month_usd": 27.0, "bill_without_stoker_today_usd": 0.66,
    "bill_without_stoker_month_usd": 18.25, "bill_target_tracking_today_usd": 1.2, "saved_today_usd": -0.24,
    "saved_month_usd": -3.25, "cold_starts_today": 4.0, "cold_starts_today_range": None, "cold_starts_without_stoker_today": 69.0,
    "cold_starts_without_stoker_today_range": None, "cold_starts_target_tracking_today": 30.0, "cold_start_cost_today_usd": 0.2,
    "cold_start_cost_without_stoker_today_usd": 3.45, "cold_start_cost_target_tracking_today_usd": 1.5,
    "cold_starts_during_pings_today": 0.0, "others_bill_month_usd": 0.0, "usd_per_hour": 0.15,
}
UNITS = {"actual_requested": 8, "actual_ready": 7, "actual_phase": "in-progress"}
SHADOW_UNITS = {"actual_requested": 0, "actual_ready": 0, "actual_phase": "ready", "simulated_requested": 46,
                "simulated_ready": 46, "simulated_phase": "ready"}
SINCE = NOON.isoformat()
REASONS = [{"code": "proposed", "text": "weighted ensemble of 2 rules 9.6, rounded up: 10", "before": None, "after": 10},
           {"code": "ceiling", "text": "ceiling 8", "before": 10, "after": 8}]
RULES = [
    {"rule": f"rule {at}", "text": f"P{90 + at} of the last 7 days = {20 + at}", "signals": {f"P{90 + at}": 20 + at},
     "units": 20 + at, "weight": 300 - 40 * at, "share": (300 - 40 * at) / 1500} for at in range(7)]
CHANGED = {"at": (NOON - timedelta(minutes=9)).isoformat(), "target": 7, "changes": [
    {"kind": "demand", "text": "demand: peak 5 at 11:48 -> 6 at 11:57 UTC"}, {"kind": "target", "text": "target 7 -> 8"}]}
LEVELS = [0.1, 0.5, 0.8, 0.9, 0.95, 0.99]
BANDS = [[1.0, 4.0, 6.0, 7.0, 8.0, 11.0]] * 360
DECIDES = "The rules decide how many units are requested. The forecast shows the expected demand; no rule reads it."


def pool_entry(name="chat", mode="active", **changes):
    """A pool as `/status` has it. Changes of accounts are given without the prefix of the kind."""
    kind = KIND_OF_MODE[mode]
    amounts = ACCOUNTS | {key: changes.pop(key) for key in ACCOUNTS if key in changes}
    decision = {"at": SINCE, "action": "would-write" if mode == "shadow" else "write", "target": 8,
                "text": "maximum of the last 30 min is 6, + margin 2 = 8"}
    return {
        "name": name, "mode": mode, "lever": "lambda-provisioned-concurrency", "account": None,
        **(SHADOW_UNITS if mode == "shadow" else UNITS), **{f"{kind}_{key}": value for key, value in amounts.items()},
        "kept_by_others": 0, "kept_by": None, "busy": 3.5, "peak": 6.0, "target": 8, "action": decision["action"], "min": 0,
        "max": 100, "freshness": "fresh", "traffic": "live", "metrics_missing_since": None, "data_age_seconds": 120.0,
        "forecast_age_seconds": 60.0, "capacity_age_seconds": 5.0, "lead_time_seconds": 90.0, "keep_alive_seconds": 360.0,
        "keep_alive_basis": "measured", "last_write": None if mode == "shadow" else SINCE, "dead_man": [],
        "others_usd_per_hour": 0.0, "error": None, "overrides": [], "decision": decision, "last_change": decision,
        "next": [[0, 8], [30, 12], [60, 5]], "next_at": SINCE, "next_missing": None, "events": [],
        "event_warnings": [], "leads": [], "metric_reads_usd_per_month": 0.3, "metric_reads_slowed": None, **changes,
    }


def totals_of(pools, kind):
    """The totals of one kind."""
    totals = Totals(kind)
    for entry in pools:
        if KIND_OF_MODE[entry["mode"]] == kind:
            totals.add(entry)
        elif f"{kind}_bill_month_usd" in entry:
            totals.add_earlier(entry)
    return totals.entry()


def status_of(pools, **changes):
    """`/status` of these pools."""
    totals = {kind: totals_of(pools, kind) for kind in KINDS}
    return {"as_of": SINCE, "tick": None, "totals": totals, "limits": {}, "metric_reads_usd_per_month": 4.03,
            "policy": None, "orphans": [], "display": DEFAULT.body(), "pools": pools, "sources": [], **changes}


def history_of(entry, hours=6.0):
    """The history of a pool: a wave of demand, and its present capacity at every minute."""
    count = round(60 * hours)
    peak = [round(5 + 4 * math.sin(at / 40)) for at in range(count - 3)] + [None] * 3
    units = {key: [entry[key]] * count for key in SHADOW_UNITS if key in entry and not key.endswith("phase")}
    return {"pool": entry["name"], "mode": entry["mode"], "at": SINCE, "peak": peak,
            "first": (NOON - timedelta(minutes=count - 1)).isoformat(),
            "busy": [None if each is None else each / 2 for each in peak], **units}


def forecast_of(entry, differences=()):
    """The forecast of a pool: six hours of the same demand."""
    return {
        "now": SINCE, "target": entry["target"], "capacity": None, "next": entry["next"], "next_at": SINCE, "next_missing": None,
        "decides": "rules", "decides_text": DECIDES, "differences": list(differences), "pool": entry["name"], "at": SINCE,
        "lead_minutes": 4, "enough_history": True, "doubt": None, "levels": LEVELS,
        "past": {"first": (NOON - timedelta(hours=6)).isoformat(), "peak": [], "busy": [], "expected_peak": BANDS,
                 "expected_busy": []},
        "ahead": {"first": SINCE, "peak": BANDS, "busy": BANDS},
        "past_day": {"below": [0.1] * 6, "at_or_below": [0.1, 0.5, 0.8, 0.9, 0.95, 0.98], "error_over_naive": 0.8},
    }


def record_of(entry, **changes):
    """The last decision of a pool."""
    kind = KIND_OF_MODE[entry["mode"]]
    return {"pool": entry["name"], "at": SINCE, "mode": entry["mode"], "action": entry["action"], "target": 8,
            f"{kind}_requested": 4, f"{kind}_ready": 4, "proposal": None, "reasons": REASONS, "text": "",
            "inputs": {"weighed": {"since": CHANGED}}, **changes}


def why_of(record):
    """A decision with its rules."""
    return {"pool": record["pool"], "asked_for": None, "recorded": False, "record": record, "overrides": [], "rules": RULES}


class Served:
    """What the page is given; a test changes it while the page is open. `records`: changes of the last decision by pool."""

    def __init__(self, pools, **changes):
        self.status, self.differences, self.records, self.url = status_of(pools, **changes), (), {}, ""

    async def page(self, _):
        return web.Response(body=asset("dashboard.html").body, content_type="text/html",
                            headers={"Content-Security-Policy": POLICY})

    async def part(self, request):
        part = asset(request.match_info["file"])
        return web.Response(body=part.body, content_type=part.kind)

    async def fleet(self, _):
        return web.json_response(self.status)

    async def pool(self, request):
        entry = self.entry(request.match_info["name"])
        kind = KIND_OF_MODE[entry["mode"]]
        return web.json_response({**entry, "sentence": totals_of([entry], kind)["sentence"], "reasons": REASONS})

    async def history(self, request):
        return web.json_response(history_of(self.entry(request.match_info["name"]), float(request.query["hours"])))

    async def forecast(self, request):
        return web.json_response(forecast_of(self.entry(request.match_info["name"]), self.differences))

    async def why(self, request):
        return web.json_response(why_of(self.record(request.match_info["name"])))

    async def decisions(self, request):
        record = self.record(request.query["pool"])
        return web.json_response({"items": [{**record, "id": 1, "cursor": "1"}], "next": None})

    def entry(self, name):
        return next(each for each in self.status["pools"] if each["name"] == name)

    def record(self, name):
        return record_of(self.entry(name), **self.records.get(name, {}))

    def routes(self):
        pool = "/v1/pools/{name}"
        return [web.get("/", self.page), web.get("/assets/{file}", self.part), web.get("/status", self.fleet),
                web.get("/v1/decisions", self.decisions), web.get(pool, self.pool), web.get(f"{pool}/history", self.history),
                web.get(f"{pool}/forecast", self.forecast), web.get(f"{pool}/why", self.why)]


@contextlib.asynccontextmanager
async def page_of(pools, **changes):
    """Serve the dashboard with these pools."""
    served, app = Served(pools, **changes), web.Application()
    app.add_routes(served.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield served
    finally:
        await runner.cleanup()
