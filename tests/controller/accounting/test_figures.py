"""Figures of accounts, under the names of every surface."""

from datetime import date

import numpy as np
import pytest

from controller.accounting.figures import FIGURES, MINUTES_A_DAY, figures
from controller.accounting.ledger import NAMES

DAY = date(2026, 2, 10)


def sums(**amounts):
    return [amounts.get(name, 0.0) for name in NAMES]


def named(today, month):
    [row] = figures(np.array([today]), np.array([month]), DAY)
    return dict(zip(FIGURES, row, strict=True))


def test_saved_is_said_of_the_bill_alone_and_negative_when_it_rose():
    today = sums(bill_usd=0.90, bill_without_stoker_usd=0.66, cold_start_cost_usd=1, cold_start_cost_without_stoker_usd=9)
    month = sums(bill_usd=2.0, bill_without_stoker_usd=5.0)
    shown = named(today, month)

    assert (shown["saved_today_usd"], shown["saved_month_usd"]) == (pytest.approx(-0.24), 3.0)
    assert (shown["cold_start_cost_today_usd"], shown["cold_start_cost_without_stoker_today_usd"]) == (1, 9)


@pytest.mark.parametrize(("minutes", "whole"), [
    (MINUTES_A_DAY - 1, None), (MINUTES_A_DAY, 28 * 3.0), (7 * MINUTES_A_DAY, 28 * 3.0 / 7), (28 * MINUTES_A_DAY, 3.0),
])
def test_the_bill_of_the_month_is_that_so_far_extended_by_days(minutes, whole):
    shown = named(sums(), sums(bill_usd=3.0, minutes=minutes))["bill_projected_month_usd"]
    assert shown == (whole if whole is None else pytest.approx(whole))


def test_a_range_is_shown_only_where_it_makes_a_difference():
    shown = named(sums(cold_starts=4, cold_starts_delta_low=2, cold_starts_delta_high=-1), sums())

    assert (shown["cold_starts_today_range"], shown["cold_starts_without_stoker_today_range"]) == ((3, 6), None)
