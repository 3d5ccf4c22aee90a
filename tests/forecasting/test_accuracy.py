import numpy as np
import pytest

from forecasting.accuracy import coverage, naive_error, pinball, scaled_error


def test_a_level_between_below_and_at_or_below_is_met():
    came = np.array([0.0] * 9 + [1.0])
    found = coverage(np.zeros((10, 2)), came, (0.5, 0.9))
    assert found.below.tolist() == [0, 0]
    assert found.at_or_below.tolist() == [0.9, 0.9]
    assert found.missed_by.tolist() == [0, 0]


def test_a_quantile_too_low_or_too_high_is_missed_by_the_difference():
    came = np.arange(10.0)
    found = coverage(np.tile([4.5, 9.5], (10, 1)), came, (0.9, 0.9))
    assert found.missed_by == pytest.approx([0.4, 0.1])


def test_unknown_minutes_do_not_count():
    came = np.array([np.nan, 1.0, 3.0])
    found = coverage(np.array([[9.0], [2.0], [np.nan]]), came, (0.5,))
    assert found.below.tolist() == [1.0]
    assert np.isnan(coverage(np.full((3, 1), np.nan), came, (0.5,)).below).all()


def test_pinball_charges_shortfall_by_the_level_and_excess_by_the_rest():
    assert pinball(np.array([[2.0]]), np.array([5.0]), (0.9,)) == pytest.approx([2.7])
    assert pinball(np.array([[5.0]]), np.array([2.0]), (0.9,)) == pytest.approx([0.3])
    assert np.isnan(pinball(np.array([[np.nan]]), np.array([2.0]), (0.9,))).all()


def test_pinball_is_least_at_the_true_quantile():
    came = np.random.default_rng(5).poisson(6, 4000).astype(float)
    losses = [float(pinball(np.full((4000, 1), q), came, (0.9,))[0]) for q in range(15)]
    assert int(np.argmin(losses)) == int(np.quantile(came, 0.9, method="inverted_cdf"))


def test_the_naive_forecast_scores_one_and_the_truth_zero():
    came = np.array([1.0, 3.0, 2.0, 6.0, 1.0])
    naive = np.concatenate([[np.nan], came[:-1]])
    assert naive_error(came, 1) == pytest.approx((2 + 1 + 4 + 5) / 4)
    assert scaled_error(naive, came, 1) == pytest.approx(1)
    assert scaled_error(came, came, 1) == 0
