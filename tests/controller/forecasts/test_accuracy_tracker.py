"""Scores of past forecasts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, SCORED_LEVELS

FIRST = 29_000_000


def flat(*levels):
    return np.tile(np.array(levels, np.float32), (AHEAD_MINUTES, 1))


def peaks(*values):
    return np.array([values], np.float32)


def test_the_loss_of_a_minute_is_as_calculated_by_hand():
    accuracy = ForecastAccuracy(["a"])
    accuracy.set_forecast("a", FIRST, flat(2, 5, 9))
    accuracy.score(["a"], FIRST, peaks(6))

    # 4 above the median at 0.5, 1 above at 0.9, 3 below at 0.99
    assert accuracy.loss[0].tolist() == pytest.approx([2, 0.9, 0.03])
    assert accuracy.judged.tolist() == [1]


def test_unknown_minutes_and_minutes_without_a_forecast_are_not_scored():
    accuracy = ForecastAccuracy(["a", "b"])
    accuracy.set_forecast("a", FIRST, flat(1, 2, 3))
    accuracy.score(["a", "b"], FIRST - 1, np.array([[4, np.nan], [4, 4]], np.float32))

    assert accuracy.judged.tolist() == [0, 0]
    assert not accuracy.loss.any()


def test_a_forecast_ends_after_its_minutes():
    accuracy = ForecastAccuracy(["a"])
    accuracy.set_forecast("a", FIRST, flat(1, 2, 3))

    assert accuracy.at(np.array([0]), FIRST + AHEAD_MINUTES - 1).tolist() == [[1, 2, 3]]
    assert np.isnan(accuracy.at(np.array([0]), FIRST + AHEAD_MINUTES)).all()


def test_without_a_forecast_every_level_is_nan():
    assert np.isnan(ForecastAccuracy(["a"]).at(np.array([0]), FIRST)).all()


def test_minutes_are_scored_against_the_newest_forecast():
    accuracy = ForecastAccuracy(["a"])
    accuracy.set_forecast("a", FIRST, flat(1, 1, 1))
    accuracy.set_forecast("a", FIRST + 1, flat(4, 4, 4))
    accuracy.score(["a"], FIRST + 1, peaks(4))

    assert accuracy.loss[0].tolist() == [0, 0, 0]


@given(st.lists(st.floats(0, 1e6, width=32) | st.just(float("nan")), max_size=8), st.integers(1, 7))
def test_loss_only_grows_and_does_not_depend_on_batch_size(peak, batch):
    whole, parts = ForecastAccuracy(["a"]), ForecastAccuracy(["a"])
    for each in (whole, parts):
        each.set_forecast("a", FIRST, flat(1, 10, 100))
    whole.score(["a"], FIRST, peaks(*peak))
    for at in range(0, len(peak), batch):
        before = parts.loss.copy()
        parts.score(["a"], FIRST + at, peaks(*peak[at : at + batch]))
        assert (parts.loss >= before).all()

    assert np.array_equal(whole.loss, parts.loss)
    assert whole.judged.sum() == sum(value == value for value in peak)
    assert whole.loss.shape == (1, len(SCORED_LEVELS))
