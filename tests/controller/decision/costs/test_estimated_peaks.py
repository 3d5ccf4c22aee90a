"""Range of an estimated peak: about P5 to P95 of what independent arrivals give. Estimates of peaks that own pings hide."""

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from controller.decision.costs.estimated_peaks import HiddenPeaks, peak_range

ESTIMATED, PUBLISHED = np.ones(1), np.zeros(1)


def ends(peak, busy, invocations, estimated=ESTIMATED):
    low, high = peak_range(*(np.array([each], np.float32) for each in (peak, busy, invocations)), estimated)
    return float(low[0]), float(high[0])


@pytest.mark.parametrize(("rate", "seconds"), [(30, 6.0), (12, 20.0), (120, 2.0), (300, 10.0)])
def test_most_simulated_peaks_are_in_the_range_of_the_estimate(rate, seconds):
    random, length = Generator(PCG64(7)), seconds / 60
    inside = []
    for _ in range(400):
        starts = np.sort(random.uniform(-length, 1, random.poisson((1 + length) * rate)))
        running = [np.count_nonzero((starts <= at) & (starts > at - length)) for at in starts[starts >= 0]]
        average = np.clip(np.minimum(starts + length, 1) - np.maximum(starts, 0), 0, None).sum()
        estimate = np.ceil(average + np.sqrt(2 * np.log(max(1 / length, np.e)) * average))
        low, high = ends(estimate, average, average / length)
        inside.append(low <= max(running, default=0) <= high)

    assert np.mean(inside) > 0.9


def test_a_published_peak_has_no_range():
    assert ends(9, 4, 30, PUBLISHED) == (9, 9)


def test_an_unknown_peak_has_no_range():
    low, high = peak_range(*(np.full(1, np.nan, np.float32) for _ in range(3)), ESTIMATED)

    assert np.isnan([low[0], high[0]]).all()


def test_a_minute_without_requests_has_a_peak_of_zero():
    assert ends(0, 0, 0) == (0, 0)


def test_a_minute_with_one_request_has_a_peak_of_at_least_one_and_of_no_more_than_that_and_the_one_before():
    assert ends(2, 0.9, 1) == (2, 2)
    assert ends(1, 0.01, 1) == (1, 2)


NAN = np.nan


def advance(hidden, *minutes):
    """Add minutes of (peak, busy, requests) of one pool; return the last peak and whether it is an estimate."""
    peak, estimated = hidden.advance(*(np.array([each], np.float32) for each in zip(*minutes, strict=True)))
    return peak[0, -1], estimated[0, -1]


def test_a_known_peak_is_no_estimate():
    assert advance(HiddenPeaks(1), (7, 3, 9)) == (7, False)


@pytest.mark.parametrize("minute", [(NAN, NAN, NAN), (NAN, NAN, 4), (NAN, 2, NAN)])
def test_without_requests_or_work_a_peak_stays_unknown(minute):
    peak, estimated = advance(HiddenPeaks(1), minute)

    assert np.isnan(peak)
    assert not estimated


def test_without_a_known_minute_requests_count_as_independent():
    assert advance(HiddenPeaks(1), (NAN, 4.0, 240.0)) == (round(4 + np.sqrt(2 * np.log(60) * 4)), True)


@pytest.mark.parametrize("peak", [5, 7, 12, 20])
def test_a_steady_pool_has_the_peak_of_its_known_minutes(peak):
    assert advance(HiddenPeaks(1), *[(peak, 4.0, 60)] * 5, (NAN, 4.0, 60)) == (peak, True)


def test_the_part_above_the_average_grows_with_the_root_of_work():
    assert advance(HiddenPeaks(1), *[(8, 4.0, 60)] * 5, (NAN, 16.0, 240)) == (16 + 2 * 4, True)


def test_recent_peaks_count_more():
    hidden = HiddenPeaks(1)
    advance(hidden, *[(6, 4.0, 60)] * 100, *[(20, 4.0, 60)] * 100)

    assert advance(hidden, (NAN, 4.0, 60)) == (20, True)


def test_an_estimate_is_at_least_the_work_and_at_most_all_requests():
    bursty = [(50, 1.0, 60)] * 30
    assert advance(HiddenPeaks(1), *bursty, (NAN, 1.2, 3)) == (3 + 2, True)
    assert advance(HiddenPeaks(1), *[(4, 4.0, 60)] * 30, (NAN, 4.3, 60)) == (5, True)
    assert advance(HiddenPeaks(1), (NAN, 0.0, 1)) == (1, True)
    assert advance(HiddenPeaks(1), (NAN, 0.0, 0)) == (0, True)


def test_an_estimate_is_at_most_the_requests_of_the_minute_and_those_before_it():
    """Such as 33 requests of 2 min, whose work the source counts in the minute of their start."""
    assert advance(HiddenPeaks(1), (0, 0, 0), (NAN, 66, 33)) == (33, True)
    assert advance(HiddenPeaks(1), (0, 0, 0), (NAN, 66, 33), (NAN, 66, 5)) == (38, True)
    assert advance(HiddenPeaks(1), (0, 0, 0), (NAN, NAN, NAN), (NAN, 6, 3)) == (9, True)


def test_hidden_and_idle_minutes_teach_nothing():
    known = [(9, 4.0, 60)] * 5
    assert advance(HiddenPeaks(1), *known, *[(NAN, 9.0, 90), (0, 0, 0)] * 9, (NAN, 4.0, 60)) == (9, True)


def test_each_pool_has_its_own_estimate():
    columns = ([9, NAN], [5, NAN], [9, 3]), ([4, 4], [4, 4], [4, 2]), ([60, 60], [60, 60], [60, 9])
    peak, estimated = HiddenPeaks(3).advance(*(np.array(each, np.float32) for each in columns))

    assert peak[:, 1].tolist() == [9, 5, 3]
    assert estimated[:, 1].tolist() == [True, True, False]


def test_estimates_do_not_depend_on_how_minutes_are_divided():
    rng = np.random.default_rng(4)
    peak = np.where(rng.random((2, 60)) < 0.3, NAN, rng.poisson(6, (2, 60)))
    columns = [each.astype(np.float32) for each in (peak, rng.random((2, 60)) * 4, rng.poisson(20, (2, 60)))]
    whole, cut = HiddenPeaks(2), HiddenPeaks(2)
    parts = [cut.advance(*(each[:, at : at + 7] for each in columns))[0] for at in range(0, 60, 7)]

    assert np.concatenate(parts, axis=1).tobytes() == whole.advance(*columns)[0].tobytes()
