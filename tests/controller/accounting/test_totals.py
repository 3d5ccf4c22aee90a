"""Sums over the pools of one mode."""

from controller.accounting.figures import ADDED
from controller.accounting.totals import Totals


def entry(mode, kind, **figures):
    shown = dict.fromkeys((f"{kind}_{name}" for name in (*ADDED, "usd_per_hour", "requested", "ready")), 1.0)
    return {"mode": mode, "busy": 2.0} | shown | {f"{kind}_{name}": value for name, value in figures.items()}


def test_totals_are_per_mode():
    actual, simulated = Totals("actual"), Totals("simulated")
    actual.add(entry("active", "actual", bill_today_usd=0.9, bill_without_stoker_today_usd=0.66))
    simulated.add(entry("shadow", "simulated", bill_today_usd=70.0) | {"actual_requested": 50, "actual_ready": 50})

    assert (actual.entry()["pools"], actual.entry()["requested"], actual.entry()["bill_today_usd"]) == (1, 1, 0.9)
    assert (simulated.entry()["pools"], simulated.entry()["bill_today_usd"]) == (1, 70)
    assert actual.entry()["sentence"] == "Bill +$0.24, the same number of cold starts"
    assert simulated.entry()["sentence"] == "Bill would be +$69.00, the same number of cold starts"


def test_figures_of_a_pool_that_changed_its_mode_stay_in_the_sums_of_that_mode():
    simulated = Totals("simulated")
    simulated.add_earlier(entry("active", "actual") | {f"simulated_{name}": 3.0 for name in ADDED})

    assert (simulated.entry()["pools"], simulated.entry()["requested"], simulated.entry()["bill_month_usd"]) == (0, 0, 3)


def test_a_projection_is_unknown_while_that_of_any_pool_is():
    actual = Totals("actual")
    actual.add(entry("active", "actual"))
    assert actual.entry()["bill_projected_month_usd"] == 1

    actual.add(entry("active", "actual", bill_projected_month_usd=None))
    assert actual.entry()["bill_projected_month_usd"] is None


def test_without_pools_every_sum_is_zero():
    assert {value for name, value in Totals("actual").entry().items() if name != "sentence"} == {0}
