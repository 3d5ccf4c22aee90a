import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SAID

FIRST = 29_000_000


def flat(*levels):
    return np.tile(np.array(levels, np.float32), (AHEAD_MINUTES, 1))


def peaks(*values):
    return np.array([values], np.float32)


def test_the_loss_of_a_minute_is_by_hand():
    mine = ForecastAccuracy(["a"])
    mine.install("a", FIRST, flat(2, 5, 9))
    mine.settle(["a"], FIRST, peaks(6))

    # 4 above the median at 0.5, 1 above at 0.9, 3 below at 0.99
    assert mine.loss[0].tolist() == pytest.approx([2, 0.9, 0.03])
    assert mine.judged.tolist() == [1]


def test_a_minute_that_is_unknown_or_was_not_forecast_is_not_judged():
    mine = ForecastAccuracy(["a", "b"])
    mine.install("a", FIRST, flat(1, 2, 3))
    mine.settle(["a", "b"], FIRST - 1, np.array([[4, np.nan], [4, 4]], np.float32))

    assert mine.judged.tolist() == [0, 0]
    assert not mine.loss.any()


def test_a_forecast_ends():
    mine = ForecastAccuracy(["a"])
    mine.install("a", FIRST, flat(1, 2, 3))

    assert mine.at(np.array([0]), FIRST + AHEAD_MINUTES - 1).tolist() == [[1, 2, 3]]
    assert np.isnan(mine.at(np.array([0]), FIRST + AHEAD_MINUTES)).all()


def test_a_pool_without_a_forecast_has_none():
    assert np.isnan(ForecastAccuracy(["a"]).at(np.array([0]), FIRST)).all()


def test_the_newest_forecast_counts():
    mine = ForecastAccuracy(["a"])
    mine.install("a", FIRST, flat(1, 1, 1))
    mine.install("a", FIRST + 1, flat(4, 4, 4))
    mine.settle(["a"], FIRST + 1, peaks(4))

    assert mine.loss[0].tolist() == [0, 0, 0]


@given(st.lists(st.floats(0, 1e6, width=32) | st.just(float("nan")), max_size=8), st.integers(1, 7))
def test_loss_only_grows_and_does_not_depend_on_how_minutes_are_cut(came, cut):
    whole, parts = ForecastAccuracy(["a"]), ForecastAccuracy(["a"])
    for each in (whole, parts):
        each.install("a", FIRST, flat(1, 10, 100))
    whole.settle(["a"], FIRST, peaks(*came))
    for at in range(0, len(came), cut):
        before = parts.loss.copy()
        parts.settle(["a"], FIRST + at, peaks(*came[at : at + cut]))
        assert (parts.loss >= before).all()

    assert np.array_equal(whole.loss, parts.loss)
    assert whole.judged.sum() == sum(value == value for value in came)
    assert whole.loss.shape == (1, len(SAID))
