"""What a request to CloudWatch asks for, checked as CloudWatch checks it."""

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
    """One series of GetMetricData. `shown`: its points are wanted in the answer."""

    id: str
    label: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    period: int
    stat: str
    shown: bool

    def read(self, sandbox: Sandbox, body: Json, readings: Readings) -> Points:
        span = span_of(sandbox, body, self.period)
        return readings.points(self.namespace, self.metric, self.dimensions, self.stat, span)


class Position(NamedTuple):
    """Where a page begins: the query, and the row in its points."""

    query: int
    row: int

    def token(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.query, self.row]).encode()).decode()


def position_of(token: object, queries: int) -> Position:
    """Where the page begins that `token` stands for; None: the first one."""
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
    """The queries of a GetMetricData, or its ValidationError."""
    asked = body.get("MetricDataQueries")
    if not isinstance(asked, list) or not asked:
        raise _validation("The parameter MetricDataQueries is required.")
    if len(asked) > MAX_QUERIES:
        raise _validation(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
    queries = [_query(one) for one in asked]
    if len({query.id for query in queries}) < len(queries):
        raise _validation("The values for parameter id in MetricDataQueries are not unique.")
    return queries


def _query(asked: Json) -> Query:
    name = str(asked.get("Id", ""))
    if _ID.fullmatch(name) is None:
        raise _validation(
            f'The value for parameter id is invalid. Expected: lower-case letter, then letters, digits or "_". Received: "{name}"'
        )
    stat = asked.get("MetricStat")
    if not isinstance(stat, dict):
        raise _validation(f"Query {name}: this sandbox reads MetricStat only; metric math, SEARCH and SQL need AWS itself.")
    metric, statistic = stat.get("Metric") or {}, str(stat.get("Stat"))
    if statistic not in _STATS and percentile(statistic) is None:
        raise _validation(f"The value {statistic} for parameter MetricStat.Stat is not a valid statistic.")
    label, shown = str(asked.get("Label") or metric.get("MetricName")), bool(asked.get("ReturnData", True))
    where = (str(metric.get("Namespace")), str(metric.get("MetricName")), dimensions_of(metric.get("Dimensions")))
    return Query(name, label, *where, period_of(stat.get("Period")), statistic, shown)


def period_of(period: object) -> int:
    """Seconds; a multiple of 60."""
    if not isinstance(period, int) or period < 60 or period % 60:
        raise _validation(f"The parameter Period must be a multiple of 60, got {period}.")
    return period


def span_of(sandbox: Sandbox, body: Json, period: int) -> Span:
    """Whole periods that cover start to end, less what is no longer kept in that resolution."""
    start, end = body.get("StartTime"), body.get("EndTime")
    if not isinstance(start, int | float) or not isinstance(end, int | float):
        raise _validation("The parameters StartTime and EndTime are required.")
    if start >= end:
        raise _validation("The parameter StartTime must be less than the parameter EndTime.")
    minutes = period // 60
    kept = max(minutes_kept for least, minutes_kept in RETENTION_MINUTES.items() if period >= least)
    oldest = sandbox.now_ms() // 60_000 - kept
    first = max(int(start) // period, -(-oldest // minutes)) * minutes
    return Span(first, max(first, -(-int(-(-end // 1)) // period) * minutes), minutes)


def dimensions_of(given: Iterable[Mapping[str, object]] | None) -> dict[str, str]:
    """By name."""
    return {str(one["Name"]): str(one["Value"]) for one in given or []}


def _validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)
