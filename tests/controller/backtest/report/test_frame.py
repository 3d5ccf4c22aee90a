"""The frame says what the figures cover, what is assumed, and that they are simulated."""

import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from controller.backtest.report.frame import frame
from controller.backtest.report.page import page
from controller.backtest.result import Monthly, Outcome, PoolOutcome, monthly
from controller.decision.costs.bill import Bill
from tests.controller.backtest.report.outcomes import DAILY, TERMS, outcome_of


@cache
def daily(name: str = "agent", start: int = 1440, minutes: int = len(DAILY)) -> PoolOutcome:
    peak = DAILY[:minutes].copy()
    peak[2000:2010] = np.nan
    return outcome_of(peak, name, start)


def test_the_frame_of_a_pool_gives_period_requests_peak_and_assumptions():
    pool = replace(daily(), assumed={"memory_mb": "1,024 MB of memory"})
    rows = dict(frame([pool]))

    assert rows["period"] == "2026-03-03 12:00 to 2026-03-06 12:00 UTC (3 days); 24 h before it for learning only"
    assert rows["known"] == "4,310 of 4,320 minutes (99.77 %); the others are not counted"
    assert rows["requests"] == f"{round(pool.stoker.invocations):,}"
    assert rows["peak"].startswith(f"{pool.load.peak[1440:].max()} requests at once, 2026-03-0")
    assert rows["timing"] == "metric delay 2 min, lead time 2 min"
    assert rows["objective"] == "cold-start cost $0.05 each"
    assert rows["assumed"] == "1,024 MB of memory (memory_mb): not set in the policy"
    assert rows["per month"] == "figures × 730 h / 71.8 h with known demand"
    assert "Stoker did not run" in rows["simulated"]


def test_the_result_says_what_would_be_and_never_what_was_saved():
    for idle in (0.0, 50.0):
        pool = replace(daily(), stoker=Bill(cold_starts=10, idle_usd=idle), nothing=Bill(cold_starts=110, idle_usd=25.0))
        text = dict(frame([pool]))["result"]
        assert text.startswith(f"Bill would be {'-$25.00' if idle == 0 else '+$25.00'}, 100 fewer cold starts")
        assert "saved" not in text


def test_the_frame_of_several_pools_gives_the_range_of_what_differs():
    rows = dict(frame([daily(), daily("chat", 0, 2500), daily("researcher")]))

    assert "(41.7 h to 3 days by pool)" in rows["period"]
    assert "; 0 h to 24 h before it" in rows["period"]
    assert rows["requests"].endswith(" in 3 pools")
    assert re.search(r" in (agent|chat|researcher) \(highest of a pool\)$", rows["peak"])
    assert rows["objective"] == "cold-start cost $0.05 each"


def test_a_price_per_second_is_shown_with_the_price_of_a_cold_start():
    terms = replace(TERMS, cold_start_cost_usd=0.4, cold_start_cost_usd_per_second=0.05)
    rows = dict(frame([replace(daily(), terms=terms)]))
    assert rows["objective"] == "cold-start cost $0.40 each ($0.05 per second × 8 s)"


def test_a_warm_hit_objective_says_that_the_price_is_for_comparison():
    rows = dict(frame([replace(daily(), terms=replace(TERMS, warm_hit_rate=0.99))]))
    assert rows["objective"] == "99 % of requests warm (cold-start cost $0.05 each, for comparison only)"


def test_an_estimated_peak_is_marked():
    assert "estimated" in dict(frame([replace(daily(), terms=replace(TERMS, estimated_peak=True))]))["peak"]


def test_the_report_has_the_same_frame_and_says_that_it_is_simulated():
    outcome = Outcome((daily(),))
    html = page(outcome)
    header = html[html.index("<header>") : html.index("</header>")]

    for label, text in frame(outcome.pools):
        assert f"<dt>{label}</dt><dd>{text.replace(chr(39), '&#x27;')}</dd>" in header
    assert "Stoker backtest, simulated" in header
    assert "saved" not in html[: html.index("<script")]


@pytest.mark.parametrize(("minutes", "times"), [(43_800, 1.0), (21_900, 2.0), (0, 0.0)])
def test_figures_per_month_are_those_of_the_counted_minutes_times_730_hours(minutes, times):
    bill = Bill(minutes=minutes, cold_starts=3, idle_usd=1.5, wait_usd=0.5)
    assert monthly([bill]) == Monthly(3 * times, 1.5 * times, 0.5 * times)
    assert monthly([bill, bill]).sum_usd == 4 * times
