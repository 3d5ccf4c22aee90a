"""What the rules ask for beside the forecast: where they differ, by how much, and the prices behind it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from config.model.schedule import Schedule
from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.candidates import CANDIDATES
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.weighting import SelectionWeights
from controller.forecasts.accuracy_tracker import ForecastAccuracy
from controller.forecasts.capacity_forecast import AHEAD_MINUTES
from controller.forecasts.comparison import Basis, Difference, difference_body, difference_text, differences
from tests.builders import NOON, pool_policy

FIRST = int(NOON.timestamp()) // 60
TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=3, keep_alive=6)


def weights(leader=7):
    shares = np.zeros(len(CANDIDATES))
    shares[leader], shares[9] = 300.0, 100.0
    return SelectionWeights(shares, leader, SelectionMode.ENSEMBLE, 0.2)


def basis(terms=TERMS, **policy):
    return Basis(pool_policy(**policy), terms, weights())


def constant(median, p90, p99, minutes=120):
    return np.tile(np.array([median, p90, p99], np.float32), (minutes, 1))


def test_units_within_median_and_p99_are_no_difference():
    steps = [(FIRST, 4), (FIRST + 15, 8), (FIRST + 30, 10)]

    assert differences(steps, constant(4.0, 6.0, 9.5), FIRST, 3) == []


def test_consecutive_quarters_on_one_side_are_one_span_with_the_numbers_of_the_largest_gap():
    steps = [(FIRST, 3), (FIRST + 15, 1), (FIRST + 30, 2), (FIRST + 45, 20), (FIRST + 60, 5), (FIRST + 75, 3)]

    assert differences(steps, constant(4.0, 6.0, 9.5), FIRST, 3) == [
        Difference(FIRST, FIRST + 45, 1, (4.0, 6.0, 9.5)), Difference(FIRST + 45, FIRST + 60, 20, (4.0, 6.0, 9.5)),
        Difference(FIRST + 75, FIRST + 90, 3, (4.0, 6.0, 9.5))]


def test_units_are_compared_with_the_demand_one_lead_time_later():
    peak = constant(1.0, 2.0, 3.0)
    peak[17] = 9.0, 10.0, 11.0  # within the quarter only with a lead time of 3 min

    assert differences([(FIRST, 2)], peak, FIRST, 3) == [Difference(FIRST, FIRST + 15, 2, (9.0, 10.0, 11.0))]
    assert differences([(FIRST, 2)], peak, FIRST, 0) == []


def test_a_level_of_zero_is_written_without_a_sign():
    each, = differences([(FIRST, 4)], constant(-0.0, -0.01, -0.04), FIRST, 3)

    assert "above the forecast's P99 of 0 concurrent units" in difference_text(each, basis())


def test_a_quarter_with_unknown_forecast_is_no_difference():
    assert differences([(FIRST, 2), (FIRST + 105, 2)], np.full((120, 3), np.nan, np.float32), FIRST, 3) == []


def test_the_sentence_states_both_numbers_the_prices_and_the_rule_with_the_highest_weight():
    text = difference_text(Difference(FIRST, FIRST + 45, 1, (4.0, 6.0, 9.5)), basis())

    assert text == (
        "12:00 to 12:45 UTC: the rules ask for 1, below the forecast's median of 4 concurrent units. A unit that is idle all day "
        "costs 0.36 USD and a cold start 0.05013 USD: an idle unit pays only if it avoids more than 7.18 cold starts a day. "
        "Demand above the warm units is served on demand, and each of these units stays warm for 6 min after use. Rule "
        f"with the highest weight (75 %): {CANDIDATES[7].name}.")
    assert (round(TERMS.idle * 1440, 4), round(TERMS.cold, 5)) == (0.36, 0.05013)
    assert round(TERMS.idle * 1440 / TERMS.cold, 2) == 7.18


@pytest.mark.parametrize(("each", "made", "expected"), [
    (Difference(FIRST, FIRST + 15, 5, (8.0, 9.0, 9.5)), basis(max=5), "The ceiling is 5."),
    (Difference(FIRST, FIRST + 15, 12, (8.0, 9.0, 9.5)), basis(min=12), "The floor is 12."),
    (Difference(FIRST, FIRST + 15, 12, (8.0, 9.0, 9.5)),
     basis(schedules=(Schedule(name="day", cron="0 8 * * *", timezone="UTC", duration=timedelta(hours=10), min=12),)),
     "The floor of schedule day is 12."),
    (Difference(FIRST, FIRST + 15, 12, (8.0, 9.0, 9.5)),
     basis(replace(TERMS, warm_hit_rate=0.99)), "Objective: 99 % of requests warm."),
    (Difference(FIRST, FIRST + 15, 12, (8.0, 9.0, 9.5)),
     basis(replace(TERMS, cold_start_cost_usd_per_second=0.00625)), "a cold start 0.05013 USD (0.00625 USD per second):"),
])
def test_a_limit_or_an_objective_explains_a_difference(each, made, expected):
    assert expected in difference_text(each, made)


def test_a_difference_is_json():
    body = difference_body(Difference(FIRST, FIRST + 45, 1, (4.0, 6.0, 9.5)), basis())

    assert body | {"text": ""} == {"start": "2026-03-02T12:00:00+00:00", "end": "2026-03-02T12:45:00+00:00", "units": 1,
                                   "peak_below": {"0.5": 4.0, "0.9": 6.0, "0.99": 9.5}, "text": ""}


def test_a_path_is_the_forecast_of_consecutive_minutes_and_unknown_outside():
    accuracy = ForecastAccuracy(["a", "b"])
    levels = np.arange(AHEAD_MINUTES * 3, dtype=np.float32).reshape(-1, 3)
    accuracy.set_forecast("b", FIRST, levels)

    path = accuracy.path("b", FIRST - 2, FIRST + AHEAD_MINUTES + 1)
    assert np.isnan(path[:2]).all()
    assert np.isnan(path[-1]).all()
    np.testing.assert_array_equal(path[2:-1], levels)
    assert np.isnan(accuracy.path("a", FIRST, FIRST + 5)).all()
