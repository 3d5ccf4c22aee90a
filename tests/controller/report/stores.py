"""A store that was filled by hand, and the report of it."""

import json
from datetime import timedelta

import numpy as np

from controller.decision.planning.observation import Proposal
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.report.assembly import Report, pool_reports
from controller.report.period import Period
from controller.report.reading import METRIC_READS, dumped_metric_reads, read_own, read_shared
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, pool_policy

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PERIOD = Period.before(NOON, timedelta(days=4))
GOOD = {"bill_usd": 1.0, "bill_without_stoker_usd": 0.76, "bill_target_tracking_usd": 1.4, "cold_starts": 5.0,
        "cold_starts_without_stoker": 70.0, "cold_starts_target_tracking": 9.0, "cold_start_cost_usd": 0.25,
        "cold_start_cost_without_stoker_usd": 3.5, "cold_start_cost_target_tracking_usd": 0.45, "minutes": 1440.0,
        "known_minutes": 1440.0, "warm_hits": 995.0, "cold_starts_delta_low": 3.0, "cold_starts_delta_high": -1.0}
"""Accounts of one day: the bill is 0.24 higher, and 65 cold starts fewer."""


def plan(at=NOON - DAY, action=Action.WRITE, target=5, requested=2, mode="shadow", reasons=None, pool="agent"):
    reasons = (Reason(ReasonCode.PROPOSED, "the rule proposes", requested, target),) if reasons is None else tuple(reasons)
    proposal = Proposal(float(target or 0), "rule")
    return Plan(pool, at, action, target, requested, requested, proposal, reasons, PoolState(), mode=mode)


def reason(code, text="because", before=1, after=1):
    return Reason(code, text, before, after)


def filled(path, *, plans=(), accounts=GOOD, mode="shadow", peaks=None, pool="agent", inputs=None):
    """A store with demand up to noon, the same accounts on each whole day of the period, forecasts that held, and `plans`."""
    with Store(path) as store:
        minutes = len(PERIOD.minutes)
        peak = np.full(minutes, 3, np.float32) if peaks is None else peaks
        store.save_demand(pool, DemandSeries(PERIOD.minutes.start, peak, peak / 2, peak * 10))
        for day in PERIOD.days[:-1]:
            store.add_accounts(day, {pool: accounts}, {pool: mode})
            coverage = json.loads(store.load_blob(f"forecast-coverage-{day}") or b"{}")
            coverage[pool] = [1440, 600, 1224, 1420, 800, 1330, 1430]
            store.save_blob(f"forecast-coverage-{day}", json.dumps(coverage).encode(), NOON)
        for each in plans:
            store.record_decision(each, {} if inputs is None else inputs)
        store.save_blob(METRIC_READS, dumped_metric_reads(1.2), NOON)
    return path


def reported(path, *pools, period=PERIOD):
    """The report of `pools`, by default one in shadow mode."""
    pools = pools or (pool_policy(mode="shadow"),)
    with Store(path) as store:
        shared = read_shared(store, period)
        reports = [each for pool in pools for each in pool_reports(pool, period, shared, read_own(store, pool, period))]
    return Report(period, tuple(reports), shared.metric_reads_usd_per_month)


def minute_at(at):
    return minute_of(at) - PERIOD.minutes.start
