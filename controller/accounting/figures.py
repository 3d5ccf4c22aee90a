"""Figures of a pool's accounts under the names that every surface uses, from its sums of today and of this month. Pure.

The names are without their kind, `actual_` or `simulated_`, which the caller adds.
"""

import calendar
import math
from datetime import date

import numpy as np

from controller.accounting.ledger import NAMES, NOISE, RANGED
from controller.accounting.minute_bill import Amounts

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
"""Figures that are a number."""

FIGURES = (*ADDED, *RANGES)
"""All figures, in the order of `figures`."""

TODAY_AT, MONTH_AT = [AT[name] for name in TODAY.values()], [AT[name] for name in MONTH.values()]
BILL, WITHOUT, COUNTED = AT["bill_usd"], AT["bill_without_stoker_usd"], AT["minutes"]

Value = float | tuple[float, float] | None
Figures = tuple[Value, ...]


def figures(today: Amounts, month: Amounts, day: date) -> list[Figures]:
    """Return all figures of each pool, in the order of `FIGURES`, rounded to 6 decimals, from the sums of today and of the month,
    float64[pools, NAMES] each. `day`: that of the sums of today.
    """
    saved = np.stack((today[:, WITHOUT] - today[:, BILL], month[:, WITHOUT] - month[:, BILL]), axis=1)
    columns = [*listed(today[:, TODAY_AT]), *listed(month[:, MONTH_AT]), *listed(projected(month, day)[:, None]), *listed(saved),
               *(ranges(today, column) for column in RANGES.values())]
    return list(zip(*columns, strict=True))


def rounded(value: float) -> float | None:
    """Return `value` rounded to 6 decimals, None if it is NaN or infinite."""
    return round(value, 6) if math.isfinite(value) else None


def listed(values: Amounts) -> list[list[float | None]]:
    """Return the columns, rounded to 6 decimals; None for values that are NaN or infinite."""
    rows = np.round(values, 6).T.tolist()
    return rows if np.isfinite(values).all() else [[each if math.isfinite(each) else None for each in row] for row in rows]


def ranges(today: Amounts, column: str) -> list[tuple[float, float] | None]:
    """Return the range of a figure of each pool."""
    figure, *deltas = (today[:, at] for at in RANGED[column])
    low, high = figure + np.minimum(0.0, np.minimum(*deltas)), figure + np.maximum(0.0, np.maximum(*deltas))
    wide = high - low > NOISE
    if not wide.any():
        return [None] * len(wide)
    ends = zip(np.round(low, 6).tolist(), np.round(high, 6).tolist(), wide.tolist(), strict=True)
    return [(least, most) if differs else None for least, most, differs in ends]


def projected(month: Amounts, day: date) -> Amounts:
    """Return the bill of the whole month in USD, float64[pools]: the bill so far / the minutes counted so far * the minutes of
    the month. NaN before 24 h are counted: part of a day is not typical of a month.
    """
    counted = month[:, COUNTED]
    minutes = calendar.monthrange(day.year, day.month)[1] * MINUTES_A_DAY
    return np.where(counted >= MINUTES_A_DAY, month[:, BILL] / np.maximum(1.0, counted) * minutes, np.nan)
