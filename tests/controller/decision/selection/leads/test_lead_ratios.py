"""Ratios of demand to a signal: robust, exact where demand follows exactly, and unknown until there are enough pairs."""

import numpy as np
import pytest

from controller.decision.selection.leads.lead_ratios import FEWEST, QUANTILES, LeadRatios


def ratios(value, peak, quarters=1):
    """The ratios of one signal and one window after pairs of values and peaks."""
    made = LeadRatios(1, 1, 1)
    made.add(np.array(value, np.float32)[:, None, None, None], np.array(peak, np.float32)[:, None])
    for _ in range(quarters - 1):
        made.close_quarter()
    return made.close_quarter()[:, 0, 0, 0]


@pytest.mark.parametrize("scale", [1e-3, 0.3, 1.0, 17.0, 5e4])
def test_a_constant_ratio_is_exact_at_any_scale(scale):
    peak = np.arange(1, 101)
    assert ratios(peak * scale, peak) == pytest.approx(np.full(len(QUANTILES), 1 / scale), rel=1e-6)


def test_one_wrong_value_changes_no_median():
    peak = np.full(100, 4.0)
    signal = np.full(100, 2.0)
    signal[50] = 1e9
    assert ratios(signal, peak)[0] == 2


def test_quantiles_rise_and_are_within_one_bin_of_the_true_ones():
    rng = np.random.default_rng(1)
    ratio = rng.lognormal(0, 1, 20_000)
    found, true = ratios(np.full(len(ratio), 1.0), ratio), np.quantile(ratio, QUANTILES)

    assert (np.diff(found) > 0).all()
    assert found == pytest.approx(true, rel=2 ** (1 / 8) - 1)


def test_minutes_without_a_signal_or_with_unknown_values_are_no_pairs():
    values = [0.0] * 50 + [np.nan] * 50 + [2.0] * 59
    assert np.isnan(ratios(values, np.ones(len(values)))).all()
    assert (ratios([*values, 2.0], np.ones(len(values) + 1)) == 0.5).all()
    assert np.isnan(ratios(np.full(100, 2.0), np.full(100, np.nan))).all()


def test_a_signal_without_demand_has_the_ratio_zero():
    assert (ratios(np.full(100, 3.0), np.zeros(100)) == 0).all()


def test_a_ratio_of_few_old_pairs_becomes_unknown():
    pairs = np.ones(int(FEWEST) + 5)
    assert (ratios(pairs, pairs) == 1).all()
    assert np.isnan(ratios(pairs, pairs, quarters=4 * 96)).all()
