"""Range of an estimated peak: about P5 to P95 of what independent arrivals give."""

import numpy as np
import pytest
from numpy.random import PCG64, Generator

from controller.decision.costs.peak_range import peak_range

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
