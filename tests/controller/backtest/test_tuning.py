"""Choice of the objective for a goal: the best replayed setting within the limit, or that no setting is within it."""

from dataclasses import replace

import pytest

from config.model.policy import Assume
from controller.backtest.frontier import Frontier, Point
from controller.backtest.objective_settings import Setting
from controller.backtest.replay import replay
from controller.backtest.tuning import Goal, Tuning, per_day, per_month, tune
from controller.decision.costs import baselines
from controller.decision.costs.bill import Bill, bill_of
from tests.controller.backtest.test_objective_replays import DEMAND, LOAD, TERMS, policy

POOL = policy(max=50)
MINUTES = int(LOAD.counted.sum())


def tuned(goal: Goal, terms=TERMS) -> Tuning:
    return tune(POOL, DEMAND, terms, Assume(), LOAD, goal)


def test_the_chosen_setting_is_a_replay_within_the_limit_at_the_lowest_bill():
    found = tuned(Goal(cold_starts_per_day=30))
    chosen = found.chosen
    terms = chosen.setting.terms(TERMS)
    bill = bill_of(LOAD, replay(POOL, DEMAND, terms, Assume()).target, terms)
    within = [point for point in found.frontier.points if per_day(point.cold_starts, MINUTES) <= 30]

    assert found.met
    assert (bill.cold_starts, bill.provider_usd) == chosen[2:]
    assert per_day(chosen.cold_starts, MINUTES) <= 30
    assert chosen.bill_usd == min(point.bill_usd for point in within)
    assert len(within) < len(found.frontier.points)


def test_a_limit_on_the_bill_gives_the_fewest_cold_starts_within_it():
    bills = sorted(per_month(point.bill_usd, MINUTES) for point in tuned(Goal(cold_starts_per_day=30)).frontier.points)
    limit = (bills[0] + bills[-1]) / 2
    found = tuned(Goal(usd_per_month=limit))
    within = [point for point in found.frontier.points if per_month(point.bill_usd, MINUTES) <= limit]

    assert found.met
    assert found.chosen in within
    assert found.chosen.cold_starts == min(point.cold_starts for point in within)


def test_like_target_tracking_has_no_more_cold_starts_for_a_lower_bill():
    replayed = bill_of(LOAD, baselines.target_tracking(LOAD, TERMS), TERMS)
    tracking = replace(replayed, idle_usd=replayed.idle_usd + 1.0)
    found = tuned(Goal(like=tracking))

    assert found.met
    assert found.chosen.cold_starts <= tracking.cold_starts
    assert found.chosen.bill_usd < tracking.provider_usd


def test_a_dearer_match_of_target_tracking_does_not_meet_the_goal():
    found = tuned(Goal(like=Bill(cold_starts=100, idle_usd=0.01)))

    assert not found.met
    assert found.chosen.cold_starts <= 100


@pytest.mark.parametrize("limit", [Goal(cold_starts_per_day=-1), Goal(usd_per_month=0.0)])
def test_a_limit_that_no_setting_meets_gives_the_closest_setting(limit):
    found = tuned(limit)
    points = found.frontier.points

    assert not found.met
    assert len(points) > 7  # further settings were tried
    if limit.usd_per_month is None:
        assert found.chosen.cold_starts == min(point.cold_starts for point in points)
    else:
        assert found.chosen.bill_usd == min(point.bill_usd for point in points)


def test_settings_beyond_the_first_series_are_replayed_until_one_meets_the_limit():
    cheap = replace(TERMS, cold_start_cost_usd=0.00002)
    found = tuned(Goal(cold_starts_per_day=30), cheap)

    assert found.met
    assert found.chosen.factor > 39.1
    assert found.frontier.own.setting == Setting("cold_start_cost_usd", 0.00002)


def test_a_warm_hit_rate_is_tuned_as_a_rate():
    found = tuned(Goal(cold_starts_per_day=100), replace(TERMS, warm_hit_rate=0.9))

    assert found.chosen.setting.key == "warm_hit_rate"


def test_the_neighbours_are_the_next_points_of_the_curve():
    figures = ((1000, 5.0), (600, 7.0), (500, 9.0), (200, 15.0))
    points = tuple(Point(Setting("cold_start_cost_usd", 0.01 * 2**at), 2.0 ** (at - 1), *each) for at, each in enumerate(figures))
    middle = Tuning(points[2], met=True, frontier=Frontier(points), minutes=1440)

    assert middle.neighbours == points[1:]
    assert replace(middle, chosen=points[0]).neighbours == points[:2]


def test_figures_a_day_and_a_month_are_those_of_the_counted_minutes():
    assert per_day(30, 2 * 1440) == 15
    assert per_month(10.0, 43_800) == pytest.approx(10.0)


def test_a_goal_that_all_settings_meet_is_no_reason_to_replay_ever_lower_prices():
    found = tuned(Goal(cold_starts_per_day=1e6))

    assert found.met
    assert len(found.frontier.points) == 7
