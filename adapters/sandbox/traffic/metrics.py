"""One function's metrics, a value a minute, and their statistics over periods."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.durations import Booked, recorded
from forecasting.demand import DemandSeries

Values = NDArray[np.float64]
RUN_ON = 15
"""Minutes for which a request may run on; Lambda ends what runs longer."""

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
    """One column: float32 by minute from `first` on, with room to grow."""

    def __init__(self, first: int, values: NDArray[np.float32]) -> None:
        self.first, self.values = first, values

    def put(self, minute: int, value: float) -> None:
        row = minute - self.first
        if row >= len(self.values):
            grown = np.full(row + 1 + row // 4 + 60, np.nan, np.float32)
            grown[: len(self.values)] = self.values
            self.values = grown
        self.values[row] = value


class MinuteTable:
    """Columns by minute, each from its first point on; NaN where there is no point. `dark` marks minutes in which telemetry
    itself was missing.
    """

    def __init__(self, first_minute: int) -> None:
        self.first_minute = self.end_minute = first_minute
        self._columns: dict[str, _Points] = {}
        self.lags: set[int] = set()
        """Minutes from the start of a request to its end, of those that `book` has recorded."""

    @classmethod
    def of(cls, series: DemandSeries, end_minute: int) -> "MinuteTable":
        """What was recorded before `end_minute`: idle minutes have no point of the function, minutes in which nothing begins have
        none of what is counted by request, and gaps are dark. What the function claims of the region has a point in every other
        minute, as it has while traffic is played. What is in flight at `end_minute` is taken to have ended.
        """
        past = series.window(series.first_minute, max(series.first_minute, min(end_minute, series.end_minute)))
        table = cls(past.first_minute)
        table.end_minute, table.lags = past.end_minute, {0}
        begun, none = past.invocations > 0, np.float32(np.nan)
        lasted = recorded(series.window(past.first_minute, min(past.end_minute + RUN_ON, series.end_minute)))[: len(past)]
        running = begun | (past.peak > 0)
        for name, there, values in (
            ("invocations", begun, past.invocations),
            ("peak", running, past.peak),
            (ended(0), begun, past.invocations),
            (lasted_together(0), begun, lasted),
            ("claimed", past.known, past.peak),
        ):
            table._columns[name] = _Points(past.first_minute, np.where(there, values, none).astype(np.float32))
        if not past.known.all():
            table._columns["dark"] = _Points(past.first_minute, np.where(past.known, np.nan, 1.0).astype(np.float32))
        return table

    def put(self, minute: int, values: dict[str, float]) -> None:
        """Record the point of `minute`, at or after every earlier one."""
        self.end_minute = minute + 1
        for name, value in values.items():
            if name not in self._columns:
                self._columns[name] = _Points(minute, np.empty(0, np.float32))
            self._columns[name].put(minute, value)

    def book(self, booked: Booked) -> None:
        """Record how long requests lasted that have ended, at the minute in which they began."""
        if booked.lag not in self.lags:
            self.lags.add(booked.lag)
            for name in (ended(booked.lag), lasted_together(booked.lag)):
                self._columns[name] = _Points(booked.minute, np.empty(0, np.float32))
        self._columns[ended(booked.lag)].put(booked.minute, booked.requests)
        self._columns[lasted_together(booked.lag)].put(booked.minute, booked.total_ms)

    def window(self, name: str, first: int, end: int) -> Values:
        """Float64 for `first <= minute < end`; NaN where there is nothing."""
        out = np.full(max(0, end - first), np.nan)
        column = self._columns.get(name)
        if column is not None:
            low, high = max(first, column.first), min(end, column.first + len(column.values))
            if low < high:
                out[low - first : high - first] = column.values[low - column.first : high - column.first]
        return out


def ended(lag: int) -> str:
    """The column of how many requests that began in a minute ended `lag` minutes later."""
    return f"ended {lag}"


def lasted_together(lag: int) -> str:
    """The column of how many milliseconds those requests lasted together."""
    return f"lasted {lag}"


Column = Callable[[str], Values]
_FOLDS: dict[str, Callable[..., Values]] = {"Maximum": np.nanmax, "Minimum": np.nanmin, "Average": np.nanmean, "Sum": np.nansum}


def statistic(metric: str, stat: str, minutes_a_period: int, column: Column) -> Values | None:
    """`stat` of `metric` for each period (a whole number of them in the window); NaN: no point. None: no such statistic. Not of
    `Duration`. Counters count 1 a sample, gauges are sampled once a minute.
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
    """99.9 for `p99.9`; None for what is no percentile."""
    digits = stat.removeprefix("p").replace(".", "", 1)
    return float(stat[1:]) if stat.startswith("p") and digits.isdigit() and float(stat[1:]) <= 100 else None


def _known(stat: str) -> bool:
    return stat in ("Average", "Maximum", "Minimum") or percentile(stat) is not None


def duration(stat: str, minutes_a_period: int, counts: Values, lasted: Values) -> Values | None:
    """`stat` of `Duration`, as `statistic` has it of other metrics, of `counts` requests in each minute which `lasted` so many
    milliseconds together. Those of one period are taken as spread evenly from nothing to twice their mean.
    """
    counts = np.where(counts > 0, counts, np.nan)
    total_ms = _fold(np.nansum, np.where(np.isnan(counts), np.nan, lasted), minutes_a_period)
    samples = _fold(np.nansum, counts, minutes_a_period)
    mean = total_ms / samples
    fixed = {"Sum": total_ms, "SampleCount": samples, "Average": mean, "Maximum": 2 * mean, "Minimum": 0 * mean}
    rank = percentile(stat)
    return fixed.get(stat) if rank is None else mean * rank / 50


def _fold(reduce: Callable[..., Values], values: Values, minutes_a_period: int) -> Values:
    """Reduce to periods; a period without a single point stays without one."""
    rows = values.reshape(-1, minutes_a_period)
    if minutes_a_period == 1:
        return rows[:, 0].copy()
    out = np.full(len(rows), np.nan)
    some = ~np.isnan(rows).all(axis=1)
    if some.any():
        out[some] = reduce(rows[some], axis=1)
    return out
