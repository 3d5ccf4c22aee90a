"""Metrics of one function, one value per minute, and their statistics over periods."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.durations import Booked, recorded
from forecasting.demand import DemandSeries

Values = NDArray[np.float64]
RUN_ON = 15
"""Maximum duration of a request in minutes; Lambda ends longer ones."""

COUNTERS = {
    "Invocations": "invocations",
    "Throttles": "throttles",
    "Errors": "errors",
    "ProvisionedConcurrencyInvocations": "pc_invocations",
    "ProvisionedConcurrencySpilloverInvocations": "pc_spillover",
}
GAUGES = {
    "ConcurrentExecutions": "peak",
    "ProvisionedConcurrentExecutions": "pc_in_use",
    "ProvisionedConcurrencyUtilization": "pc_utilisation",
}
METRICS = (*COUNTERS, *GAUGES, "Duration")


class _Points:
    """One column: float32 by minute from `first` on; grows when needed."""

    def __init__(self, first: int, values: NDArray[np.float32]) -> None:
        self.first, self.values = first, values

    def put(self, minute: int, value: float) -> None:
        """Store the value of `minute`."""
        row = minute - self.first
        if row >= len(self.values):
            grown = np.full(row + 1 + row // 4 + 60, np.nan, np.float32)
            grown[: len(self.values)] = self.values
            self.values = grown
        self.values[row] = value


class MinuteTable:
    """Columns by minute, each from its first point on; NaN without a point. The column `dark` marks minutes without telemetry."""

    def __init__(self, first_minute: int) -> None:
        self.first_minute = self.end_minute = first_minute
        self._columns: dict[str, _Points] = {}
        self.lags: set[int] = set()
        """All differences between end minute and start minute of a request that `book` has recorded."""

    @classmethod
    def of(cls, series: DemandSeries, end_minute: int) -> "MinuteTable":
        """Return the table of a recorded series before `end_minute`.

        Idle minutes have no point of the function, minutes without starting requests have no point of metrics counted by request,
        and gaps are dark. The units that the function claims of the region have a point in all other minutes, as with played
        traffic. Requests in flight at `end_minute` count as ended.
        """
        past = series.window(series.first_minute, max(series.first_minute, min(end_minute, series.end_minute)))
        table = cls(past.first_minute)
        table.end_minute, table.lags = past.end_minute, {0}
        started, none = past.invocations > 0, np.float32(np.nan)
        lasted = recorded(series.window(past.first_minute, min(past.end_minute + RUN_ON, series.end_minute)))[: len(past)]
        running = started | (past.peak > 0)
        for name, present, values in (
            ("invocations", started, past.invocations),
            ("peak", running, past.peak),
            (ended(0), started, past.invocations),
            (lasted_together(0), started, lasted),
            ("claimed", past.known, past.peak),
        ):
            table._columns[name] = _Points(past.first_minute, np.where(present, values, none).astype(np.float32))
        if not past.known.all():
            table._columns["dark"] = _Points(past.first_minute, np.where(past.known, np.nan, 1.0).astype(np.float32))
        return table

    def put(self, minute: int, values: dict[str, float]) -> None:
        """Record the points of `minute`. Minutes must come in ascending order."""
        self.end_minute = minute + 1
        for name, value in values.items():
            if name not in self._columns:
                self._columns[name] = _Points(minute, np.empty(0, np.float32))
            self._columns[name].put(minute, value)

    def book(self, booked: Booked) -> None:
        """Record the durations of ended requests at the minute in which they started."""
        if booked.lag not in self.lags:
            self.lags.add(booked.lag)
            for name in (ended(booked.lag), lasted_together(booked.lag)):
                self._columns[name] = _Points(booked.minute, np.empty(0, np.float32))
        self._columns[ended(booked.lag)].put(booked.minute, booked.requests)
        self._columns[lasted_together(booked.lag)].put(booked.minute, booked.total_ms)

    def window(self, name: str, first: int, end: int) -> Values:
        """Return float64[end - first] of the column for `first <= minute < end`; NaN without a point."""
        out = np.full(max(0, end - first), np.nan)
        column = self._columns.get(name)
        if column is not None:
            low, high = max(first, column.first), min(end, column.first + len(column.values))
            if low < high:
                out[low - first : high - first] = column.values[low - column.first : high - column.first]
        return out


def ended(lag: int) -> str:
    """Return the name of the column that counts the requests that ended `lag` minutes after the minute of their start."""
    return f"ended {lag}"


def lasted_together(lag: int) -> str:
    """Return the name of the column with the total duration of those requests in milliseconds."""
    return f"lasted {lag}"


Column = Callable[[str], Values]
_FOLDS: dict[str, Callable[..., Values]] = {"Maximum": np.nanmax, "Minimum": np.nanmin, "Average": np.nanmean, "Sum": np.nansum}


def statistic(metric: str, stat: str, minutes_a_period: int, column: Column) -> Values | None:
    """Return `stat` of `metric` for each period; NaN: no point. None: unknown statistic.

    The window must hold whole periods. `metric` is not `Duration`. A counter has one sample of value 1 per request, a gauge
    one sample per minute.
    """
    if metric in COUNTERS:
        total = _fold(np.nansum, column(COUNTERS[metric]), minutes_a_period)
        if stat in ("Sum", "SampleCount"):
            return total
        return np.where(np.isnan(total), np.nan, np.minimum(total, 1.0)) if _known(stat) else None
    values = column(GAUGES[metric])
    if stat in _FOLDS:
        return _fold(_FOLDS[stat], values, minutes_a_period)
    if stat == "SampleCount":
        return _fold(np.nansum, np.where(np.isnan(values), np.nan, 1.0), minutes_a_period)
    rank = percentile(stat)
    return None if rank is None else _fold(lambda rows, axis: np.nanpercentile(rows, rank, axis=axis), values, minutes_a_period)


def percentile(stat: str) -> float | None:
    """Return 99.9 for `p99.9`; None for other statistics."""
    digits = stat.removeprefix("p").replace(".", "", 1)
    return float(stat[1:]) if stat.startswith("p") and digits.isdigit() and float(stat[1:]) <= 100 else None


def _known(stat: str) -> bool:
    return stat in ("Average", "Maximum", "Minimum") or percentile(stat) is not None


def duration(stat: str, minutes_a_period: int, counts: Values, lasted: Values) -> Values | None:
    """Return `stat` of `Duration`, as `statistic` does of other metrics. Each minute has `counts` requests with a total duration
    of `lasted` milliseconds. The durations in a period are assumed to be uniform between 0 and twice their mean.
    """
    counts = np.where(counts > 0, counts, np.nan)
    total_ms = _fold(np.nansum, np.where(np.isnan(counts), np.nan, lasted), minutes_a_period)
    samples = _fold(np.nansum, counts, minutes_a_period)
    mean = total_ms / samples
    fixed = {"Sum": total_ms, "SampleCount": samples, "Average": mean, "Maximum": 2 * mean, "Minimum": 0 * mean}
    rank = percentile(stat)
    return fixed.get(stat) if rank is None else mean * rank / 50


def _fold(reduce: Callable[..., Values], values: Values, minutes_a_period: int) -> Values:
    """Return `values` reduced to periods; a period without any point is NaN."""
    rows = values.reshape(-1, minutes_a_period)
    if minutes_a_period == 1:
        return rows[:, 0].copy()
    out = np.full(len(rows), np.nan)
    some = ~np.isnan(rows).all(axis=1)
    if some.any():
        out[some] = reduce(rows[some], axis=1)
    return out
