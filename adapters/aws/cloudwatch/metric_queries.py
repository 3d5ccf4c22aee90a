"""Questions to CloudWatch's GetMetricData, packed into as few calls as its limits allow, and its answers as arrays.

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
    """A metric and the statistic that is read of it, one value a minute."""

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
"""AWS counts the calls of each CloudWatch operation, every minute (CloudWatch usage metrics in its user guide)."""


class Query(NamedTuple):
    """One metric of one resource (`function:alias`; empty: of the whole region) for `first <= minute < end`."""

    resource: str
    metric: Metric
    first: int
    end: int

    @property
    def dimensions(self) -> list[dict[str, str]]:
        if self.metric == CALLED:
            return [{"Name": name, "Value": value} for name, value in CALLED_BY.items()]
        if not self.resource:
            return []
        function = self.resource.split(":")[0]
        return [{"Name": "FunctionName", "Value": function}, {"Name": "Resource", "Value": self.resource}]


class Result(NamedTuple):
    """Points of one query by its place in the batch: minutes since the epoch, and values. `status` in AWS's words; empty where
    AWS does not say.
    """

    place: int
    minutes: NDArray[np.int64]
    values: Minutes
    status: str


def batches(queries: Iterable[Query]) -> list[list[Query]]:
    """Queries of similar beginnings together, each batch within the limits of one call and, mostly, of one page."""
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
    """The parameters of the call."""
    return {
        "MetricDataQueries": [_asked(place, query) for place, query in enumerate(batch)],
        "StartTime": datetime.fromtimestamp(min(query.first for query in batch) * 60, UTC),
        "EndTime": datetime.fromtimestamp(max(query.end for query in batch) * 60, UTC),
        "MaxDatapoints": MOST_POINTS,
    }


def answered(answer: Answer) -> list[Result]:
    """The results of a page."""
    results = []
    for item in answer["MetricDataResults"]:
        # seconds: see `sessions.epoch_seconds`
        minutes = np.array(item.get("Timestamps") or (), np.float64).astype(np.int64) // 60
        values = np.array(item.get("Values") or (), np.float64)
        if len(minutes) != len(values):
            raise ValueError(f"{len(minutes)} timestamps and {len(values)} values")
        if not (np.isfinite(values) & (values >= 0)).all():
            raise ValueError("a value is negative or not finite")
        results.append(Result(int(str(item["Id"])[1:]), minutes, values, str(item.get("StatusCode", ""))))
    return results


def column(query: Query, results: Iterable[Result]) -> Minutes:
    """float64[end - first] of a query, NaN where there is no point."""
    out = np.full(query.end - query.first, np.nan)
    for result in results:
        inside = (result.minutes >= query.first) & (result.minutes < query.end)
        out[result.minutes[inside] - query.first] = result.values[inside]
    return out


def _asked(place: int, query: Query) -> Mapping[str, object]:
    metric = {"Namespace": query.metric.namespace, "MetricName": query.metric.name, "Dimensions": query.dimensions}
    return {"Id": f"q{place}", "MetricStat": {"Metric": metric, "Period": PERIOD_SECONDS, "Stat": query.metric.stat}}
