"""The report of a daemon that ran: its figures are computed again from traffic and decisions, one minute after the other."""

import asyncio
import math
from datetime import timedelta

import numpy as np
import pytest

from config.model.policy import Assume, Policy
from controller.decision.costs.cost_model import terms_of
from controller.report.assembly import pool_reports
from controller.report.period import Period
from controller.report.reading import read_own, read_shared
from controller.store.read_only import ReadOnlyStore
from controller.store.state_dir import STORE_NAME
from forecasting.demand import DemandSeries, instant_of, minute_of
from tests.builders import pool_policy
from tests.replays import START, replayed

MINUTES, BEFORE = 3 * 60, 26 * 60
FIRST = minute_of(START)
LEAD, KEEP_ALIVE = 2, 20
ASSUME = Assume(billing_step=timedelta(0))
POLICY = pool_policy(name="chat", mode="shadow", memory_mb=1024, init_seconds=8.0)


def traffic():
    """Units in flight with a daily wave and bursts, from `BEFORE` minutes before the start on."""
    rng, minutes = np.random.default_rng(8), np.arange(-BEFORE, MINUTES)
    busy = rng.poisson(4 + 3 * np.sin(2 * np.pi * minutes / 360)).astype(np.float32)
    busy[rng.random(len(minutes)) < 0.3] = 0
    return DemandSeries(FIRST - BEFORE, busy + (busy > 0), busy, busy * 6)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Report, decisions, and the forecast that was scored."""
    folder, kept, series = tmp_path_factory.mktemp("ran"), {}, traffic()
    policy = Policy.model_construct(version=1, pools=(POLICY,), assume=ASSUME)

    def keep(runtime, source, minute):
        kept["accuracy"] = runtime.components.forecasts.rotation.accuracy

    asyncio.run(replayed(folder, policy, {"chat": series}, START, MINUTES, each=keep))
    with ReadOnlyStore(folder / STORE_NAME) as store:
        period = Period.before(START + timedelta(minutes=MINUTES), timedelta(days=1))
        shared, own = read_shared(store, period), read_own(store, POLICY, period)
        kept["reads_usd"] = shared.metric_reads_usd_per_month
        return pool_reports(POLICY, period, shared, own)[0], own.decisions, kept, series


def simulated(decisions):
    """Units ready in each minute from the start on: an increase is ready after the lead time, a decrease at once."""
    requested = [0] * MINUTES
    for decision in decisions:
        at = minute_of(decision.at) - FIRST
        requested[at:] = [decision.units] * (MINUTES - at)
    return [min([0, *requested][max(0, at - LEAD + 1) : at + 2]) for at in range(MINUTES)]


def above_units(busy, peak, units):
    """Work above the units by Erlang's loss formula, at least by the average, at most as if only 0 and the peak occurred."""
    weights = [busy**count / math.factorial(count) for count in range(units + 1)]
    return max(0.0, busy - units, min(busy * weights[-1] / sum(weights), busy * (1 - units / max(peak, 1))))


def again(series, ready):
    """Bill and cold starts with `ready` units in each minute, by the formulas of the documentation."""
    terms = terms_of(POLICY, ASSUME)
    bill = cold_starts = 0.0
    above = [max(0.0, float(series.peak[BEFORE + at]) - ready[0]) for at in range(-KEEP_ALIVE, 0)]
    for at, units in enumerate(ready[: len(ready)]):
        peak, busy, requests = (float(row[BEFORE + at]) for row in (series.peak, series.busy, series.invocations))
        extra = max(0.0, peak - units)
        starts = max(0.0, extra - max(above[-KEEP_ALIVE:]))
        above.append(extra)
        served = busy - above_units(busy, peak, units)
        bill += units * terms.idle + served * terms.warm_busy + (busy - served) * terms.on_demand
        bill += starts * terms.init_seconds * terms.on_demand / 60 + requests * terms.request_usd
        cold_starts += starts
    return bill, cold_starts


def test_bill_and_cold_starts_are_those_of_traffic_and_decisions(ran):
    report, decisions, _, series = ran
    counted = report.accounts.counted
    ready = simulated(decisions)[:counted]
    assert MINUTES - 5 <= counted <= MINUTES
    assert max(ready) > 2

    outcome = report.accounts.stoker
    assert (outcome.bill_usd, outcome.cold_starts) == pytest.approx(again(series, ready), rel=1e-5)
    assert outcome.cold_start_cost_usd == pytest.approx(0.05 * outcome.cold_starts)
    without = report.accounts.without
    assert (without.bill_usd, without.cold_starts) == pytest.approx(again(series, [0] * counted), rel=1e-5)
    assert without.cold_starts > outcome.cold_starts


def test_changes_and_targets_are_those_of_the_decisions(ran):
    report, decisions, _, _ = ran
    steps = np.diff(np.array(simulated_requests(decisions), float), prepend=0)
    assert report.changes.count == np.count_nonzero(steps)
    assert (report.changes.lowest, report.changes.highest) == (min(targets := simulated_requests(decisions)[1:]), max(targets))
    assert report.mode == "shadow"


def simulated_requests(decisions):
    requested = [0] * MINUTES
    for decision in decisions:
        requested[minute_of(decision.at) - FIRST :] = [decision.units] * (MINUTES - minute_of(decision.at) + FIRST)
    return requested


def test_the_coverage_is_that_of_the_forecast_and_the_traffic(ran):
    report, _, kept, series = ran
    coverage, accuracy = report.coverage, kept["accuracy"]
    first = int(accuracy._first[0])
    demand = series.peak[first - series.first_minute :][: coverage.minutes]
    forecast = accuracy._forecasts[0, : coverage.minutes]
    assert coverage.minutes > 100
    assert coverage.below == tuple(int((demand < level).sum()) for level in forecast.T)
    assert coverage.at_or_below == tuple(int((demand <= level).sum()) for level in forecast.T)


def test_the_daemon_stores_what_its_metric_reads_cost(ran):
    _, _, kept, _ = ran
    assert kept["reads_usd"] == pytest.approx(0.01 * 30 * 24 * 60 / 1000)      # one pool, one read a minute


def test_known_minutes_are_those_of_the_traffic(ran):
    report, _, _, series = ran
    period_start = report.demand.first_minute
    published = report.known.known + max(0, period_start - series.first_minute)
    assert BEFORE + MINUTES - 5 <= published <= BEFORE + MINUTES
    assert report.known.gaps == () or report.known.gaps[0].start < instant_of(series.first_minute + 1)
