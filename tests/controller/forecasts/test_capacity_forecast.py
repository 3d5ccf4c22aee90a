"""Planned capacity of the next hours equals what the rules propose if demand follows the forecast."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.policy import Schedule
from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.weighting import SelectionWeights
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, next_hours, signals_ahead
from forecasting.demand import DemandSeries, minute_of
from forecasting.protocol import Band
from tests.builders import NOON, pool_policy
from tests.examples import examples

DAY = 1440
FIRST = minute_of(NOON) - 8 * DAY
TERMS = CostTerms(idle=4.1667e-6 * 60, warm_busy=9.7222e-6 * 60, on_demand=1.66667e-5 * 60, init_seconds=8.0,
                  cold_start_cost_usd=0.05, metric_delay=2, lead_time=2, keep_alive=6)


def traffic(minutes: int, seed: int = 5) -> DemandSeries:
    level = 4 + 3 * np.sin(np.arange(minutes) / DAY * 2 * np.pi)
    peak = np.random.default_rng(seed).poisson(level).astype(np.float32)
    return DemandSeries(FIRST, peak, peak * np.float32(0.4), peak * 3)


def followed(series: DemandSeries, minutes: int) -> tuple[CandidateSelector, np.ndarray]:
    portfolio = CandidateSelector([TERMS])
    part = series.window(FIRST, FIRST + minutes)
    return portfolio, portfolio.advance(part.peak[None], part.busy[None], part.invocations[None], FIRST).target[0]


@pytest.fixture(scope="module")
def week() -> tuple[DemandSeries, SelectionWeights]:
    """Return 8 days of traffic, and the weights of the rules after them."""
    series = traffic(8 * DAY)
    return series, followed(series, len(series))[0].weights(0)


def flat(peak: float, busy: float = 0.5) -> Band:
    return Band(np.full(AHEAD_MINUTES, peak, np.float32), np.full(AHEAD_MINUTES, busy, np.float32))


def test_the_plan_for_a_correct_forecast_is_exact_until_the_weights_change():
    series, known = traffic(8 * DAY), 7 * DAY + 3
    portfolio, _ = followed(series, known)
    past, coming = series.window(FIRST, FIRST + known), series.window(FIRST + known, FIRST + known + 12)
    plan = next_hours(past, Band(coming.peak, coming.busy), pool_policy(), TERMS, portfolio.weights(0))
    wanted = portfolio.advance(coming.peak[None], coming.busy[None], coming.invocations[None], FIRST + known).target[0]

    first = FIRST + known + TERMS.metric_delay  # five minutes into a quarter, so ten of it are left
    assert [step.minute for step in plan] == [first, first + 10]
    assert [step.units for step in plan] == [wanted[:10].max(), wanted[10:].max()]


def test_signals_ahead_equal_the_signals_of_the_same_demand_once_settled(week):
    series, weights = week
    cut = 7 * DAY + 777
    past, coming = series.window(FIRST, FIRST + cut), series.window(FIRST + cut, FIRST + 8 * DAY)
    at_once = signals_ahead(past, Band(coming.peak, coming.busy), TERMS, weights)
    later = signals_ahead(series.window(FIRST, FIRST + cut + 300), Band(coming.peak[300:], coming.busy[300:]), TERMS, weights)
    for name, values in later.items():
        np.testing.assert_array_equal(at_once[name][:, 300:], values, err_msg=name)


def test_there_is_a_step_for_each_quarter_of_an_hour_of_six_hours(week):
    series, weights = week
    minutes = [step.minute for step in next_hours(series, flat(5), pool_policy(), TERMS, weights)]

    assert minutes[0] == series.end_minute + TERMS.metric_delay
    assert {minute % 15 for minute in minutes[1:]} == {0}
    assert np.diff(minutes[1:]).tolist() == [15] * (len(minutes) - 2)
    assert 6 * 60 - 15 <= minutes[-1] - minutes[0] < 6 * 60


def test_a_higher_forecast_plans_more(week):
    series, weights = week
    low, high = (next_hours(series, flat(peak), pool_policy(), TERMS, weights) for peak in (4, 40))

    assert high[-1].units > low[-1].units
    assert high[-1].units >= 20


@examples(25)
@given(peak=st.floats(0, 60_000), floor=st.integers(0, 50), ceiling=st.integers(0, 50))
def test_every_step_is_within_floor_and_ceiling(week, peak, floor, ceiling):
    series, weights = week
    pool = pool_policy(min=min(floor, ceiling), max=max(floor, ceiling))

    assert all(pool.min <= step.units <= pool.max for step in next_hours(series, flat(peak), pool, TERMS, weights))


def test_a_schedule_applies_from_its_start(week):
    series, weights = week
    office = Schedule(cron="0 14 * * *", timezone="UTC", duration=timedelta(hours=2), min=30)
    pool = pool_policy(schedules=(office,))
    units = {step.minute - minute_of(NOON): step.units for step in next_hours(series, flat(2), pool, TERMS, weights)}

    assert units[105] < 30
    assert {units[minute] for minute in range(120, 240, 15)} == {30}
    assert units[240] < 30


def test_without_a_forecast_there_is_no_plan(week):
    series, weights = week
    unknown = flat(3)
    unknown.busy[200] = np.nan

    assert next_hours(series, unknown, pool_policy(), TERMS, weights) == []


def test_a_short_history_plans_by_the_recent_maximum():
    series = traffic(300)
    portfolio, _ = followed(series, 300)
    plan = next_hours(series, flat(9), pool_policy(), TERMS, portfolio.weights(0))

    assert plan[-1].units == 9
