"""Properties of forecasts for any demand, division into calls and order of pools."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting import combined
from forecasting.accuracy import coverage
from forecasting.combined import CombinedForecaster
from forecasting.outlook import Outlook
from forecasting.protocol import LEVELS, Forecaster
from tests.examples import examples

START = 28_400_000
DAY = 1440
HOSTILE = np.array([np.nan, np.inf, -np.inf, -1.0, 0.0, 1.0, 2.0, 7.0, 3e38, 1e9, 0.3], np.float32)
LEADS = (1, 4, 30, 90, 400)


def demand(seed: int, pools: int, minutes: int, hostile: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A daily curve with Poisson noise, and a share of cells that hold anything at all."""
    rng = np.random.default_rng(seed)
    curve = (1 + np.sin(2 * np.pi * np.arange(minutes) / DAY)) * rng.uniform(0, 8, (pools, 1))
    peak = rng.poisson(curve).astype(np.float32)
    busy = (peak * rng.uniform(0.2, 1, peak.shape)).astype(np.float32)
    for what in (peak, busy):
        mad = rng.random(what.shape) < hostile
        what[mad] = rng.choice(HOSTILE, int(mad.sum()))
    return peak, busy


def lawful(band: np.ndarray) -> bool:
    known = ~np.isnan(band)
    steps = np.diff(band, axis=-1)
    return bool(np.isfinite(band[known]).all() and (band[known] >= 0).all() and (steps[~np.isnan(steps)] >= 0).all())


@examples(15)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 500), st.sampled_from([0.0, 0.2, 1.0]))
def test_quantiles_are_finite_not_negative_and_rise_with_the_level(seed, pools, minutes, hostile):
    forecaster = CombinedForecaster(pools)
    peak, busy = demand(seed, pools, minutes, hostile)
    forecaster.observe(peak, busy, START)
    band = forecaster.quantiles(40, (0.1, 0.3, 0.5, 0.85, 0.99))
    assert band.peak.shape == band.busy.shape == (pools, 40, 5)
    assert band.peak.dtype == band.busy.dtype == np.float32
    assert lawful(band.peak)
    assert lawful(band.busy)
    whole = band.peak[~np.isnan(band.peak)]
    assert (whole == np.round(whole)).all()
    known_of_last = np.isfinite(peak[:, -2:]) & (peak[:, -2:] >= 0)
    assert not np.isnan(band.peak[known_of_last.any(axis=1)]).any()


@examples(8)
@given(seed=st.integers(0, 10_000), first=st.integers(0, 40), cuts=st.lists(st.integers(1, 700), max_size=6))
def test_forecasts_do_not_depend_on_the_division_into_calls(seed, first, cuts):
    peak, busy = demand(seed, 2, 2 * DAY, 0.05)
    whole = CombinedForecaster(2)
    at_once = whole.follow(peak, busy, START + first, LEADS)
    pieces, forecaster, at = [], CombinedForecaster(2), 0
    for cut in [*cuts, 2 * DAY]:
        end = min(at + cut, 2 * DAY)
        pieces.append(forecaster.follow(peak[:, at:end], busy[:, at:end], START + first + at, LEADS))
        if end > at:
            now = forecaster.quantiles_at(LEADS)
            np.testing.assert_array_equal(now.peak, at_once.peak[:, end - 1])
            np.testing.assert_array_equal(now.busy, at_once.busy[:, end - 1])
        at = end
    np.testing.assert_array_equal(np.concatenate([piece.peak for piece in pieces], axis=1), at_once.peak)
    np.testing.assert_array_equal(np.concatenate([piece.busy for piece in pieces], axis=1), at_once.busy)


def test_minute_by_minute_is_the_same_as_at_once():
    peak, busy = demand(3, 1, 400, 0.1)
    at_once = CombinedForecaster(1).follow(peak, busy, START + 7, LEADS)
    forecaster = CombinedForecaster(1)
    for at in range(400):
        forecaster.observe(peak[:, at : at + 1], busy[:, at : at + 1], START + 7 + at)
        np.testing.assert_array_equal(forecaster.quantiles_at(LEADS).peak, at_once.peak[:, at])


def test_pools_are_independent(monkeypatch):
    monkeypatch.setattr(combined, "SLAB", 3)
    peak, busy = demand(11, 7, DAY + 100)
    order = np.random.default_rng(0).permutation(7)
    straight, shuffled, alone = CombinedForecaster(7), CombinedForecaster(7), CombinedForecaster(1)
    straight.observe(peak, busy, START)
    shuffled.observe(peak[order], busy[order], START)
    alone.observe(peak[5:6], busy[5:6], START)
    np.testing.assert_array_equal(straight.quantiles(60).peak[order], shuffled.quantiles(60).peak)
    np.testing.assert_array_equal(straight.quantiles(60).busy[5:6], alone.quantiles(60).busy)


def test_without_demand_there_is_no_forecast():
    forecaster: Forecaster = CombinedForecaster(2)
    assert np.isnan(forecaster.quantiles(5).peak).all()
    assert not forecaster.enough.any()
    forecaster.observe(np.full((2, 600), np.nan, np.float32), np.full((2, 600), np.nan, np.float32), START)
    assert np.isnan(forecaster.quantiles(5).busy).all()


