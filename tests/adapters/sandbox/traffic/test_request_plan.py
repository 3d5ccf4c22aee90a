"""Drawn requests have the figures of the recorded minute."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic
from adapters.sandbox.traffic.request_plan import MOST, RequestPlan
from controller.demo.traffic import Span, bursty, office_hours
from tests.examples import examples

FIRST = 29_500_000
GAP = Minute(math.nan, math.nan, math.nan)


class Seen(NamedTuple):
    """Figures of a minute's requests, and their starts."""

    row: Minute
    started: int
    busy: float
    peak: int
    starts: list[int]


def played(rows: list[Minute], seed: int = 1) -> Iterator[Seen]:
    """Return the figures of each minute, counted from its events. Assert that each request starts once and ends once, within its
    minute.
    """
    plan, running = RequestPlan(Traffic(then=iter(rows)), np.random.default_rng(seed)), set[int]()
    for minute in range(FIRST, FIRST + len(rows)):
        row, events = plan.of(minute)
        start, busy, peak, starts = minute * MINUTE_MS, 0, None, []
        at = start
        for when, is_start, request in events:
            assert start <= at <= when <= start + MINUTE_MS
            assert is_start is not (request in running)
            busy, at = busy + len(running) * (when - at), when
            if peak is None and (when > start or is_start):
                peak = len(running)
            if is_start:
                running.add(request)
                starts.append(when - start)
            else:
                running.discard(request)
            peak = None if peak is None else max(peak, len(running))
        busy += len(running) * (start + MINUTE_MS - at)
        yield Seen(row, len(starts), busy / MINUTE_MS, len(running) if peak is None else peak, starts)


minutes = st.tuples(st.integers(0, 7), st.floats(0, 1), st.integers(0, 20)).map(
    lambda drawn: Minute(float(drawn[2]), drawn[0] * drawn[1], float(drawn[0]))
)


@examples(200)
@given(st.lists(minutes, min_size=1, max_size=40), st.integers(0, 3))
def test_the_peak_is_as_recorded_in_any_minutes(rows: list[Minute], seed: int) -> None:
    for seen in played(rows, seed):
        assert seen.peak == seen.row.most
        assert seen.started >= min(seen.row.invocations, MOST) * (seen.row.most > 0)


def test_a_lane_has_one_request_at_a_time_also_at_the_edge_of_a_minute_without_work() -> None:
    figures = ((0, 0, 3), (13, 2, 4), (8, 3, 3), (4, 0.75, 3), (19, 3, 3), (20, 4, 4), (9, 0, 2))

    assert [seen.peak for seen in played([Minute(*map(float, each)) for each in figures], 3)] == [each[2] for each in figures]


@pytest.mark.parametrize("invented", [bursty, office_hours])
def test_requests_average_and_peak_of_a_day_are_as_recorded(invented) -> None:
    series = invented(Span(FIRST - FIRST % 1440, 1440), np.random.default_rng(3))
    rows = [Minute(*(float(value) for value in row)) for row in zip(series.invocations, series.busy, series.peak, strict=True)]
    seen = list(played(rows))

    assert [each.peak for each in seen] == [each.row.most for each in seen]
    assert sum(each.started for each in seen) == pytest.approx(series.invocations.sum(), rel=0.005)
    assert sum(each.busy for each in seen) == pytest.approx(series.busy.sum(), rel=0.005)
    assert np.mean([abs(each.busy - each.row.busy) < 0.05 for each in seen]) > 0.95


def test_starts_are_spread_over_the_minute() -> None:
    starts = [start for each in played([Minute(60.0, 6.0, 10.0)] * 200) for start in each.starts]

    assert np.histogram(starts, bins=6, range=(0, MINUTE_MS))[0] == pytest.approx(2000, rel=0.25)


def test_more_requests_than_are_played_are_represented_by_longer_ones() -> None:
    for each in played([Minute(10_000.0, 20.0, 40.0)] * 10):
        assert each.started == MOST
        assert each.busy == pytest.approx(20, abs=0.05)
        assert each.peak == 40


def test_running_requests_continue_in_a_gap() -> None:
    rows = [Minute(4.0, 4.0, 4.0), Minute(0.0, 4.0, 4.0), GAP, GAP, Minute(0.0, 4.0, 4.0)]

    assert [each.busy for each in played(rows)][2:] == [4.0, 4.0, 4.0]


def test_the_same_seed_draws_the_same_requests() -> None:
    rows = [Minute(30.0, 6.0, 10.0)] * 20

    assert list(played(rows, 5)) == list(played(rows, 5)) != list(played(rows, 6))
