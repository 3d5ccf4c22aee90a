"""Reader of recorded demand in JSON: responses of the commands and APIs of CloudWatch, Prometheus and Cloud Monitoring."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from adapters.recording.grid import span
from adapters.recording.stamps import read_stamps
from adapters.recording.table import Column, NotImportable, Table

Json = Mapping[str, Any]
STATISTICS = ("Sum", "Average", "Maximum", "Minimum", "SampleCount")
COUNTERS = ("_total", "_count", "_sum", "_bucket")
"""Endings of the names of counters. The result of a PromQL function has no name."""
KNOWN = ("aws cloudwatch get-metric-data, aws cloudwatch get-metric-statistics, query_range of Prometheus, and timeSeries.list "
         "of Cloud Monitoring")


def is_document(text: str) -> bool:
    """Return whether a text is JSON instead of rows."""
    return text.lstrip()[:1] in ("{", "[")


def read_document(source: str, text: str, timezone: str | None, step: int | None = None) -> list[Table]:
    """Return the series of a response, each as a table. Raise `NotImportable` when it is of no known kind.

    `step`: seconds of a period, if the user has set it.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, why = getattr(error, "lineno", 1), getattr(error, "msg", error)
        raise NotImportable(f"{source}:{line}: invalid JSON ({why}); save the whole response") from None
    try:
        tables = list(tables_of(source, body, timezone, step))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, NotImportable):
            raise
        raise NotImportable(f"{source}: not a response of {KNOWN} ({type(error).__name__}: {error}); save the response "
                            "unchanged") from None
    if not any(len(table.times) for table in tables):
        raise NotImportable(f"{source}: no data points; select a period that has some")
    return [table for table in tables if len(table.times)]


def tables_of(source: str, body: Any, timezone: str | None,  # noqa: ANN401  (any JSON value)
              period: int | None) -> Iterator[Table]:
    """Yield the series of a response, by its kind."""
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(first, dict) and "MetricDataResults" in first:
        for page in body if isinstance(body, list) else [body]:
            yield from metric_data(source, page, timezone)
    elif isinstance(first, dict) and "Datapoints" in first:
        yield from metric_statistics(source, first, timezone)
    elif isinstance(first, dict) and isinstance(first.get("data"), dict) and "resultType" in first["data"]:
        yield from query_range(source, first["data"], period)
    elif isinstance(first, dict) and ("timeSeries" in first or "points" in first):
        yield from time_series(source, body if isinstance(body, list) else body.get("timeSeries", [body]))
    elif isinstance(first, dict) and first.get("status") == "error":
        raise NotImportable(f"{source}: the response is an error ({first.get('error', '')}); repeat the query")
    else:
        raise NotImportable(f"{source}: unknown kind of JSON; known are the responses of {KNOWN}")


def metric_data(source: str, body: Json, timezone: str | None) -> Iterator[Table]:
    """Yield the series of CloudWatch's GetMetricData: an id, a label, times and values for each query."""
    notes = ["the response has a NextToken: it is one page, and the other pages are missing"] if body.get("NextToken") else []
    for number, result in enumerate(body["MetricDataResults"]):
        stamps, values = result["Timestamps"], result["Values"]
        if len(stamps) != len(values):
            raise NotImportable(f"{source}: MetricDataResults[{number}] has {len(stamps)} times and {len(values)} values; save "
                                "the whole response")
        name, label = str(result.get("Id", number)), str(result.get("Label", ""))
        state = str(result.get("StatusCode", "Complete"))
        more = [f"{name} has the status {state}: points may be missing"] if state != "Complete" else []
        place = f"{source}: MetricDataResults[{number}].Timestamps[{{}}]"
        names = tuple(dict.fromkeys(each for each in (label, name) if each))
        yield series(source, place, stamps, [Column(names, values, f"{label} {name}")], timezone, [*notes, *more])


def metric_statistics(source: str, body: Json, timezone: str | None) -> Iterator[Table]:
    """Yield the series of CloudWatch's GetMetricStatistics: one metric, with a value for each requested statistic."""
    points, label = body["Datapoints"], str(body.get("Label", ""))
    place = f"{source}: Datapoints[{{}}]"
    names = [key for key in (*STATISTICS, *{name for point in points for name in point.get("ExtendedStatistics", {})})
             if any(key in point or key in point.get("ExtendedStatistics", {}) for point in points)]
    columns = [Column((f"{label} {key}", key), [point.get(key, point.get("ExtendedStatistics", {}).get(key)) for point in points],
                      f"{label} {key}") for key in names]
    yield series(source, place, [point["Timestamp"] for point in points], columns, timezone, [])


