"""Learned effects of past events and their bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.event import Event
from controller.decision.events.baseline import baseline_demand
from controller.decision.events.learned_effect import FURTHEST, LearnedEffect, learned_effects
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, minute_of
from tests.builders import NOON

MONDAY = minute_of(NOON) // MINUTES_PER_DAY * MINUTES_PER_DAY
MIDNIGHT = MONDAY + 14 * MINUTES_PER_DAY


def weekly(**keys: object) -> Event:
    return Event.model_validate({"name": "webinar", "cron": "0 12 * * wed", "duration": "2h"} | keys)


def taught(event: Event, came: float, unknown: int = 0) -> LearnedEffect | None:
    """What two webinars teach that brought `came` where 4 is usual; of each, so many minutes are unknown."""
    peak = np.full(14 * MINUTES_PER_DAY, 4.0, np.float32)
    for day in (2, 9):
        first = day * MINUTES_PER_DAY + 12 * 60
        peak[first : first + 120] = came
        peak[first : first + unknown] = np.nan
    history = DemandSeries(MONDAY, peak, peak, peak)
    return learned_effects((event,), history, baseline_demand((event,), history, MIDNIGHT), MIDNIGHT).get("webinar")


def test_each_occurrence_counts_once_and_the_announcement_counts_as_one_more():
    effect = taught(weekly(factor=8), 16)

    assert effect == LearnedEffect((0.5, 0.5), (4.0, 4.0), (8.0, 8.0))
    assert effect.adjust(8) == pytest.approx(8 * 0.5 ** (2 / 3))
    assert LearnedEffect((0.5,), (4.0,), (8.0,)).adjust(8) == pytest.approx(8 * 0.5 ** 0.5)


def test_the_effect_of_a_size_is_in_units():
    assert taught(weekly(size=20), 40).adjust(20) == pytest.approx(20 * 2 ** (2 / 3))


def test_an_occurrence_with_too_few_known_minutes_is_ignored():
    assert taught(weekly(factor=8), 16, unknown=59) is not None
    assert taught(weekly(factor=8), 16, unknown=61) is None


def test_nothing_is_learned_without_a_baseline():
    peak = np.zeros(14 * MINUTES_PER_DAY, np.float32)
    history = DemandSeries(MONDAY, peak, peak, peak)

    assert learned_effects((weekly(factor=8),), history, baseline_demand((), history, MIDNIGHT), MIDNIGHT) == {}


@pytest.mark.parametrize(("factor", "came", "without"), [
    (8, 4, True), (8, 0, True), (8, 16, False), (1.2, 4, False), (0.4, 4, False)])
def test_events_without_and_with_effect_are_distinguished(factor, came, without):
    assert taught(weekly(factor=factor), came).without_effect is without


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=14), st.floats(0.01, 1000))
def test_a_learned_effect_is_bounded_and_never_turns_a_rise_into_a_fall(came, announced):
    expected = LearnedEffect(tuple(came), tuple(came), tuple(came)).adjust(announced)

    assert announced / FURTHEST - 1e-9 <= expected <= announced * FURTHEST * (1 + 1e-9) or expected == 1.0
    assert (expected <= 1.0) if announced < 1 else (expected >= 1.0)
