"""Exporters that fail in any way never lower demand: what is known is never less than what is in flight."""

import contextlib
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.reports import Impossible, Point
from adapters.push.demand_source import PushDemand
from adapters.runtime.clock import ManualClock
from forecasting.demand import minute_of
from tests.builders import NOON, PUSHED

MINUTES, STEADY = 40, 6
"""Minutes of exports every 30 s, the first of which arrive as they should: before that, a sender is not known."""

LEVELS = (5, 3, 1)
faults = st.sampled_from(["", "", "", "", "lost", "twice", "late", "later", "restart", "ahead", "behind", "impossible"])


def played(plan, death):
    """The known peaks of a pool. `plan`: the fault of each export. `death`: number of the export after which the first sender is
    killed.
    """
    clock = ManualClock(NOON)
    source, arrivals, skew, start = PushDemand({"a": PUSHED}, clock), [], dict.fromkeys(LEVELS, 0), dict.fromkeys(LEVELS, 1)
    for number in range(2 * MINUTES):
        for sender, level in enumerate(LEVELS):
            fault = plan[(3 * number + sender) % len(plan)] if number >= 2 * STEADY else ""
            at = 30 * number + sender
            skew[level] += {"ahead": 90, "behind": -90}.get(fault, 0)
            start[level] = at if fault == "restart" else start[level]
            time = int((NOON.timestamp() + at + skew[level]) * 1e9)
            point = Point("s", -1 if fault == "impossible" else level, start[level], time)
            if fault != "lost" and (sender or number <= death):
                arrivals.append((at + {"late": 40, "later": 400}.get(fault, 0.1), level, point))
                arrivals += [(at + 20, level, point)] if fault == "twice" else []
    known = []
    arrivals.sort(key=lambda each: each[0])
    for minute in range(MINUTES + 1):
        while arrivals and arrivals[0][0] < 60 * minute:
            at, level, point = arrivals.pop(0)
            clock.set(NOON + timedelta(seconds=at))
            with contextlib.suppress(Impossible):
                source.measure("a", f"web-{level}", [point])
        clock.set(NOON + timedelta(minutes=minute))
        series = source.reported("a", NOON, clock.now()).series
        known = [(series.first_minute + row - minute_of(NOON), float(series.peak[row])) for row in range(len(series))
                 if series.known[row]]
    return known


@given(st.lists(faults, min_size=5, max_size=60), st.integers(2 * STEADY, 2 * MINUTES))
def test_what_is_known_is_never_less_than_what_is_in_flight(plan, death):
    assert all(peak == sum(LEVELS) for _, peak in played(plan, death))


def test_without_faults_all_minutes_are_known():
    assert played([""], 2 * MINUTES) == [(minute, 9.0) for minute in range(3, MINUTES)]


def test_after_a_sender_is_killed_no_minute_is_known():
    assert played([""], 30) == [(minute, 9.0) for minute in range(3, 15)]
