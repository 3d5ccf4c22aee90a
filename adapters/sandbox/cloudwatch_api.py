"""CloudWatch's reading operations."""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from adapters.sandbox.errors import ApiError
from adapters.sandbox.metrics import percentile
from adapters.sandbox.readings import RETENTION_MINUTES, Points, Readings, Span, series_of
from adapters.sandbox.wire import Call, Json, Operation, Reply
from adapters.sandbox.world import Sandbox

MAX_QUERIES = 500
MAX_DATAPOINTS = 100_800
MAX_STATISTICS_POINTS = 1_440
METRICS_A_PAGE = 500
TWO_WEEKS, THREE_HOURS = 14 * 1440, 180
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_STATS = ("Sum", "Average", "Maximum", "Minimum", "SampleCount")


def get_metric_data(sandbox: Sandbox, call: Call) -> Reply:
    """Points of up to 500 series. A page ends at MaxDatapoints, in the midst of a series if need be (`PartialData`)."""
    queries = _queries(call.body)
    descending = call.body.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    budget = _between(call.body.get("MaxDatapoints"), 1, MAX_DATAPOINTS)
    position = _position(call.body.get("NextToken"), len(queries))
    readings, results = Readings(sandbox), []
    while position.query < len(queries) and budget > 0:
        query = queries[position.query]
        points = query.read(sandbox, call.body, readings)
        order = slice(None, None, -1) if descending else slice(None)
        at, values = points.at[order][position.row :][:budget], points.values[order][position.row :][:budget]
        budget -= len(at)
        whole = position.row + len(at) == len(points.at)
        position = _Position(position.query + 1, 0) if whole else _Position(position.query, position.row + len(at))
        if query.shown:
            status = "Complete" if whole else "PartialData"
            results.append(
                {"Id": query.id, "Label": query.label, "Timestamps": at.tolist(), "Values": values.tolist(), "StatusCode": status}
            )
    more = {"NextToken": position.token()} if position.query < len(queries) else {}
    return Reply({"MetricDataResults": results, "Messages": []} | more)


def get_metric_statistics(sandbox: Sandbox, call: Call) -> Reply:
    """Up to 1,440 points of one series with several statistics, in no order, as AWS says."""
    body = call.body
    stats = [*(body.get("Statistics") or []), *(body.get("ExtendedStatistics") or [])]
    if not stats:
        raise _invalid("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
    span = _span(sandbox, body, _period(body.get("Period")))
    if (span.end - span.first) // span.minutes_a_period > MAX_STATISTICS_POINTS:
        raise ApiError(
            "InvalidParameterCombination",
            "You have requested up to "
            f"{(span.end - span.first) // span.minutes_a_period} datapoints, which exceeds the limit of {MAX_STATISTICS_POINTS}.",
        )
    readings, rows = Readings(sandbox), dict[int, Json]()
    for stat in map(str, stats):
        dimensions = _dimensions(body.get("Dimensions"))
        points = readings.points(str(body.get("Namespace")), str(body.get("MetricName")), dimensions, stat, span)
        for at, value in zip(points.at.tolist(), points.values.tolist(), strict=True):
            row = rows.setdefault(at, {"Timestamp": at, "Unit": "None"})
            if percentile(stat) is None:
                row[stat] = value
            else:
                row.setdefault("ExtendedStatistics", {})[stat] = value
    return Reply({"Label": body.get("MetricName"), "Datapoints": list(rows.values())})


def list_metrics(sandbox: Sandbox, call: Call) -> Reply:
    """Series with a point in the last two weeks, or with `RecentlyActive` in the last three hours; 500 a page."""
    body, now = call.body, sandbox.now_ms() // 60_000
    back = THREE_HOURS if body.get("RecentlyActive") == "PT3H" else TWO_WEEKS
    if body.get("Namespace") not in (None, "AWS/Lambda"):
        return Reply({"Metrics": []})
    wanted = [(d["Name"], d.get("Value")) for d in body.get("Dimensions") or []]
    found = []
    for hosted in sandbox.all():
        active = hosted.driver.table.window("invocations", now - back, now)
        if not np.isnan(active).all():
            found += [
                {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": _as_list(dims)}
                for metric, dims in series_of(hosted)
                if body.get("MetricName") in (None, metric)
                and all(name in dims and value in (None, dims[name]) for name, value in wanted)
            ]
    first = _position(body.get("NextToken"), len(found) + 1).query
    more = {"NextToken": _Position(first + METRICS_A_PAGE, 0).token()} if len(found) > first + METRICS_A_PAGE else {}
    return Reply({"Metrics": found[first : first + METRICS_A_PAGE]} | more)


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("GetMetricData", get_metric_data),
        Operation("GetMetricStatistics", get_metric_statistics),
        Operation("ListMetrics", list_metrics),
    )
}


class _Query(NamedTuple):
    id: str
    label: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    period: int
    stat: str
    shown: bool

    def read(self, sandbox: Sandbox, body: Json, readings: Readings) -> Points:
        span = _span(sandbox, body, self.period)
        return readings.points(self.namespace, self.metric, self.dimensions, self.stat, span)


class _Position(NamedTuple):
    """Where a page begins: the query, and the row in its points."""

    query: int
    row: int

    def token(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self.query, self.row]).encode()).decode()


def _position(token: object, queries: int) -> _Position:
    if token is None:
        return _Position(0, 0)
    try:
        query, row = json.loads(base64.urlsafe_b64decode(str(token)))
        position = _Position(int(query), int(row))
    except (ValueError, TypeError, binascii.Error):
        position = _Position(-1, 0)
    if not (0 <= position.query < queries and position.row >= 0):
        raise ApiError("InvalidNextToken", "The next token specified is invalid.")
    return position


def _queries(body: Json) -> list[_Query]:
    asked = body.get("MetricDataQueries")
    if not isinstance(asked, list) or not asked:
        raise _validation("The parameter MetricDataQueries is required.")
    if len(asked) > MAX_QUERIES:
        raise _validation(f"The collection MetricDataQueries must not have a size greater than {MAX_QUERIES}.")
    queries = [_query(one) for one in asked]
    if len({query.id for query in queries}) < len(queries):
        raise _validation("The values for parameter id in MetricDataQueries are not unique.")
    return queries


def _query(asked: Json) -> _Query:
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
    where = (str(metric.get("Namespace")), str(metric.get("MetricName")), _dimensions(metric.get("Dimensions")))
    return _Query(name, label, *where, _period(stat.get("Period")), statistic, shown)


def _period(period: object) -> int:
    if not isinstance(period, int) or period < 60 or period % 60:
        raise _validation(f"The parameter Period must be a multiple of 60, got {period}.")
    return period


def _span(sandbox: Sandbox, body: Json, period: int) -> Span:
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


def _dimensions(given: Iterable[Mapping[str, object]] | None) -> dict[str, str]:
    return {str(one["Name"]): str(one["Value"]) for one in given or []}


def _as_list(dimensions: Mapping[str, str]) -> list[Json]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _between(value: object, low: int, high: int) -> int:
    return max(low, min(value, high)) if isinstance(value, int) else high


def _validation(message: str) -> ApiError:
    return ApiError("ValidationError", message)


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)
