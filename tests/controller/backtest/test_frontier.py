"""Frontier: a curve that is monotone, interpolated between replayed points only, and never extrapolated."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.backtest.frontier import Frontier, Point, frontier_body, summed
from controller.backtest.objective_settings import Setting
from tests.examples import examples

PRICE = "cold_start_cost_usd"


def frontier(*figures: tuple[int, float]) -> Frontier:
    """A frontier of points of cold starts and bill; the second is that of the policy."""
    points = (Point(Setting(PRICE, 0.1 * 2**at), 2.0 ** (at - 1), cold, usd) for at, (cold, usd) in enumerate(figures))
    return Frontier(tuple(points))


def test_a_point_that_another_one_beats_is_not_on_the_curve():
    found = frontier((100, 10.0), (100, 9.0), (60, 12.0), (70, 13.0), (20, 30.0))

    assert [point[2:] for point in found.curve] == [(20, 30.0), (60, 12.0), (100, 9.0)]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50).map(float)), min_size=2, max_size=9))
@examples(200)
def test_along_the_curve_bills_fall_while_cold_starts_rise(figures):
    found = frontier(*figures)
    curve = found.curve

    assert curve
    for dear, cheap in pairwise(curve):
        assert dear.cold_starts < cheap.cold_starts
        assert dear.bill_usd > cheap.bill_usd
        assert found.steps[dear] > 0
    for point in found.points:
        assert any(kept.cold_starts <= point.cold_starts and kept.bill_usd <= point.bill_usd for kept in curve)


def test_each_avoided_cold_start_costs_the_difference_of_the_bills_divided_by_that_of_the_cold_starts():
    found = frontier((100, 10.0), (60, 12.0), (20, 30.0))

    assert [found.steps[point] for point in found.curve[:-1]] == pytest.approx([18 / 40, 2 / 40])


def test_bills_and_cold_starts_are_interpolated_between_replayed_points():
    found = frontier((100, 10.0), (60, 12.0), (20, 30.0))

    assert found.bill_at(80) == pytest.approx(11.0)
    assert found.bill_at(30) == pytest.approx(25.5)
    assert found.bill_at(60) == 12.0
    assert found.cold_starts_at(21.0) == pytest.approx(40)
    assert found.cold_starts_at(10.0) == 100


@pytest.mark.parametrize("cold", [19, 101])
def test_no_bill_is_given_outside_the_replayed_range(cold):
    assert frontier((100, 10.0), (60, 12.0), (20, 30.0)).bill_at(cold) is None


@pytest.mark.parametrize("usd", [9.99, 30.01])
def test_no_cold_starts_are_given_outside_the_replayed_range(usd):
    assert frontier((100, 10.0), (60, 12.0), (20, 30.0)).cold_starts_at(usd) is None


def test_the_cheapest_setting_within_a_number_of_cold_starts_is_a_replayed_one():
    found = frontier((100, 10.0), (60, 12.0), (20, 30.0))

    assert found.cheapest_within(99) == found.points[1]
    assert found.cheapest_within(20) == found.points[2]
    assert found.cheapest_within(19) is None


def test_pools_add_up_at_the_factors_that_all_of_them_have():
    one, other = frontier((100, 10.0), (60, 12.0), (20, 30.0)), frontier((5, 1.0), (3, 2.0))
    both = summed([one, other])

    assert [point[2:] for point in both.points] == [(105, 11.0), (63, 14.0)]
    assert both.own.cold_starts == 63
    assert both.own.setting == Setting(PRICE, 0.2)


def test_pools_with_different_objectives_have_no_common_setting():
    one = frontier((5, 1.0), (3, 2.0))
    other = Frontier(tuple(point._replace(setting=Setting("warm_hit_rate", 0.9)) for point in one.points))

    assert [point.setting for point in summed([one, other]).points] == [None, None]


def test_points_as_json_name_the_setting_and_what_each_avoided_cold_start_costs():
    body = json.loads(json.dumps(frontier_body(frontier((100, 10.0), (60, 12.0), (70, 30.0)))))

    assert body[0] == {"setting": {PRICE: 0.1}, "factor": 0.5, "cold_starts": 100, "bill_usd": 10.0, "on_curve": True,
                       "usd_per_avoided_cold_start": None}
    assert body[1]["usd_per_avoided_cold_start"] == pytest.approx(0.05)
    assert (body[2]["on_curve"], body[2]["usd_per_avoided_cold_start"]) == (False, None)
