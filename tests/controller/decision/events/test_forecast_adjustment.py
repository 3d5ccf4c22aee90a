"""Forecasts and plans of the next hours with announced events."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.event import Event
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.forecast_adjustment import events_of, with_events, without_events
from controller.decision.selection.selector import CandidateSelector
from controller.forecasts.capacity_forecast import next_hours
from controller.forecasts.demand_forecast import document, view_of
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of
from forecasting.protocol import LEVELS, Band
from tests.builders import NOON, pool_policy
from tests.examples import examples

TERMS = CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, metric_delay=2, lead_time=2, keep_alive=6)
NOW = minute_of(NOON)
MEDIAN = LEVELS.index(0.5)


def event(minutes: int, **keys: object) -> Event:
    """An hour that begins so many minutes from now."""
    start = NOON + timedelta(minutes=minutes)
    return Event.model_validate({"name": "launch", "start": f"{start:%Y-%m-%dT%H:%M}", "duration": "1h"} | keys)


def history(*raised: tuple[int, int, float], level: float = 4.0) -> DemandSeries:
    """Five even days up to now, but for minutes from now."""
    peak = np.full(5 * MINUTES_PER_DAY, level, np.float32)
    for first, end, units in raised:
        peak[len(peak) + first : len(peak) + end if end else None] = units
    return DemandSeries(NOW - len(peak), peak, peak / 2, peak * 3)


def ahead(series: DemandSeries, *events: Event, hours: float = 4) -> np.ndarray:
    """The median of peak demand in each minute to come."""
    pool = pool_policy(events=events)
    return view_of("agent", series, NOW, hours, 4, events=events_of(pool, series)).ahead.peak[:, MEDIAN]


def test_the_band_is_baseline_demand_times_the_factor_during_the_event():
    series = history()
    plain, adjusted = ahead(series), ahead(series, event(60, factor=8))

    assert adjusted[60:120].tolist() == (plain[60:120] * 8).tolist()
    assert np.delete(adjusted, slice(60, 120)).tolist() == np.delete(plain, slice(60, 120)).tolist()


def test_a_size_is_expected_even_with_little_demand():
    assert ahead(history(), event(60, size=40))[60:120] == pytest.approx(40, abs=1)
    assert ahead(history(level=0.0), event(60, size=40))[60:120] == pytest.approx(40)


def test_a_running_event_is_not_multiplied_twice_and_has_no_effect_after_its_end():
    adjusted = ahead(history((-30, 0, 32.0)), event(-30, factor=8))

    assert adjusted[:30] == pytest.approx(32, abs=2)
    assert adjusted[45:] == pytest.approx(4, abs=1)


def test_a_quiet_day_is_forecast_lower():
    assert ahead(history(level=10.0), event(60, factor=0.3))[60:120] == pytest.approx(3, abs=1)


def test_the_past_day_is_scored_with_its_events():
    series = history((-180, -120, 32.0))
    pool = pool_policy(events=(event(-180, factor=8),))
    adjusted, unadjusted = (view_of("agent", series, NOW, 1, 4, events=prospect) for prospect in (events_of(pool, series), None))

    assert adjusted.past.peak.max() == 32
    assert adjusted.past_accuracy.error_over_naive < 0.2 * unadjusted.past_accuracy.error_over_naive
    assert document(adjusted)["ahead"]["first"] == "2026-03-02T12:00:00Z"


def steps(series: DemandSeries, *events: Event, **changes: object) -> dict[int, int]:
    """Units of each quarter of an hour of the next four hours, by minutes from now."""
    pool, level = pool_policy(events=events, **changes), np.full(240, 4, np.float32)
    portfolio = CandidateSelector([TERMS])
    calm = without_events(events_of(pool, series), series)
    portfolio.advance(calm.peak[None], calm.busy[None], calm.invocations[None], calm.first_minute)
    plan = next_hours(series, Band(level, level / 2), pool, TERMS, portfolio.weights(0))
    return {step.minute - NOW: step.units for step in plan}


def test_the_next_hours_show_the_event_from_its_lead_to_its_end_and_no_tail():
    plan = steps(history(), event(60, factor=8, lead="15m"))

    assert [units for minute, units in plan.items() if 45 <= minute < 120] == [32] * 5
    assert max(units for minute, units in plan.items() if minute < 30 or minute >= 135) <= 8


def test_the_next_hours_stay_within_the_ceiling():
    assert max(steps(history(), event(60, size=4000), max=20).values()) == 20


def test_demand_of_a_pool_without_events_is_unchanged():
    series = history()

    assert events_of(pool_policy(), series) is None
    assert without_events(None, series) is series


@examples(60)
@given(start=st.integers(-300, 300), factor=st.floats(0.01, 100), size=st.none() | st.integers(1, 1000),
       level=st.just(np.nan) | st.floats(0, 100, width=32))
def test_a_band_stays_in_order_and_unknown_values_stay_unknown(start, factor, size, level):
    series = history()
    chosen = event(start, size=size) if size is not None else event(start, factor=factor)
    rising = np.sort(np.full((240, len(LEVELS)), level, np.float32) + np.arange(len(LEVELS), dtype=np.float32), axis=1)
    band = with_events(events_of(pool_policy(events=(chosen,)), series), Band(rising, rising / 2), NOW, NOW)

    assert np.array_equal(np.isnan(band.peak), np.isnan(rising))
    assert not (np.diff(band.peak, axis=1) < 0).any()
    assert not (np.diff(band.busy, axis=1) < 0).any()
