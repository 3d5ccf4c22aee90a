"""A region whose concurrency is above what its pools explain wakes those that sleep."""

import numpy as np

from adapters.aws.cloudwatch.waking import COMPARED, LASTING, Waking

FIRST = 29_000_000


def woken(waking, *minutes, first=FIRST, known=0.0):
    region = np.array(minutes, float)
    return waking.woken(first, region, np.full(len(region), known))


def test_the_first_request_in_an_idle_region_wakes():
    waking = Waking()

    assert not woken(waking, np.nan, np.nan)
    assert woken(waking, np.nan, np.nan, 1.0)


def test_what_the_pools_explain_wakes_nothing():
    waking = Waking()

    assert not woken(waking, 5.0, 4.0, known=5.0)
    assert woken(waking, 6.0, first=FIRST + 2, known=5.0)


def test_functions_without_a_pool_wake_once():
    waking = Waking()
    results = [woken(waking, 3.0, first=FIRST + at) for at in range(20)]

    assert results == [True] * LASTING + [False] * (20 - LASTING)
    assert woken(waking, 4.0, first=FIRST + 20), "one more than usual"


def test_a_minute_is_compared_once():
    waking = Waking()
    woken(waking, 3.0)
    for _ in range(LASTING):
        woken(waking, 3.0)

    assert not woken(waking, 3.0)


def test_an_hour_later_the_usual_is_forgotten():
    waking = Waking()
    woken(waking, 9.0)
    for at in range(COMPARED):
        woken(waking, 1.0, first=FIRST + 1 + at)

    assert woken(waking, 2.0, first=FIRST + 1 + COMPARED)
