"""Impossible minutes."""

import math

import numpy as np
import pytest

from forecasting.demand import DemandSeries
from forecasting.plausible import ENOUGH, USUAL_OF, doubts, recorded_period, without


def series(*rows, first=0) -> DemandSeries:
    """Rows of peak, busy and requests."""
    return DemandSeries(first, *(np.array(column, np.float32) for column in zip(*rows, strict=True)))


USUAL = (3, 1.2, 12)


def flooded(*rows, before=None):
    found = doubts(series(*rows), None if before is None else lambda: series(*before))
    return [] if found is None else np.flatnonzero(found.flooded).tolist()


@pytest.mark.parametrize("row", [(0, 0, 30), (0, 0.5, 0), (0, 0.5, 30)])
def test_requests_without_a_unit_are_impossible(row):
    found = doubts(series(USUAL, row, USUAL))

    assert found.any.tolist() == found.idle.tolist() == [False, True, False]


def test_an_average_is_above_the_maximum_by_rounding_only():
    found = doubts(series((3, 3.2, 60), (2, 2.99, 60), (2, 3, 60), (0.4, 0.5, 1)))

    assert found.any.tolist() == found.crowded.tolist() == [False, False, True, False]


@pytest.mark.parametrize("requests", [20_000, 200_080, 5e7])
@pytest.mark.parametrize("busy", [4, 1.6])
def test_requests_counted_twice_are_impossible(requests, busy):
    assert flooded(*[USUAL] * 5, (4, busy, requests), *[USUAL] * 5) == [5]


def test_earlier_minutes_decide_what_is_usual():
    assert flooded((4, 4, 200_080), USUAL) == []
    assert flooded((4, 4, 200_080), USUAL, before=[USUAL] * (ENOUGH - 1)) == []
    assert flooded((4, 4, 200_080), USUAL, before=[USUAL] * ENOUGH) == [0]


def test_later_minutes_change_no_result():
    rng = np.random.default_rng(5)
    rows = [(4, 4, 200_080) if rng.random() < 0.1 else (0, 0, 0) if rng.random() < 0.5 else USUAL for _ in range(300)]
    whole = doubts(series(*rows)).any

    for end in range(1, 300, 17):
        found = doubts(series(*rows[:end]))
        assert (whole[:end] if whole[:end].any() else [False] * end) == pytest.approx(found.any if found else [False] * end)


@pytest.mark.parametrize("row", [
    (1, 1, 600),             # ten a second
    (40, 1.2, 2400),         # a burst within the minute
    (1, 0.01, 590),          # an average that was rounded
    (np.nan, np.nan, 9e5),   # unknown anyway
    (0, 0, 0),
])
def test_unusual_but_possible_demand_stays(row):
    found = doubts(series(*[USUAL] * 40, row, USUAL))

    assert found is None or not found.any.any()


def test_a_unit_that_takes_eighty_requests_at_once_may_go_from_idle_to_full():
    assert flooded(*[(1, 0.0165, 1)] * 60, (1, 1, 4800), (10, 9.5, 45_000)) == []


def test_a_real_change_of_traffic_is_accepted():
    rows = [USUAL] * 60 + [(3, 1.2, 30_000)] * 60

    assert flooded(*rows) == list(range(60, 60 + USUAL_OF // 2))


def test_restarts_in_consecutive_minutes_are_all_found():
    rows = [USUAL] * 60 + [(4, 4, 100_000 + at) for at in range(10)] + [USUAL] * 5

    assert flooded(*rows) == list(range(60, 70))


def test_infinite_demand_is_no_reason_to_fail():
    doubts(series(*[USUAL] * 5, (math.inf, math.inf, math.inf), (3, math.inf, math.inf), (3, 1.2, math.inf), USUAL))


def test_rejected_rows_are_unknown_in_every_column():
    left = without(series(USUAL, USUAL), np.array([False, True]))

    assert left.known.tolist() == [True, False]
    assert np.isnan([left.busy[1], left.invocations[1]]).all()


def test_values_that_change_once_a_period_show_the_period():
    peaks = np.repeat(np.arange(40) % 7, 5).astype(float)
    minutes = [(peak, peak / 2, peak * 10) for peak in peaks]

    assert recorded_period(series(*minutes)) == 5
    assert recorded_period(series(*minutes[3:])) == 5
    assert recorded_period(series(*minutes[:12], (9, 4, 90), *minutes[13:])) == 1
    assert recorded_period(series(*minutes[:55])) == 1  # too few changes
    assert recorded_period(series(*([(math.nan, math.nan, math.nan)] * 300))) == 1
    assert recorded_period(DemandSeries.empty(0)) == 1
