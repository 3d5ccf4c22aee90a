"""Demand from spans, in the minutes that they covered."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.reports import Span
from adapters.push import spans as module
from adapters.push.spans import SpanRows
from forecasting.demand import DemandSeries

START = 1_772_452_800.0
MINUTE = int(START // 60)
NOW = START + 180


def span(start, end, trace=b"1"):
    return Span(trace, START + start, START + end)


def rows(*spans, known=3, now=NOW):
    """Peak, busy and requests of three minutes from `START` on, the first `known` of which had no reports of requests."""
    found = SpanRows()
    counted = [found.add(each, now) for each in spans]
    zeros = np.where(np.arange(3) < known, np.float32(0), np.float32(np.nan))
    out = found.over(DemandSeries(MINUTE, zeros, zeros.copy(), np.zeros(3, np.float32)))
    return list(zip(out.peak.tolist(), out.busy.round(6).tolist(), out.invocations.tolist(), strict=True)), counted


def test_a_span_counts_in_each_minute_that_it_covered():
    assert rows(span(30, 150))[0] == [(1, 0.5, 1), (1, 1, 0), (1, 0.5, 0)]


def test_spans_of_one_trace_are_one_request():
    agent, model, tool = span(0, 60), span(10, 20), span(20, 90)

    assert rows(agent, model, tool)[0] == rows(tool, agent, agent, model)[0] == [(1, 1, 1), (1, 0.5, 0), (0, 0, 0)]


def test_spans_of_several_traces_add_up_while_they_overlap():
    assert rows(span(0, 30), span(15, 45, b"2"), span(45, 60, b"3"))[0][0] == (2, 1.25, 3)


def test_a_repeat_changes_nothing():
    once, twice = rows(span(0, 30), span(40, 50)), rows(*[span(0, 30), span(40, 50)] * 2)

    assert once[0] == twice[0]


def test_what_is_unknown_stays_unknown():
    found, _ = rows(span(0, 150), known=1)

    assert found[0] == (1, 1, 1)
    assert np.isnan(found[1][:2]).all()


def test_a_span_from_the_future_ends_now():
    assert rows(span(600, 660), now=START + 90)[0] == [(1, 0.5, 1), (1, 0.5, 0), (0, 0, 0)]


def test_a_span_that_is_too_old_is_not_counted():
    assert rows(span(-9000, -8000))[1] == [False]


def test_minutes_with_too_many_spans_are_unknown(monkeypatch):
    monkeypatch.setattr(module, "MOST_INTERVALS", 1)
    found, counted = rows(span(0, 30), span(10, 20, b"2"))

    assert counted == [True, False]
    assert np.isnan(found[0][:2]).all()
    assert found[1] == (0, 0, 0)


def test_minutes_wait_as_long_as_the_longest_span_took():
    found = SpanRows()
    waits = []
    for seconds in (1, 90, 7200):
        found.add(span(170 - seconds, 170), NOW)
        waits.append(found.wait)

    assert waits == [1, 2, 60]


def test_old_minutes_are_forgotten():
    found = SpanRows()
    for hour in range(5):
        found.add(span(3600 * hour, 3600 * hour + 100), START + 3600 * hour + 100)

    assert len(found._minutes) <= module.KEPT + 2
    assert found._size <= 4


@given(st.lists(st.tuples(st.floats(0, 170), st.floats(0, 60), st.integers(0, 3)), max_size=20), st.randoms())
def test_the_order_of_spans_does_not_matter(times, order):
    spans = [span(start, start + length, bytes([trace])) for start, length, trace in times]
    shuffled = list(spans)
    order.shuffle(shuffled)
    (first, _), (again, _) = rows(*spans, now=NOW + 60), rows(*shuffled, now=NOW + 60)

    assert np.allclose(first, again)
    assert all(busy <= peak <= len({each.trace for each in spans}) for peak, busy, _ in first)
