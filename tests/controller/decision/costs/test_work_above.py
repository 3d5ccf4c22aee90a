import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.traffic.recorded import MINUTE_MS, Traffic
from adapters.sandbox.traffic.request_plan import RequestPlan
from controller.decision.costs.work_above import lost_share, work_above
from forecasting.demand import DemandSeries


def above(busy, peak, ready, stay_warm=False):
    return float(work_above(np.array([busy], np.float64), np.array([peak], np.float64), np.array([ready]), stay_warm)[0])


@pytest.mark.parametrize(("busy", "units"), [(0.3, 1), (3.0, 2), (5.0, 5), (40.0, 50)])
def test_the_lost_share_is_erlangs_formula(busy, units):
    weights = [math.exp(count * math.log(busy) - math.lgamma(count + 1)) for count in range(units + 1)]

    assert lost_share(np.array([busy]), np.array([units]))[0] == pytest.approx(weights[-1] / sum(weights))


def test_work_that_does_not_vary_exceeds_the_units_by_the_difference():
    assert [above(4, 4, units) for units in (0, 1, 4, 9)] == [4, 3, 0, 0]


def test_units_at_the_peak_leave_no_work_above_them():
    assert above(3.9, 5, 5) == 0 < above(3.9, 5, 4)


def test_units_of_the_kind_of_on_demand_units_serve_the_average():
    assert above(3, 9, 3, stay_warm=True) == 0 < above(3, 9, 3)


def test_an_unknown_peak_limits_nothing():
    assert above(3, np.nan, 2) == pytest.approx(3 * lost_share(np.array([3.0]), np.array([2]))[0]) == above(3, 99, 2)


@given(st.floats(0, 1), st.integers(0, 60), st.integers(0, 70), st.booleans())
def test_work_above_is_between_its_bounds_and_falls_with_more_units(share, peak, ready, stay_warm):
    busy = share * peak
    work = above(busy, peak, ready, stay_warm)

    assert max(0.0, busy - ready) <= work <= max(0.0, busy * (1 - ready / max(peak, 1))) + 1e-9
    assert above(busy, peak, ready + 1, stay_warm) <= work + 1e-9


@pytest.mark.parametrize("ready", [2, 4, 6, 9])
def test_requests_that_are_played_run_above_the_units_as_long_as_calculated(ready):
    """A request that finds all units in use keeps its own until it ends. The error of the formula is below 5 % of work."""
    rng, minutes = np.random.default_rng(3), 240
    start = np.sort(rng.random(5 * minutes * 4) * minutes * 60)     # 5 units of work, requests of 15 s
    series = by_minute(start, start + rng.exponential(15, len(start)), minutes)
    plan, serving, aside = RequestPlan(Traffic(series), np.random.default_rng(5)), set(), {}
    ran = 0
    for minute in range(minutes):
        for event in plan.of(minute)[1]:
            if not event.is_start:
                serving.discard(event.request)
                ran += event.at - aside.pop(event.request, event.at)
            elif len(serving) < ready:
                serving.add(event.request)
            else:
                aside[event.request] = event.at
    work = series.busy.astype(np.float64)
    expected = work_above(work, series.peak.astype(np.float64), np.full(minutes, ready), stay_warm=False).sum()

    assert ran / MINUTE_MS == pytest.approx(expected, abs=0.05 * work.sum())
    assert ran / MINUTE_MS > np.maximum(work - ready, 0).sum()


def by_minute(start, end, minutes):
    """The demand of requests, in steps of a second."""
    seconds = np.arange(minutes * 60)
    running = np.searchsorted(start, seconds, "right") - np.searchsorted(np.sort(end), seconds, "right")
    count = np.bincount((start // 60).astype(int), minlength=minutes)
    by_minute = running.reshape(minutes, 60)
    return DemandSeries(0, *(each.astype(np.float32) for each in (by_minute.max(axis=1), by_minute.mean(axis=1), count)))
