"""Queries of CloudWatch's GetMetricData, in as few calls as its limits allow, and its answers as arrays. No I/O.

Limits (GetMetricData in the API reference): 500 queries a call, 100,800 points a page, one time range for the whole call.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.aws.clients import Answer
from adapters.ports.minute_rows import Minutes

NAMESPACE, USAGE = "AWS/Lambda", "AWS/Usage"
PERIOD_SECONDS = 60
MOST_QUERIES, MOST_POINTS = 500, 100_800


class Metric(NamedTuple):
    """Metric and its statistic, with one value a minute."""

    name: str
    stat: str
    namespace: str = NAMESPACE


INVOCATIONS = Metric("Invocations", "Sum")
CONCURRENCY = Metric("ConcurrentExecutions", "Maximum")
DURATION = Metric("Duration", "Average")
THROTTLES = Metric("Throttles", "Sum")
CLAIMED = Metric("ClaimedAccountConcurrency", "Maximum")
CALLED = Metric("CallCount", "Sum", USAGE)
CALLED_BY = {"Service": "CloudWatch", "Class": "None", "Type": "API", "Resource": "GetMetricData"}
"""Dimensions of the number of GetMetricData calls, which AWS publishes every minute (CloudWatch usage metrics, user guide)."""


class Query(NamedTuple):
    """One metric of one resource (`function:alias`, or a pool with `given` dimensions; empty: the whole region) for
    `first <= minute < end`.
    """

    resource: str
    metric: Metric
    first: int
    end: int
    given: tuple[tuple[str, str], ...] | None = None

    @property
    def dimensions(self) -> list[dict[str, str]]:
        """Dimensions of the metric, in the form of the API."""
        if self.given is not None:
            return [{"Name": name, "Value": value} for name, value in self.given]
        if self.metric == CALLED:
            return [{"Name": name, "Value": value} for name, value in CALLED_BY.items()]
        if not self.resource:
            return []
        function = self.resource.split(":")[0]
        return [{"Name": "FunctionName", "Value": function}, {"Name": "Resource", "Value": self.resource}]


class Result(NamedTuple):
    """Points of the query at index `place` of the batch: minutes since the epoch, and values. `status`: AWS's StatusCode; empty
    when AWS sends none. `impossible`: minutes of points that were left out because they are negative or not finite.
    """

    place: int
    minutes: NDArray[np.int64]
    values: Minutes
    status: str
    impossible: tuple[int, ...] = ()


def batches(queries: Iterable[Query]) -> list[list[Query]]:
    """Return the queries in batches of similar start times, each within the limits of one call and usually of one page."""
    packed: list[list[Query]] = []
    end = 0
    for query in sorted(queries, key=lambda one: one.first, reverse=True):
        span = max(end, query.end) - query.first
        if packed and len(packed[-1]) < MOST_QUERIES and (len(packed[-1]) + 1) * span <= MOST_POINTS:
            packed[-1].append(query)
            end = max(end, query.end)
        else:
            packed.append([query])
            end = query.end
    return packed


def request(batch: Sequence[Query]) -> dict[str, object]:
    """Return the parameters of the call for a batch."""
    return {
        "MetricDataQueries": [_metric_query(place, query) for place, query in enumerate(batch)],
        "StartTime": datetime.fromtimestamp(min(query.first for query in batch) * 60, UTC),
        "EndTime": datetime.fromtimestamp(max(query.end for query in batch) * 60, UTC),
        "MaxDatapoints": MOST_POINTS,
    }


def results_of(answer: Answer) -> list[Result]:
    """Return the results of a page. Raise ValueError for points without values, KeyError for a missing member."""
    results = []
    for item in answer["MetricDataResults"]:
        # seconds: see `library_sessions.epoch_seconds`
        minutes = np.array(item.get("Timestamps") or (), np.float64).astype(np.int64) // 60
        values = np.array(item.get("Values") or (), np.float64)
        if len(minutes) != len(values):
            raise ValueError(f"{len(minutes)} timestamps and {len(values)} values")
        possible = np.isfinite(values) & (values >= 0)
        results.append(Result(int(str(item["Id"])[1:]), minutes[possible], values[possible], str(item.get("StatusCode", "")),
                              tuple(minutes[~possible].tolist())))
    return results


def column(query: Query, results: Iterable[Result]) -> Minutes:
    """Return the values of a query by minute, float64[end - first], NaN without a point."""
    out = np.full(query.end - query.first, np.nan)
    for result in results:
        inside = (result.minutes >= query.first) & (result.minutes < query.end)
        out[result.minutes[inside] - query.first] = result.values[inside]
    return out


def _metric_query(place: int, query: Query) -> Mapping[str, object]:
    metric = {"Namespace": query.metric.namespace, "MetricName": query.metric.name, "Dimensions": query.dimensions}
    return {"Id": f"q{place}", "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": query.metric.stat}}
