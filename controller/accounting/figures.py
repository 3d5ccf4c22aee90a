"""Figures of a pool's accounts under the names that every surface uses, from its sums of today and of this month. Pure.

The names are without their kind, `actual_` or `simulated_`, which the caller adds.
"""

import calendar
import math
from datetime import date

from controller.accounting.ledger import NAMES, Sums, range_of

AT = {name: at for at, name in enumerate(NAMES)}
MINUTES_A_DAY = 1440

TODAY: dict[str, str] = {
    "bill_today_usd": "bill_usd",
    "bill_without_stoker_today_usd": "bill_without_stoker_usd",
    "bill_target_tracking_today_usd": "bill_target_tracking_usd",
    "cold_starts_today": "cold_starts",
    "cold_starts_during_pings_today": "cold_starts_during_pings",
    "cold_starts_without_stoker_today": "cold_starts_without_stoker",
    "cold_starts_target_tracking_today": "cold_starts_target_tracking",
    "cold_start_cost_today_usd": "cold_start_cost_usd",
    "cold_start_cost_without_stoker_today_usd": "cold_start_cost_without_stoker_usd",
    "cold_start_cost_target_tracking_today_usd": "cold_start_cost_target_tracking_usd",
}
"""Figures that are a sum of today: the column of the ledger by name."""

MONTH: dict[str, str] = {
    "bill_month_usd": "bill_usd",
    "bill_without_stoker_month_usd": "bill_without_stoker_usd",
    "others_bill_month_usd": "others_bill_usd",
}
"""Figures that are a sum of this month."""

RANGES: dict[str, str] = {
    "cold_starts_today_range": "cold_starts",
    "cold_starts_without_stoker_today_range": "cold_starts_without_stoker",
}
"""Minimum and maximum of a figure over the ranges of the pool's keep-alive and peak; None when they are equal."""

DERIVED = ("bill_projected_month_usd", "saved_today_usd", "saved_month_usd")
ADDED = (*TODAY, *MONTH, *DERIVED)
"""Figures that are a number, in the order of `added`."""

FIGURES = (*ADDED, *RANGES)
"""All figures, in the order of `figures`."""

TODAY_AT, MONTH_AT = tuple(AT[name] for name in TODAY.values()), tuple(AT[name] for name in MONTH.values())
BILL, WITHOUT, COUNTED = AT["bill_usd"], AT["bill_without_stoker_usd"], AT["minutes"]

Range = tuple[float | None, ...]


def figures(sums: Sums, day: date) -> tuple[float | Range | None, ...]:
    """Return all figures of a pool, in the order of `FIGURES`, rounded to 6 decimals. `day`: that of the sums of today."""
    today, month = sums
    return (
        *[rounded(today[at]) for at in TODAY_AT], *[rounded(month[at]) for at in MONTH_AT],
        projected(month, day), rounded(today[WITHOUT] - today[BILL]), rounded(month[WITHOUT] - month[BILL]),
        *[rounded_range(range_of(today, column)) for column in RANGES.values()],
    )


def projected(month: list[float], day: date) -> float | None:
    """Return the bill of the whole month in USD: the bill so far / the minutes counted so far * the minutes of the month. None
    before 24 h are counted: part of a day is not typical of a month.
    """
    counted = month[COUNTED]
    if counted < MINUTES_A_DAY:
        return None
    return rounded(month[BILL] / counted * calendar.monthrange(day.year, day.month)[1] * MINUTES_A_DAY)


def rounded(value: float) -> float | None:
    """Return `value` rounded to 6 decimals, None if it is NaN or infinite."""
    return round(value, 6) if math.isfinite(value) else None


def rounded_range(pair: tuple[float, float] | None) -> Range | None:
    """Return both ends of a range, rounded."""
    return None if pair is None else tuple(rounded(each) for each in pair)
