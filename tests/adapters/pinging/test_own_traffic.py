"""Own pings are not demand, and a peak that they may hide is unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.pinging.own_traffic import RETENTION_MINUTES, OwnTraffic
from adapters.ports.lever import PingsSent
from forecasting.demand import DemandSeries


def series(*rows) -> DemandSeries:
    """Return a series with rows of (peak, busy, invocations) from minute 100 on."""
    peak, busy, invocations = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    return DemandSeries(100, peak, busy, invocations)


def pinged(minute: int = 100, pings: int = 20, seconds: float = 2.0) -> OwnTraffic:
    ledger = OwnTraffic()
    ledger.note(minute, pings, seconds)
    return ledger


def cleaned(ledger: OwnTraffic, *rows) -> list[tuple[float, float, float]]:
    result = ledger.bounded(ledger.without(series(*rows)))
    return [tuple(round(float(value), 3) for value in row)
            for row in zip(result.peak, result.busy, result.invocations, strict=True)]


def test_pings_are_billed_with_the_initialisation_of_units_that_they_started():
    ledger = pinged()
    ledger.note(100, 3, 0.5, ended=101, init_seconds=8.0)
    ledger.note(104, 1, 0.0)

    assert ledger.sent == {100: PingsSent(23, 10.5), 104: PingsSent(1, 0.0)}
    assert ledger.own(100, 1).seconds.tolist() == [2.5], "metrics do not count an initialisation as work"


def test_a_minute_with_own_pings_only_has_no_demand():
    assert cleaned(pinged(), (20, 2 / 60, 20)) == [(0.0, 0.0, 0.0)]


def test_other_minutes_are_untouched():
    assert cleaned(pinged(), (20, 2 / 60, 20), (7, 3.5, 70))[1] == (7.0, 3.5, 70.0)


def test_work_of_older_requests_is_the_part_above_the_pings():
    assert cleaned(pinged(), (23, 3.0 + 2 / 60, 20)) == [(3.0, 3.0, 0.0)]


def test_one_other_request_is_a_peak_of_one():
    assert cleaned(pinged(), (20, 0.05 + 2 / 60, 21)) == [(1.0, 0.05, 1.0)]


def test_a_peak_that_pings_may_hide_is_unknown_and_its_requests_and_work_are_not():
    [(peak, busy, requests)] = cleaned(pinged(), (20, 0.5 + 2 / 60, 60))

    assert np.isnan(peak)
    assert (busy, requests) == (0.5, 40)


def test_work_is_no_bound_of_the_peak():
    """Metrics book the whole duration of a request in one minute: two requests of 10 min are not 20 units."""
    [(peak, busy, requests)] = cleaned(pinged(), (20, 20, 22))

    assert np.isnan(peak)
    assert (busy, requests) == (2, 2)


def test_pings_that_continue_in_the_next_minute_are_no_demand_there():
    ledger = OwnTraffic()
    ledger.note(100, 20, 200.0, ended=101)

    assert cleaned(ledger, (20, 3, 20), (20, 0.0, 0))[1] == (0.0, 0.0, 0.0)


def test_a_gap_stays_a_gap():
    assert np.isnan(cleaned(pinged(), (np.nan, np.nan, np.nan))).all()


def test_unknown_requests_leave_the_peak_unknown():
    assert np.isnan(cleaned(pinged(), (25, 3, np.nan))[0][0])


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40), st.booleans(), st.floats(0, 100))
def test_known_peaks_are_the_real_peaks_of_users(before, together, pings, at_the_burst, work):
    """Users have `together` requests at once, of which `before` started earlier, during the burst or at another time. Their
    `work` is arbitrary, because it is calculated from a stale duration.
    """
    others = max(before, together)
    started = others - before if others > before else 0
    seen = max(pings + (others if at_the_burst else before), others)
    own = pinged(pings=pings, seconds=0.1 * pings)
    [(peak, _, requests)] = cleaned(own, (seen, min(seen, work), started + pings))

    assert np.isnan(peak) or peak == others
    assert requests == started


@pytest.mark.parametrize("later", [130, 400])
def test_own_pings_are_kept_as_long_as_metrics_are_read_again(later):
    ledger = pinged()
    ledger.note(later, 1, 0.1)

    assert (ledger.own(100, 5) is None) == (later == 400)


def test_requests_of_users_in_a_blackout_are_expected_by_those_of_the_minute():
    ledger = OwnTraffic()
    assert ledger.requests_in_blackout == 0
    ledger.note(101, 20, 2.0)
    assert ledger.requests_in_blackout == 0, "nothing was held"
    ledger.note(100, 20, 2.0, blackout=0.1)
    ledger.note(100, 20, 2.0, blackout=0.2)
    assert ledger.requests_in_blackout is None, "the minute is not known yet"
    ledger.note_users(series((3, 1, 60), (3, 1, 60)))
    assert ledger.requests_in_blackout == pytest.approx(0.3)
    ledger.note_users(series((3, 1, np.nan), (3, 1, 60)))
    ledger.note_users(series((3, 1, 120), (3, 1, 60)))
    assert ledger.requests_in_blackout == pytest.approx(0.6)
    ledger.note(100 + 2 * RETENTION_MINUTES, 20, 2.0)
    assert ledger.requests_in_blackout == pytest.approx(0.6), "a minute that is not stored any more still counts"


def test_requests_of_users_in_minutes_without_metrics_stay_unknown():
    ledger = OwnTraffic()
    ledger.note(100, 20, 2.0, blackout=0.1)
    ledger.note_users(series((3, 1, np.nan)))
    ledger.note(100 + 2 * RETENTION_MINUTES, 20, 2.0)
    assert ledger.requests_in_blackout is None
    ledger.note(100 + 2 * RETENTION_MINUTES, 20, 2.0, blackout=0.5)
    ledger.note_users(DemandSeries(100 + 2 * RETENTION_MINUTES, *(np.full(1, 60, np.float32) for _ in range(3))))
    assert ledger.requests_in_blackout == pytest.approx(0.5)
