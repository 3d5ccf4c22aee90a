"""Samples become minutes: the maximum and the mean, and no minute without enough of them."""

import numpy as np
import pytest

from adapters.sampling.sampled_minutes import KEPT, SampledMinutes

EVERY = 10.0


def minutes_of(samples, every=EVERY):
    found = SampledMinutes(every)
    for at, number in samples:
        found.add(at, number)
    return found


def test_the_maximum_is_the_peak_and_the_mean_is_busy():
    found = minutes_of([(600 + 10 * at, number) for at, number in enumerate((1, 4, 2.5, 0, 0, 0))]).series(0, 20)

    assert (found.first_minute, found.peak[0], found.busy[0]) == (10, 4, 1.25)
    assert np.isnan(found.invocations[0])


def test_a_fraction_needs_a_whole_unit():
    found = minutes_of([(600 + 10 * at, 2.1) for at in range(6)]).series(0, 20)

    assert found.peak[0] == 3


@pytest.mark.parametrize(("every", "needed"), [(5.0, 9), (10.0, 5)])
def test_a_minute_without_enough_samples_is_unknown(every, needed):
    enough = minutes_of([(600 + every * at, 0) for at in range(needed)], every).series(10, 11)
    short = minutes_of([(600 + every * at, 0) for at in range(needed - 1)], every).series(10, 11)

    assert enough.known.tolist() == [True]
    assert len(short) == 0


def test_an_impossible_sample_makes_its_minute_unknown():
    found = minutes_of([(600 + 10 * at, 3) for at in range(12)])
    found.doubt(655)

    assert found.series(0, 20).first_minute == 11


def test_minutes_between_known_ones_are_unknown():
    found = minutes_of([(600 + 10 * at, 3) for at in range(18) if not 6 <= at < 12]).series(0, 20)

    assert found.known[:3].tolist() == [True, False, True]


def test_old_minutes_are_dropped():
    found = minutes_of([(60 * minute + 10 * at, 1) for minute in range(KEPT + 10) for at in range(6)])

    assert found.series(0, KEPT + 10).first_minute == 10
