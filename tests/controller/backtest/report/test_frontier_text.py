"""Sentences about a frontier: their figures, when a figure is out of range, and the setting that makes up for a loss."""

import pytest

from controller.backtest.frontier import Frontier, Point
from controller.backtest.objective_settings import Setting
from controller.backtest.report.frontier_text import comparison, frontier_sentences, matching_sentences
from controller.backtest.report.text import LABELS
from controller.decision.costs.bill import Bill

TRACKING = "aws-target-tracking"
NAME = LABELS[TRACKING]


def of(cold: int, usd: float) -> Bill:
    return Bill(cold_starts=cold, idle_usd=usd)


def frontier(own: int = 1) -> Frontier:
    """Settings of 0.02, 0.05 and 0.12 USD; `own` is the index of the policy's."""
    figures = ((0.02, 1000, 500.0), (0.05, 600, 700.0), (0.12, 200, 1500.0))
    return Frontier(tuple(Point(Setting("cold_start_cost_usd", price), 2.5 ** (at - own), cold, usd)
                          for at, (price, cold, usd) in enumerate(figures)))


def test_a_baseline_is_compared_at_its_cold_starts_and_at_its_bill():
    assert comparison(frontier(), TRACKING, of(800, 900.0)) == (
        f"{NAME}: 800 cold starts, bill $900.00. Stoker at its number of cold starts: $300.00 less. "
        "At its bill: 300 fewer cold starts.")


def test_a_dearer_stoker_is_called_dearer():
    assert comparison(frontier(), TRACKING, of(800, 550.0)) == (
        f"{NAME}: 800 cold starts, bill $550.00. Stoker at its number of cold starts: $50.00 more. "
        "At its bill: 100 more cold starts.")


def test_figures_outside_the_replayed_range_are_called_out_of_range():
    assert comparison(frontier(), TRACKING, of(100, 1600.0)) == (
        f"{NAME}: 100 cold starts, bill $1,600.00. Stoker at its number of cold starts: out of range; every replayed setting has "
        "more (at least 200 cold starts at cold_start_cost_usd: 0.12). At its bill: out of range; every replayed setting on the "
        "curve costs less (at most $1,500.00, with 100 more cold starts).")
    assert comparison(frontier(), TRACKING, of(1100, 490.0)) == (
        f"{NAME}: 1,100 cold starts, bill $490.00. Stoker at its number of cold starts: out of range; every replayed setting "
        "on the curve has fewer (at most 1,000, for $10.00 more). At its bill: out of range; every replayed setting costs more "
        "(at least $500.00, with 100 fewer cold starts).")


def test_a_loss_on_cold_starts_names_the_setting_that_matches_and_its_bill():
    assert matching_sentences(frontier(), {TRACKING: of(300, 1600.0), "knative-kpa": of(250, 990.0)}) == [(
        f"To match {NAME} (300 cold starts, $1,600.00) and Knative KPA (250 cold starts, $990.00), set "
        "cold_start_cost_usd: 0.12. There would be 200 cold starts and a bill of $1,500.00, instead of 600 and $700.00.")]


def test_a_loss_that_no_replayed_setting_makes_up_for_is_named():
    assert matching_sentences(frontier(), {TRACKING: of(0, 1600.0)}) == [(
        f"No replayed setting matches {NAME} (0 cold starts, $1,600.00). The fewest: 200 cold starts at "
        "cold_start_cost_usd: 0.12, bill $1,500.00. A floor (min or a schedule) would keep more units warm.")]


@pytest.mark.parametrize("cold", [600, 601])
def test_no_setting_is_named_unless_stoker_has_more_cold_starts(cold):
    assert matching_sentences(frontier(), {TRACKING: of(cold, 900.0)}) == []


def test_pools_with_different_settings_get_a_multiple_of_their_prices():
    mixed = Frontier(tuple(point._replace(setting=None) for point in frontier().points))

    found = matching_sentences(mixed, {TRACKING: of(300, 1.0)})[0]

    assert ", multiply each pool's price of a cold start by 2.5. There would be 200 cold starts " in found


def test_the_comparison_precedes_the_settings():
    found = frontier_sentences(frontier(), {TRACKING: of(300, 1600.0)})

    assert [sentence.split()[0] for sentence in found] == [NAME.split()[0], "To"]
