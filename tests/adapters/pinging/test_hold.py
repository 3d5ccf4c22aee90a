"""The hold shrinks while pings overlap, grows when they do not, and stays within the bounds of the setting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.settings import LambdaPingSettings
from adapters.pinging.hold import LONGEST, SHORTEST, HoldEstimator


def rounds(estimator: HoldEstimator, needed: float, count: int) -> list[float]:
    """Return the hold of each of `count` bursts whose pings overlap if they are held for `needed` seconds."""
    holds = []
    for _ in range(count):
        holds.append(estimator.seconds)
        estimator.note(overlapped=estimator.seconds >= needed)
    return holds


@pytest.mark.parametrize("needed", [0.002, 0.02, 0.075, 0.9])
def test_the_hold_approaches_what_bursts_need_and_rarely_falls_below_it(needed):
    holds = rounds(HoldEstimator(0.075, fixed=False), needed, 1000)
    late = holds[100:]

    assert max(late) <= 2 * 1.25 * needed + 1e-9
    assert sum(late) / len(late) < 1.5 * needed
    assert sum(hold < needed for hold in late) < 0.01 * len(late)


def test_the_hold_of_a_handler_with_its_own_stays():
    assert set(rounds(HoldEstimator(0.075, fixed=True), 1.0, 10)) == {0.075}


def test_the_hold_shrinks_again_after_a_slow_network():
    estimator = HoldEstimator(0.075, fixed=False)
    rounds(estimator, 1.0, 10)

    assert rounds(estimator, 0.01, 4000)[-1] < 0.05


@given(st.lists(st.booleans(), max_size=200), st.floats(SHORTEST, LONGEST))
def test_the_hold_stays_within_the_bounds_of_its_setting(overlaps, first):
    estimator = HoldEstimator(first, fixed=False)
    for each in overlaps:
        estimator.note(overlapped=each)
        assert SHORTEST <= estimator.seconds <= LONGEST


def test_the_bounds_are_those_of_the_setting():
    limits = {type(each).__name__: each for each in LambdaPingSettings.model_fields["hold_ms"].metadata}

    assert (limits["Ge"].ge, limits["Le"].le) == (1000 * SHORTEST, 1000 * LONGEST)