def test_a_day_of_known_demand_is_enough():
    peak, busy = demand(1, 2, DAY)
    peak[1, 300:] = busy[1, 300:] = np.nan
    forecaster = CombinedForecaster(2)
    forecaster.observe(peak, busy, START // 15 * 15)
    assert forecaster.enough.tolist() == [True, False]


def test_minutes_between_calls_are_unknown_and_repeated_ones_are_ignored():
    peak, busy = demand(2, 1, 900)
    holed = [what.copy() for what in (peak, busy)]
    for what in holed:
        what[:, 300:450] = np.nan
    whole, torn = CombinedForecaster(1), CombinedForecaster(1)
    whole.observe(*holed, START)
    torn.observe(peak[:, :300], busy[:, :300], START)
    torn.observe(peak[:, 450:700], busy[:, 450:700], START + 450)
    torn.observe(peak[:, 600:], busy[:, 600:], START + 600)
    np.testing.assert_array_equal(whole.quantiles(30).peak, torn.quantiles(30).peak)


def test_a_gap_of_days_requires_a_new_forecaster():
    forecaster = CombinedForecaster(1)
    forecaster.observe(*demand(1, 1, 10), START)
    with pytest.raises(ValueError, match="start with a new forecaster"):
        forecaster.observe(*demand(1, 1, 10), START + 4 * DAY)


@pytest.mark.parametrize("levels", [(0.0,), (0.999,), (), (float("nan"),)])
def test_uncalibrated_levels_are_refused(levels):
    with pytest.raises(ValueError, match="levels must lie between"):
        CombinedForecaster(1).quantiles(5, levels)


@pytest.mark.parametrize("leads", [(0,), (2000,)])
def test_leads_out_of_reach_are_refused(leads):
    with pytest.raises(ValueError, match="minutes ahead"):
        CombinedForecaster(1).quantiles_at(leads)


@pytest.mark.parametrize("kind", ["poisson day", "sparse", "bursts", "level shift"])
def test_coverage_holds_on_synthetic_traffic(kind):
    rng, minutes = np.random.default_rng(8), 7 * DAY
    clock = np.arange(minutes)
    curve = {
        "poisson day": 6 * (1 + np.sin(2 * np.pi * clock / DAY)),
        "sparse": np.full(minutes, 0.03),
        "bursts": np.where(rng.random(minutes) < 0.02, 20, 1),
        "level shift": np.where(clock < 5 * DAY, 3, 30),
    }[kind]
    peak = rng.poisson(curve)[None].astype(np.float32)
    band = CombinedForecaster(1).follow(peak, peak * np.float32(0.7), START, (4, 30))
    for which, lead in enumerate((4, 30)):
        said, came = band.peak[:, 3 * DAY - lead : -lead, which], peak[:, 3 * DAY :]
        assert coverage(said, came, LEVELS).missed_by.max() <= 0.02


def test_the_daily_shape_is_forecast_two_hours_ahead():
    rng, clock = np.random.default_rng(4), np.arange(6 * DAY)
    peak = rng.poisson(np.where(clock % DAY // 60 == 9, 40, 2))[None].astype(np.float32)
    forecaster = CombinedForecaster(1)
    first = START // DAY * DAY
    forecaster.observe(peak[:, : 5 * DAY + 8 * 60], peak[:, : 5 * DAY + 8 * 60], first)
    median = forecaster.quantiles(150, (0.5,)).peak[0, :, 0]
    assert median[30] < 6
    assert median[70:110].min() > 25
    assert median[140] < 10


def test_a_fitted_model_has_weight_after_it_was_accurate():
    rng = np.random.default_rng(4)
    level = rng.uniform(0, 40, 400).repeat(15)[: 2 * DAY]
    peak = rng.poisson(level)[None].astype(np.float32)
    first = START // 15 * 15
    blind, told = CombinedForecaster(1), CombinedForecaster(1)
    for forecaster in (blind, told):
        forecaster.observe(peak[:, :15], peak[:, :15], first)
    truth = Outlook(first // 15, np.repeat(level[::15][:192, None], 6, axis=1).astype(np.float32))
    told.install(0, truth, truth)
    apart = []
    for forecaster in (blind, told):
        said = forecaster.follow(peak[:, 15:], peak[:, 15:], first + 15, (30,)).peak[0, DAY : -60, 0, 1]
        apart.append(np.abs(said - level[15 + DAY + 30 : 15 + DAY + 30 + len(said)]).mean())
    assert apart[1] < 0.6 * apart[0]


def test_work_started_by_timers_is_forecast_to_the_minute():
    clock = np.arange(2 * DAY)
    peak = np.where(clock % 20 == 7, 9, 0)[None].astype(np.float32)
    said = CombinedForecaster(1).follow(peak, peak, START // 60 * 60, (30,)).peak[0, :-30, 0, 1]
    came = peak[0, 30:]
    assert (said[DAY:] == came[DAY:]).mean() > 0.99
