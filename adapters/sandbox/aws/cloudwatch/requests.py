"""Parsing and validation of CloudWatch requests, with CloudWatch's errors."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from adapters.sandbox.aws.cloudwatch.readings import RETENTION_MINUTES, Points, Readings, Span
from adapters.sandbox.errors import ApiError
from adapters.sandbox.traffic.metrics import percentile
from adapters.sandbox.wire import Json
from adapters.sandbox.world import Sandbox

MAX_QUERIES = 500
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_STATS = ("Sum", "Average", "Maximum", "Minimum", "SampleCount")


class Query(NamedTuple):
    """One series of GetMetricData. `shown`: the response includes its points."""

    id: str
    label: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    period: int
    stat: str
    shown: bool

    def read(self, sandbox: Sandbox, body: Json, readings: Readings) -> Points:
        """Return the points of the series in the interval of the request."""
        span = span_of(sandbox, body, self.period)
        return readings.points(self.namespace, self.metric, self.dimensions, self.stat, span)


class Position(NamedTuple):
    """Start of a page: the query, and the row in its points."""

    query: int
    row: int

    def token(self) -> str:
        """Return the position as a NextToken."""
        return base64.urlsafe_b64encode(json.dumps([self.query, self.row]).encode()).decode()


def position_of(token: object, queries: int) -> Position:
    """Return the position of a NextToken; the first page for None. Raise `InvalidNextToken`."""
    if token is None:
        return Position(0, 0)
    try:
        query, row = json.loads(base64.urlsafe_b64decode(str(token)))
        position = Position(int(query), int(row))
    except (ValueError, TypeError, binascii.Error):
        position = Position(-1, 0)
    if not (0 <= position.query < queries and position.row >= 0):
        raise ApiError("InvalidNextToken", "The next token specified is invalid.")
    return position


def queries_of(body: Json) -> list[Query]:
    """Return the queries of a GetMetricData request. Raise its `ValidationError`."""
    items = body.get("MetricDataQueries")
    if not isinstance(items, list) or not items:
        raise _validation("The parameter MetricDataQueries is required.")
    if len(items) > MAX_QUERIES:
        raise _validation(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
    queries = [_query(item) for item in items]
    if len({query.id for query in queries}) < len(queries):
        raise _validation("The values for parameter id in MetricDataQueries are not unique.")
    return queries


def _query(item: Json) -> Query:
    name = str(item.get("Id", ""))
    if _ID.fullmatch(name) is None:
        raise _validation(
            f'The value for parameter id is invalid. Expected: lower-case letter, then letters, digits or "_". Received: "{name}"'
        )
    stat = item.get("MetricStat")
    if not isinstance(stat, dict):
        raise _validation(f"Query {name}: this sandbox reads MetricStat only; metric math, SEARCH and SQL need AWS itself.")
    metric, statistic = stat.get("Metric") or {}, str(stat.get("Stat"))
    if statistic not in _STATS and percentile(statistic) is None:
        raise _validation(f"The value {statistic} for parameter MetricStat.Stat is not a valid statistic.")
    label, shown = str(item.get("Label") or metric.get("MetricName")), bool(item.get("ReturnData", True))
    series = (str(metric.get("Namespace")), str(metric.get("MetricName")), dimensions_of(metric.get("Dimensions")))
    return Query(name, label, *series, period_of(stat.get("Period")), statistic, shown)


def period_of(period: object) -> int:
    """Return the period in seconds. Raise `ValidationError` if it is not a multiple of 60."""
    if not isinstance(period, int) or period < 60 or period % 60:
        raise _validation(f"The parameter Period must be a multiple of 60, got {period}.")
    return period


def span_of(sandbox: Sandbox, body: Json, period: int) -> Span:
    """Return the whole periods that cover StartTime to EndTime, without those beyond the retention of that resolution."""
    start, end = body.get("StartTime"), body.get("EndTime")
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        raise _validation("The parameters StartTime and EndTime are required.")
    if start >= end:
        raise _validation("The parameter StartTime must be less than the parameter EndTime.")
    minutes = period // 60
    retention = max(kept for shortest, kept in RETENTION_MINUTES.items() if period >= shortest)
    oldest = sandbox.now_ms() // 60_000 - retention
    first = max(int(start) // period, -(-oldest // minutes)) * minutes
    return Span(first, max(first, -(-int(-(-end // 1)) // period) * minutes), minutes)


def dimensions_of(dimensions: Iterable[Mapping[str, object]] | None) -> dict[str, str]:
    """Return the values of the dimensions by name."""
    return {str(one["Name"]): str(one["Value"]) for one in dimensions or []}


def _validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)
