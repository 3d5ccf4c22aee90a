"""What can be read of the metrics now: points by series and period, with what is not published yet left out."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.metrics import COUNTERS, GAUGES, METRICS, Values, duration, ended, lasted_together, statistic
from adapters.sandbox.traffic.publishing import visibility
from adapters.sandbox.world import Hosted, Sandbox

RETENTION_MINUTES = {60: 15 * 1440, 300: 63 * 1440, 3600: 455 * 1440}
# Of the whole region only; both are made of what functions claim.
REGION_GAUGES = ("ClaimedAccountConcurrency", "UnreservedConcurrentExecutions")
ALIKE = {**dict.fromkeys(REGION_GAUGES, "ConcurrentExecutions"), "CallCount": "Invocations"}
METRIC_CALLS = {"Service": "CloudWatch", "Class": "None", "Type": "API", "Resource": "GetMetricData"}


class Span(NamedTuple):
    """Minutes `first <= minute < end`, a whole number of periods."""

    first: int
    end: int
    minutes_a_period: int


class Points(NamedTuple):
    """Known points, the oldest first: `at` in seconds since the epoch."""

    at: NDArray[np.int64]
    values: Values


NOTHING = Points(np.empty(0, np.int64), np.empty(0))


class Readings:
    """Answers the queries of one request; what several queries need (delays, the region's sums) is worked out once."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._now = sandbox.now_ms() / 1000
        self._seen: dict[tuple[int, Span], tuple[NDArray[np.bool_], Values]] = {}
        self._region: list[Hosted] | None = None

    def points(self, namespace: str, metric: str, dimensions: Mapping[str, str], stat: str, span: Span) -> Points:
        """The points of one series; none at all for a series that AWS would not have."""
        if namespace == "AWS/Usage" and (metric, dict(dimensions)) == ("CallCount", METRIC_CALLS) and span.end > span.first:
            return self._read(None, metric, stat, span, lambda _: self._calls(span))
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

    @staticmethod
    def _emitted(hosted: Hosted, metric: str, dimensions: Mapping[str, str]) -> bool:
        """Whether the function emits under these dimensions: by function, by the alias that takes the traffic, by version."""
        function, serving = hosted.function, hosted.driver.serving
        resource, version = dimensions.get("Resource"), dimensions.get("ExecutedVersion")
        if len(dimensions) != 1 + (resource is not None) + (version is not None) or (version is not None and version != serving):
            return False
        if resource is None:
            return version is None and not metric.startswith("Provisioned")
        return resource in (f"{function.name}:{function.alias}", f"{function.name}:{serving}")

    def _of_region(self, metric: str, stat: str, span: Span) -> Points:
        """Sums over all functions. A sum of peaks is the most that the region can have had: they do not come at one instant."""
        claimed = metric in REGION_GAUGES
        if not claimed and (metric not in METRICS or metric.startswith("Provisioned")):
            return NOTHING
        if metric == "Duration":
            return self._durations(self._sandbox.all(), None, stat, span)
        return self._read(None, metric, stat, span, lambda name: self._claims(span) if claimed else self._summed(name, span))

    def _calls(self, span: Span) -> Values:
        """GetMetricData calls a minute, as far as AWS counts them."""
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
        """Points of a function, or of the whole region."""
        seen, part = self._visible(self._sandbox.seed if hosted is None else hosted.seed, span)
        seen = seen & self._unhidden(hosted, metric, span)

        def column(name: str) -> Values:
            values = window(name)
            shown = np.where(seen, values, np.nan)
            if part is _WHOLE:
                return shown
            return shown * part if name in _FRACTIONS else np.where(part < 1, np.ceil(shown * part), shown)

        values = statistic(ALIKE.get(metric, metric), stat, span.minutes_a_period, column)
        return _points(values, span)

    def _durations(self, of: list[Hosted], hosted: Hosted | None, stat: str, span: Span) -> Points:
        """Points of `Duration` of a function, or of the whole region. A request counts in the minute in which it began, once the
        minute in which it ended is published.
        """
        counts, lasted = np.zeros(span.end - span.first), np.zeros(span.end - span.first)
        seed, unhidden = self._sandbox.seed if hosted is None else hosted.seed, self._unhidden(hosted, "Duration", span)
        for each in of:
            for lag in each.driver.table.lags:
                seen, part = self._visible(seed, Span(span.first + lag, span.end + lag, 1))
                share, table = np.where(seen & unhidden, part, 0.0), each.driver.table
                counts += share * np.nan_to_num(table.window(ended(lag), span.first, span.end))
                lasted += share * np.nan_to_num(table.window(lasted_together(lag), span.first, span.end))
        return _points(duration(stat, span.minutes_a_period, counts, lasted), span)

    def _unhidden(self, hosted: Hosted | None, metric: str, span: Span) -> NDArray[np.bool_]:
        """Which minutes of the span no outage hides."""
        faults = self._sandbox.faults
        if not faults.outages:
            return np.ones(span.end - span.first, bool)
        return ~faults.hidden(metric, None if hosted is None else hosted.function.name, span.first, span.end)

    def _visible(self, seed: int, span: Span) -> tuple[NDArray[np.bool_], Values]:
        """Which minutes of the span can be read, and which part of their value. Dark minutes need no mark: they have no point."""
        key = (seed, span)
        if key not in self._seen:
            faults, publishing = self._sandbox.faults, self._sandbox.settings.publishing
            now = self._now - faults.late_seconds
            minutes = np.arange(span.first, span.end, dtype=np.int64)
            if (span.end * 60) + publishing.settled_after < now:
                seen, part = np.ones(len(minutes), bool), _WHOLE
            else:
                seen, part = visibility(publishing, seed, minutes, now)
            self._seen[key] = seen, part
        return self._seen[key]


_WHOLE: Values = np.ones(1)
_FRACTIONS = ("pc_utilisation",)


def _points(values: Values | None, span: Span) -> Points:
    """Those of `values`, one a period, that are known."""
    if values is None:
        return NOTHING
    known = ~np.isnan(values)
    starts = np.arange(span.first, span.end, span.minutes_a_period) * 60
    return Points(starts[known], values[known])


def series_of(hosted: Hosted) -> list[tuple[str, dict[str, str]]]:
    """The series that ListMetrics shows of a function."""
    function = hosted.function
    resource = {"FunctionName": function.name, "Resource": f"{function.name}:{function.alias}"}
    plain = [name for name in (*COUNTERS, *GAUGES, "Duration") if not name.startswith("Provisioned")]
    return [(metric, dims) for metric in plain for dims in ({"FunctionName": function.name}, resource)]
