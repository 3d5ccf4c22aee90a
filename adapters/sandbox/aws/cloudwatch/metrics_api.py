"""API operations of CloudWatch that read metrics."""

from collections.abc import Mapping

import numpy as np

from adapters.sandbox.aws.cloudwatch.readings import Readings, series_of
from adapters.sandbox.aws.cloudwatch.requests import Position, dimensions_of, period_of, position_of, queries_of, span_of
from adapters.sandbox.errors import ApiError
from adapters.sandbox.operations import Operation
from adapters.sandbox.traffic.metrics import percentile
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Sandbox

MAX_DATAPOINTS = 100_800
MAX_STATISTICS_POINTS = 1_440
METRICS_A_PAGE = 500
TWO_WEEKS, THREE_HOURS = 14 * 1440, 180


def get_metric_data(sandbox: Sandbox, call: Call) -> Reply:
    """Return points of up to 500 series. A page ends at MaxDatapoints, also within a series (`PartialData`)."""
    queries = queries_of(call.body)
    sandbox.metric_calls[sandbox.now_ms() // 60_000] += 1
    descending = call.body.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    budget = _between(call.body.get("MaxDatapoints"), 1, MAX_DATAPOINTS)
    position = position_of(call.body.get("NextToken"), len(queries))
    readings, results = Readings(sandbox), []
    while position.query < len(queries) and budget > 0:
        query = queries[position.query]
        points = query.read(sandbox, call.body, readings)
        order = slice(None, None, -1) if descending else slice(None)
        at, values = points.at[order][position.row :][:budget], points.values[order][position.row :][:budget]
        budget -= len(at)
        whole = position.row + len(at) == len(points.at)
        position = Position(position.query + 1, 0) if whole else Position(position.query, position.row + len(at))
        if query.shown:
            status = "Complete" if whole else "PartialData"
            results.append(
                {"Id": query.id, "Label": query.label, "Timestamps": at.tolist(), "Values": values.tolist(), "StatusCode": status}
            )
    more = {"NextToken": position.token()} if position.query < len(queries) else {}
    return Reply({"MetricDataResults": results, "Messages": []} | more)


def get_metric_statistics(sandbox: Sandbox, call: Call) -> Reply:
    """Return up to 1,440 points of one series with several statistics, in no particular order, as AWS documents."""
    body = call.body
    stats = [*(body.get("Statistics") or []), *(body.get("ExtendedStatistics") or [])]
    if not stats:
        raise _invalid("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
    span = span_of(sandbox, body, period_of(body.get("Period")))
    if (span.end - span.first) // span.minutes_a_period > MAX_STATISTICS_POINTS:
        raise ApiError(
            "InvalidParameterCombination",
            "You have requested up to "
            f"{(span.end - span.first) // span.minutes_a_period} datapoints, which exceeds the limit of {MAX_STATISTICS_POINTS}.",
        )
    readings, rows = Readings(sandbox), dict[int, Json]()
    for stat in map(str, stats):
        dimensions = dimensions_of(body.get("Dimensions"))
        points = readings.points(str(body.get("Namespace")), str(body.get("MetricName")), dimensions, stat, span)
        for at, value in zip(points.at.tolist(), points.values.tolist(), strict=True):
            row = rows.setdefault(at, {"Timestamp": at, "Unit": "None"})
            if percentile(stat) is None:
                row[stat] = value
            else:
                row.setdefault("ExtendedStatistics", {})[stat] = value
    return Reply({"Label": body.get("MetricName"), "Datapoints": list(rows.values())})


def list_metrics(sandbox: Sandbox, call: Call) -> Reply:
    """Return the series with a point in the last 14 days, or with `RecentlyActive` in the last 3 h; 500 per page.

    Series of the whole region come first and without `Dimensions`, as LocalStack lists them; the service model allows it.
    """
    body, now = call.body, sandbox.now_ms() // 60_000
    back = THREE_HOURS if body.get("RecentlyActive") == "PT3H" else TWO_WEEKS
    if body.get("Namespace") not in (None, "AWS/Lambda"):
        return Reply({"Metrics": []})
    wanted = [(d["Name"], d.get("Value")) for d in body.get("Dimensions") or []]
    series: list[Json] = []
    for hosted in sandbox.all():
        active = hosted.driver.table.window("invocations", now - back, now)
        if not np.isnan(active).all():
            series += [
                {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": _as_list(dims)}
                for metric, dims in series_of(hosted)
                if body.get("MetricName") in (None, metric)
                and all(name in dims and value in (None, dims[name]) for name, value in wanted)
            ]
    if series and not wanted:
        names = dict.fromkeys(each["MetricName"] for each in series)
        series = [{"Namespace": "AWS/Lambda", "MetricName": name} for name in names] + series
    first = position_of(body.get("NextToken"), len(series) + 1).query
    more = {"NextToken": Position(first + METRICS_A_PAGE, 0).token()} if len(series) > first + METRICS_A_PAGE else {}
    return Reply({"Metrics": series[first : first + METRICS_A_PAGE]} | more)


OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("GetMetricData", get_metric_data),
        Operation("GetMetricStatistics", get_metric_statistics),
        Operation("ListMetrics", list_metrics),
    )
}


def _as_list(dimensions: Mapping[str, str]) -> list[Json]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def _between(value: object, low: int, high: int) -> int:
    return max(low, min(value, high)) if isinstance(value, int) else high


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)
