"""Readable points of metrics by series and period, without those that are not published yet."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.metrics import COUNTERS, GAUGES, METRICS, Values, duration, ended, lasted_together, statistic
from adapters.sandbox.traffic.publishing import visibility
from adapters.sandbox.world import Hosted, Sandbox
from forecasting.demand import DemandSeries

RETENTION_MINUTES = {60: 15 * 1440, 300: 63 * 1440, 3600: 455 * 1440}
"""Retention in minutes by minimum period in seconds."""

REGION_GAUGES = ("ClaimedAccountConcurrency", "UnreservedConcurrentExecutions")
"""Gauges that only the whole region has; both are the sum of the units that functions claim."""

SAME_KIND = {**dict.fromkeys(REGION_GAUGES, "ConcurrentExecutions"), "CallCount": "Invocations"}
"""Metrics whose statistics are calculated as those of another metric."""

METRIC_CALLS = {"Service": "CloudWatch", "Class": "None", "Type": "API", "Resource": "GetMetricData"}


class Span(NamedTuple):
    """Minutes `first <= minute < end`, a whole number of periods."""

    first: int
    end: int
    minutes_a_period: int


class Points(NamedTuple):
    """Known points, oldest first; `at` in seconds since the epoch."""

    at: NDArray[np.int64]
    values: Values


NOTHING = Points(np.empty(0, np.int64), np.empty(0))


class Readings:
    """Reader for the queries of one request. It calculates the parts that queries share once: delays and all functions."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._now = sandbox.now_ms() / 1000
        self._visible_by_span: dict[tuple[int, Span], tuple[NDArray[np.bool_], Values]] = {}
        self._region: list[Hosted] | None = None

    def points(self, namespace: str, metric: str, dimensions: Mapping[str, str], stat: str, span: Span) -> Points:
        """Return the points of one series; none for a series that AWS would not have."""
        if namespace == "AWS/Usage" and (metric, dict(dimensions)) == ("CallCount", METRIC_CALLS) and span.end > span.first:
            return self._read(None, metric, stat, span, lambda _: self._calls(span))
        published = self._sandbox.published.get((namespace, metric, frozenset(dimensions.items())))
        if published is not None and span.end > span.first:
            return self._of_others(metric, dimensions, published, span)
        if namespace != "AWS/Lambda" or span.end <= span.first:
            return NOTHING
        if not dimensions:
            return self._of_region(metric, stat, span)
        hosted = self._sandbox.find(dimensions.get("FunctionName", ""))
        if hosted is None or metric not in METRICS or not self._emitted(hosted, metric, dimensions):
            return NOTHING
        if metric == "Duration":
            return self._durations([hosted], hosted, stat, span)
        return self._read(hosted, metric, stat, span, lambda name: hosted.driver.table.window(name, span.first, span.end))

    def _of_others(self, metric: str, dimensions: Mapping[str, str], published: DemandSeries, span: Span) -> Points:
        """Return the points of a metric that is not Lambda's. An outage of one of its dimensions' values hides it."""
        readable, _ = self._visible(self._sandbox.seed, span)
        hidden = [self._sandbox.faults.hidden(metric, name, span.first, span.end) for name in (None, *dimensions.values())]
        values = np.where(readable & ~np.logical_or.reduce(hidden), published.window(span.first, span.end).peak, np.nan)
        return _points(values[:: span.minutes_a_period].astype(np.float64), span)

    @staticmethod
    def _emitted(hosted: Hosted, metric: str, dimensions: Mapping[str, str]) -> bool:
        """Return whether the function has a series with these dimensions: function, serving alias, or executed version."""
        function, serving = hosted.function, hosted.driver.serving
        resource, version = dimensions.get("Resource"), dimensions.get("ExecutedVersion")
        if len(dimensions) != 1 + (resource is not None) + (version is not None) or (version is not None and version != serving):
            return False
        if resource is None:
            return version is None and not metric.startswith("Provisioned")
        return resource in (f"{function.name}:{function.alias}", f"{function.name}:{serving}")

    def _of_region(self, metric: str, stat: str, span: Span) -> Points:
        """Return the sum over all functions. A sum of peaks is an upper bound, because the peaks are at different instants."""
        claimed = metric in REGION_GAUGES
        if not claimed and (metric not in METRICS or metric.startswith("Provisioned")):
            return NOTHING
        if metric == "Duration":
            return self._durations(self._sandbox.all(), None, stat, span)
        return self._read(None, metric, stat, span, lambda name: self._claims(span) if claimed else self._summed(name, span))

    def _calls(self, span: Span) -> Values:
        """Return GetMetricData calls per minute; NaN in minutes without any, and everywhere unless `calls_counted`."""
        calls = self._sandbox.metric_calls if self._sandbox.settings.calls_counted else {}
        return np.array([calls.get(minute, np.nan) for minute in range(span.first, span.end)])

    def _claims(self, span: Span) -> Values:
        claims = self._summed("claimed", span)
        idle = np.isnan(self._summed("peak", span))
        return claims if self._sandbox.settings.claims_while_idle else np.where(idle, np.nan, claims)

    def _summed(self, name: str, span: Span) -> Values:
        if self._region is None:
            self._region = self._sandbox.all()
        total, some = np.zeros(span.end - span.first), np.zeros(span.end - span.first, bool)
        for hosted in self._region:
            values = hosted.driver.table.window(name, span.first, span.end)
            known = ~np.isnan(values)
            total[known] += values[known]
            some |= known
        return np.where(some, total, np.nan)

    def _read(self, hosted: Hosted | None, metric: str, stat: str, span: Span, window: Callable[[str], Values]) -> Points:
        """Return the points of a function or, with None, of the whole region."""
        readable, part = self._visible(self._sandbox.seed if hosted is None else hosted.seed, span)
        readable = readable & self._without_outage(hosted, metric, span)

        def column(name: str) -> Values:
            values = np.where(readable, window(name), np.nan)
            if part is _WHOLE:
                return values
            return values * part if name in _FRACTIONS else np.where(part < 1, np.ceil(values * part), values)

        values = statistic(SAME_KIND.get(metric, metric), stat, span.minutes_a_period, column)
        return _points(values, span)

    def _durations(self, functions: list[Hosted], hosted: Hosted | None, stat: str, span: Span) -> Points:
        """Return the points of `Duration` of a function or, with None, of the whole region. A request counts in the minute of its
        start, once the minute of its end is published.
        """
        counts, lasted = np.zeros(span.end - span.first), np.zeros(span.end - span.first)
        seed = self._sandbox.seed if hosted is None else hosted.seed
        published = self._without_outage(hosted, "Duration", span)
        for each in functions:
            for lag in each.driver.table.lags:
                readable, part = self._visible(seed, Span(span.first + lag, span.end + lag, 1))
                share, table = np.where(readable & published, part, 0.0), each.driver.table
                counts += share * np.nan_to_num(table.window(ended(lag), span.first, span.end))
                lasted += share * np.nan_to_num(table.window(lasted_together(lag), span.first, span.end))
        return _points(duration(stat, span.minutes_a_period, counts, lasted), span)

    def _without_outage(self, hosted: Hosted | None, metric: str, span: Span) -> NDArray[np.bool_]:
        """Return which minutes of the span are not hidden by an outage of metrics."""
        faults = self._sandbox.faults
        if not faults.outages:
            return np.ones(span.end - span.first, bool)
        return ~faults.hidden(metric, None if hosted is None else hosted.function.name, span.first, span.end)

    def _visible(self, seed: int, span: Span) -> tuple[NDArray[np.bool_], Values]:
        """Return which minutes of the span can be read, and which part of their value. Dark minutes have no point anyway."""
        key = (seed, span)
        if key not in self._visible_by_span:
            faults, publishing = self._sandbox.faults, self._sandbox.settings.publishing
            now = self._now - faults.late_seconds
            minutes = np.arange(span.first, span.end, dtype=np.int64)
            if (span.end * 60) + publishing.settled_after < now:
                readable, part = np.ones(len(minutes), bool), _WHOLE
            else:
                readable, part = visibility(publishing, seed, minutes, now)
            self._visible_by_span[key] = readable, part
        return self._visible_by_span[key]


_WHOLE: Values = np.ones(1)
_FRACTIONS = ("pc_utilisation",)


def _points(values: Values | None, span: Span) -> Points:
    """Return the points of `values` (one per period) that are not NaN."""
    if values is None:
        return NOTHING
    known = ~np.isnan(values)
    starts = np.arange(span.first, span.end, span.minutes_a_period) * 60
    return Points(starts[known], values[known])


def series_of(hosted: Hosted) -> list[tuple[str, dict[str, str]]]:
    """Return metric and dimensions of the series of a function that ListMetrics returns."""
    function = hosted.function
    resource = {"FunctionName": function.name, "Resource": f"{function.name}:{function.alias}"}
    plain = [name for name in (*COUNTERS, *GAUGES, "Duration") if not name.startswith("Provisioned")]
    return [(metric, dims) for metric in plain for dims in ({"FunctionName": function.name}, resource)]
