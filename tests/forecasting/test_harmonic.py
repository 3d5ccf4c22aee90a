"""The fitted model: its forecasts, and None or valid numbers for any history."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from forecasting import harmonic
from forecasting.harmonic import BEHIND, filled, fit_outlook, without_outliers
from forecasting.protocol import LEVELS
from tests.examples import examples


def week(days: int = 10, seed: int = 1) -> np.ndarray:
    clock = np.arange(days * 96)
    level = 9 + 6 * np.sin(2 * np.pi * clock / 96) - 4 * (clock // 96 % 7 >= 5)
    noise = np.random.default_rng(seed).normal(0, 0.3, (len(clock), 3))
    return np.sort(np.maximum(level[:, None] + noise, 0), axis=1).astype(np.float32)


def test_the_weekend_is_forecast_from_the_one_before():
    rows = week(14)
    outlook = fit_outlook(rows[: 12 * 96], 500)
    assert outlook is not None
    assert outlook.first_bucket == 500 + 12 * 96 - BEHIND
    told = outlook.quantiles[BEHIND : BEHIND + 96, LEVELS.index(0.5)]
    came = rows[12 * 96 : 13 * 96, 1]
    assert np.abs(told - came).mean() < 1.2


def test_without_statsmodels_there_is_no_model(monkeypatch):
    monkeypatch.setattr(harmonic, "can_fit", lambda: False)
    assert fit_outlook(week(14), 500) is None


def test_gaps_are_filled_from_other_days_and_spikes_are_limited():
    level = np.sqrt(week(5)[:, 1].astype(float))
    holed = level.copy()
    holed[200:240] = np.nan
    assert np.abs(filled(holed) - level).max() < 0.8
    spiked = level.copy()
    spiked[300] = 50
    assert without_outliers(spiked)[300] < 8


@examples(15)
@given(seed=st.integers(0, 999), kind=st.sampled_from(["zero", "gaps", "huge", "step", "constant", "short"]))
def test_any_history_gives_none_or_valid_numbers(seed, kind):
    rng, rows = np.random.default_rng(seed), week(5, seed)
    if kind == "zero":
        rows[:] = 0
    elif kind == "gaps":
        rows[rng.random(len(rows)) < rng.uniform(0, 1)] = np.nan
    elif kind == "huge":
        rows[rng.integers(0, len(rows), 5)] = 60_000
    elif kind == "step":
        rows[rng.integers(0, len(rows)) :] *= 100
    elif kind == "constant":
        rows[:] = 7
    else:
        rows = rows[: rng.integers(0, len(rows))]
    outlook = fit_outlook(rows, 10)
    if outlook is not None:
        assert np.isfinite(outlook.quantiles).all()
        assert (outlook.quantiles >= 0).all()
        assert (np.diff(outlook.quantiles, axis=1) >= -1e-4).all()


def test_exactly_periodic_demand_gives_no_warning():
    rows = np.tile(np.repeat(np.array([[0.0], [1.0]], np.float32), 3, axis=1), (5 * 48, 1))
    outlook = fit_outlook(rows, 0)
    assert outlook is not None
    np.testing.assert_allclose(outlook.quantiles[BEHIND : BEHIND + 4, 1], [0, 1, 0, 1], atol=0.05)