def query_range(source: str, data: Json, period: int | None) -> Iterator[Table]:
    """Yield the series of a Prometheus matrix: a value at each step, for the range before it that the query selects.

    The response does not have that range: it is 1 min at a step of 1 min, or else `period` seconds if that is the step.
    """
    if data["resultType"] != "matrix":
        raise NotImportable(f"{source}: a result of type {data['resultType']}, which has one time; use query_range with "
                            "step=60")
    for number, result in enumerate(data["result"]):
        where = f"{source}: result[{number}]"
        labels = dict(result.get("metric", {}))
        metric = labels.pop("__name__", "")
        name = named(metric, labels)
        times = [float(time) for time, _ in result["values"]]
        if metric.endswith(COUNTERS):
            raise NotImportable(f"{where}: {name} is a counter; query its increase per minute: sum(increase({metric}[1m]))")
        wanted = 60.0 if period is None else period
        step = min((after - before for before, after in pairwise(times)), default=wanted)
        if step != wanted:
            raise NotImportable(f"{where}: the step is {step:g} s, so the period of its values is unknown; query with step=60 "
                                "and [1m], or set --step if the query has that range too, such as step=300 and [5m]")
        column = Column((name or f"result {number + 1}", str(number + 1)), [value for _, value in result["values"]], metric)
        yield Table(source, f"{where}.values[{{}}]", range(len(times)), times, [column], ends=True,
                    step=int(wanted),
                    notes=[f"a response of Prometheus: each value is for the {period_text(int(wanted))} that ends at its time"])


def time_series(source: str, body: Sequence[Json]) -> Iterator[Table]:
    """Yield the series of Cloud Monitoring's timeSeries: points with their intervals. Series of a DELTA metric are summed."""
    notes = ["a response of Cloud Monitoring: each point is for the period that ends with its interval"]
    sums: dict[str, dict[float, float]] = {}
    for number, result in enumerate(body):
        points, metric = result.get("points", []), str(result["metric"]["type"])
        place = f"{source}: timeSeries[{number}].points[{{}}]"
        ends = read_stamps([point["interval"]["endTime"] for point in points], None, None, place.format).times
        cells = [number_of(point["value"], partial(place.format, row)) for row, point in enumerate(points)]
        if result.get("metricKind") == "DELTA":
            total = sums.setdefault(metric, {})
            for end, cell in zip(ends, cells, strict=True):
                total[end] = total.get(end, 0.0) + cell
        else:
            names = (named(metric, result["metric"].get("labels", {})), metric, str(number + 1))
            yield Table(source, place, range(len(points)), ends, [Column(names, cells, metric)], ends=True, notes=notes)
    for metric, total in sums.items():
        summed = sum(str(result["metric"]["type"]) == metric for result in body)
        column = Column((metric,), list(total.values()), metric)
        place, summing = f"{source}: {metric} [{{}}]", [f"{summed} series of {metric} are summed"] if summed > 1 else []
        yield Table(source, place, range(len(total)), list(total), [column], ends=True, notes=[*notes, *summing])


def period_text(seconds: int) -> str:
    """Return a period as text: `minute`, or its length."""
    return "minute" if seconds == 60 else f"period of {span(seconds)}"


def named(metric: str, labels: Json) -> str:
    """Return the name of a series with its labels, in the notation of Prometheus."""
    return metric + ("{" + ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}" if labels else "")


def number_of(value: Json, at: Callable[[], str]) -> float:
    """Return the number in a typed value of Cloud Monitoring."""
    for key in ("int64Value", "doubleValue"):
        if key in value:
            return float(value[key])
    kind = next(iter(value), "nothing")
    raise NotImportable(f"{at()}: a value of type {kind}; align distributions to a number, for example with ALIGN_PERCENTILE_99")


def series(source: str, place: str, stamps: Sequence[object], columns: Sequence[Column], timezone: str | None,
           notes: Sequence[str]) -> Table:
    """Return a table with times as CloudWatch writes them."""
    read = read_stamps([str(stamp) for stamp in stamps], timezone, None, place.format)
    return Table(source, place, range(len(stamps)), read.times, columns, notes=[*notes, *read.notes])
