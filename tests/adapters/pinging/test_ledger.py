"""Own pings are taken out of what is learnt from, and what cannot be known without them is unknown."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.pinging.ledger import Ledger, made_unknown
from forecasting.demand import DemandSeries


def series(*rows) -> DemandSeries:
    """Rows of (peak, busy, invocations) from minute 100 on."""
    peak, busy, invocations = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    return DemandSeries(100, peak, busy, invocations)


def pinged(minute: int = 100, pings: int = 20, seconds: float = 2.0) -> Ledger:
    ledger = Ledger()
    ledger.note(minute, pings, seconds)
    return ledger


def rows_of(result: DemandSeries) -> list[tuple[float, float, float]]:
    return [tuple(round(float(value), 3) for value in row)
            for row in zip(result.peak, result.busy, result.invocations, strict=True)]


def test_a_minute_of_pings_alone_is_a_minute_of_nothing():
    assert rows_of(pinged().without(series((20, 2 / 60, 20)))) == [(0.0, 0.0, 0.0)]


def test_other_minutes_are_untouched():
    assert rows_of(pinged().without(series((20, 2 / 60, 20), (7, 3.5, 70))))[1] == (7.0, 3.5, 70.0)


def test_work_that_goes_on_from_before_is_what_is_over():
    assert rows_of(pinged().without(series((23, 3.0 + 2 / 60, 20)))) == [(3.0, 3.0, 0.0)]


def test_one_other_request_is_a_peak_of_one():
    assert rows_of(pinged().without(series((20, 0.05 + 2 / 60, 21)))) == [(1.0, 0.05, 1.0)]


def test_a_peak_that_pings_may_hide_is_unknown():
    assert not pinged().without(series((20, 0.5, 60))).known.any()


def test_a_gap_stays_a_gap():
    assert not pinged().without(series((np.nan, np.nan, np.nan))).known.any()


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.booleans())
def test_what_is_known_is_what_others_really_had(before, together, pings, at_the_burst):
    """Others: `together` requests at once, of which `before` began earlier, at the burst or away from it."""
    others = max(before, together)
    begun = others - before if others > before else 0
    seen = max(pings + (others if at_the_burst else before), others)
    own = Ledger()
    own.note(100, pings, 0.1 * pings)
    result = own.without(series((seen, min(seen, before + 0.1), begun + pings)))

    assert not result.known[0] or result.peak[0] == others


def test_what_may_hold_an_earlier_processs_pings_is_left_as_it_is_stored():
    stored, anew = series((1, 1, 10), (2, 2, 20), (3, 3, 30)), series((9, 9, 90), (9, 9, 90), (4, 4, 40))

    assert stored.updated(made_unknown(anew, range(90, 102))).peak.tolist() == [1, 2, 4]
    assert made_unknown(anew, range(200, 300)) is anew
