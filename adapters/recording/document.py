"""Recorded demand as JSON: what the command lines and APIs of CloudWatch, Prometheus and Cloud Monitoring answer."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from adapters.recording.stamps import read_stamps
from adapters.recording.table import Column, NotImportable, Table

Json = Mapping[str, Any]
STATISTICS = ("Sum", "Average", "Maximum", "Minimum", "SampleCount")
COUNTERS = ("_total", "_count", "_sum", "_bucket")
"""How names of counters end; functions of PromQL take the name away."""
KNOWN = ("aws cloudwatch get-metric-data, aws cloudwatch get-metric-statistics, Prometheus' query_range, and timeSeries.list of "
         "Cloud Monitoring")


def is_document(text: str) -> bool:
    """Whether a text is JSON and not rows."""
    return text.lstrip()[:1] in ("{", "[")


def read_document(source: str, text: str, timezone: str | None) -> list[Table]:
    """The series of an answer, each a table. `NotImportable` when it is of none of the known kinds."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        line, why = getattr(error, "lineno", 1), getattr(error, "msg", error)
        raise NotImportable(f"{source}:{line}: not readable as JSON ({why}); save the answer whole") from None
    try:
        tables = list(tables_of(source, body, timezone))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        if isinstance(error, NotImportable):
            raise
        raise NotImportable(f"{source}: not of the form that {KNOWN} answer ({type(error).__name__}: {error}); save the answer "
                            "as it came") from None
    if not any(len(table.times) for table in tables):
        raise NotImportable(f"{source}: no data points; ask for a time in which there are some")
    return [table for table in tables if len(table.times)]


def tables_of(source: str, body: Any, timezone: str | None) -> Iterator[Table]:  # noqa: ANN401  (what JSON may be)
    """The series of an answer, by its kind."""
    first = body[0] if isinstance(body, list) and body else body
    if isinstance(first, dict) and "MetricDataResults" in first:
        for page in body if isinstance(body, list) else [body]:
            yield from metric_data(source, page, timezone)
    elif isinstance(first, dict) and "Datapoints" in first:
        yield from metric_statistics(source, first, timezone)
    elif isinstance(first, dict) and isinstance(first.get("data"), dict) and "resultType" in first["data"]:
        yield from query_range(source, first["data"])
    elif isinstance(first, dict) and ("timeSeries" in first or "points" in first):
        yield from time_series(source, body if isinstance(body, list) else body.get("timeSeries", [body]))
    elif isinstance(first, dict) and first.get("status") == "error":
        raise NotImportable(f"{source}: the answer is an error ({first.get('error', '')}); ask again")
    else:
        raise NotImportable(f"{source}: JSON of a kind that is not known; known are the answers of {KNOWN}")


def metric_data(source: str, body: Json, timezone: str | None) -> Iterator[Table]:
    """CloudWatch's GetMetricData: an id, a label, times and values for each query."""
    notes = ["the answer has a NextToken: it is one page, and what the others hold is unknown"] if body.get("NextToken") else []
    for number, result in enumerate(body["MetricDataResults"]):
        stamps, values = result["Timestamps"], result["Values"]
        if len(stamps) != len(values):
            raise NotImportable(f"{source}: MetricDataResults[{number}] has {len(stamps)} times and {len(values)} values; save "
                                "it whole")
        name, label = str(result.get("Id", number)), str(result.get("Label", ""))
        state = str(result.get("StatusCode", "Complete"))
        more = [f"{name} has the status {state}: it may lack points"] if state != "Complete" else []
        place = f"{source}: MetricDataResults[{number}].Timestamps[{{}}]"
        names = tuple(dict.fromkeys(each for each in (label, name) if each))
        yield series(source, place, stamps, [Column(names, values, f"{label} {name}")], timezone, [*notes, *more])


def metric_statistics(source: str, body: Json, timezone: str | None) -> Iterator[Table]:
    """CloudWatch's GetMetricStatistics: one metric, with a value for each statistic that was asked for."""
    points, label = body["Datapoints"], str(body.get("Label", ""))
    place = f"{source}: Datapoints[{{}}]"
    found = [key for key in (*STATISTICS, *{name for point in points for name in point.get("ExtendedStatistics", {})})
             if any(key in point or key in point.get("ExtendedStatistics", {}) for point in points)]
    columns = [Column((f"{label} {key}", key), [point.get(key, point.get("ExtendedStatistics", {}).get(key)) for point in points],
                      f"{label} {key}") for key in found]
    yield series(source, place, [point["Timestamp"] for point in points], columns, timezone, [])


def query_range(source: str, data: Json) -> Iterator[Table]:
    """Prometheus' matrix: a value at the end of each step, of what the query's range selector covers before it."""
    if data["resultType"] != "matrix":
        raise NotImportable(f"{source}: a result of the type {data['resultType']}, which has one time; ask query_range, with "
                            "step=60")
    for number, result in enumerate(data["result"]):
        where = f"{source}: result[{number}]"
        labels = dict(result.get("metric", {}))
        metric = labels.pop("__name__", "")
        name = named(metric, labels)
        times = [float(time) for time, _ in result["values"]]
        if metric.endswith(COUNTERS):
            raise NotImportable(f"{where}: {name} is a counter; ask for its increase within each minute, "
                                f"sum(increase({metric}[1m]))")
        step = min((after - before for before, after in pairwise(times)), default=60.0)
        if step != 60:
            raise NotImportable(f"{where}: the step is {step:g} s, so that what its values cover is not known; ask with step=60 "
                                "and [1m]")
        column = Column((name or f"result {number + 1}", str(number + 1)), [value for _, value in result["values"]], metric)
        yield Table(source, f"{where}.values[{{}}]", range(len(times)), times, [column], ends=True,
                    said=["an answer of Prometheus: each value is taken for the minute that ends with its time"])


def time_series(source: str, body: Sequence[Json]) -> Iterator[Table]:
    """Cloud Monitoring's timeSeries: points with the interval that each is of."""
    said = ["an answer of Cloud Monitoring: each point is taken for the minute that ends with its interval"]
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
            yield Table(source, place, range(len(points)), ends, [Column(names, cells, metric)], ends=True, said=said)
    for metric, total in sums.items():
        summed = sum(str(result["metric"]["type"]) == metric for result in body)
        column = Column((metric,), list(total.values()), metric)
        place, notes = f"{source}: {metric} [{{}}]", [f"{summed} series of {metric} are added up"] if summed > 1 else []
        yield Table(source, place, range(len(total)), list(total), [column], ends=True, said=[*said, *notes])


def named(metric: str, labels: Json) -> str:
    """A series by its metric and labels, as Prometheus writes it."""
    return metric + ("{" + ", ".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}" if labels else "")


def number_of(value: Json, at: Callable[[], str]) -> float:
    """The number of a typed value."""
    for key in ("int64Value", "doubleValue"):
        if key in value:
            return float(value[key])
    kind = next(iter(value), "nothing")
    raise NotImportable(f"{at()}: a value of the kind {kind}; align distributions to a number, such as by ALIGN_PERCENTILE_99")


def series(source: str, place: str, stamps: Sequence[object], columns: Sequence[Column], timezone: str | None,
           said: Sequence[str]) -> Table:
    """A table of times as CloudWatch answers them."""
    read = read_stamps([str(stamp) for stamp in stamps], timezone, None, place.format)
    return Table(source, place, range(len(stamps)), read.times, columns, said=[*said, *read.said])
