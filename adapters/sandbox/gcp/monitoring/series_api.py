"""API operation ListTimeSeries of google.monitoring.v3: filters, alignment, newest point first, page size in points."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import grpc
import numpy as np
from google.cloud import monitoring_v3

from adapters.sandbox.gcp.monitoring.series import (
    DISTRIBUTION,
    INT64,
    METRICS,
    PREFIX,
    InvalidQuery,
    Series,
    Window,
    aligned,
    published,
    raw_series,
    reduced,
)
from adapters.sandbox.gcp.refusal import Refusal
from adapters.sandbox.gcp.world import HostedService, RunSandbox

METRIC_TYPE = re.compile(r'metric\.type\s*=\s*"([^"]+)"')
LABEL = re.compile(r'((?:resource|metric)\.labels?\.\w+)\s*=\s*(?:"([^"]*)"|one_of\(([^)]*)\))')
MOST_POINTS = 100_000
LONGEST_FILTER = 2048
Request, Response = monitoring_v3.ListTimeSeriesRequest, monitoring_v3.ListTimeSeriesResponse
TimeSeries = monitoring_v3.TimeSeries.pb()


class Part(NamedTuple):
    """Points of one series on one page, as indices of its periods, newest first."""

    series: Series
    at: list[int]


def list_time_series(world: RunSandbox, request: Any) -> Any:  # noqa: ANN401  (messages of the library)
    """Return the page that `request` (`ListTimeSeriesRequest`) asks for. Raise `Refusal`."""
    if len(request.filter) > LONGEST_FILTER:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"Field filter is longer than {LONGEST_FILTER} characters")
    match = METRIC_TYPE.search(request.filter)
    if match is None or len(METRIC_TYPE.findall(request.filter)) > 1:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Field filter must specify a single metric type")
    metric = match.group(1).removeprefix(PREFIX)
    seconds = (request.interval.start_time.timestamp(), request.interval.end_time.timestamp())
    window = Window(int(seconds[0] // 60), int(seconds[1] // 60))
    other = world.published.get((request.name, request.filter))
    if other is not None:
        return _page(request, [published(world, other, window)], window.end * 60, 1)
    if metric not in METRICS or metric in world.unknown_metrics:
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"Cannot find metric(s) that match type = \"{match.group(1)}\"")
    minutes = _period(request)
    try:
        series = _selected(world, request, metric, window, minutes)
    except InvalidQuery as invalid:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, str(invalid)) from None
    return _page(request, series, window.end * 60, minutes)


def _period(request: Any) -> int:  # noqa: ANN401
    if request.aggregation.per_series_aligner.name == "ALIGN_NONE":
        return 1
    period = request.aggregation.alignment_period
    seconds = period.total_seconds() if period else 0
    if seconds < 60 or seconds % 60:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "aggregation.alignmentPeriod must be at least 60 seconds")
    return int(seconds // 60)


def _selected(world: RunSandbox, request: Any, metric: str, window: Window, minutes: int) -> list[Series]:  # noqa: ANN401
    """Return the series that match the filter of the request, aligned and reduced."""
    wanted = _labels(request.filter)
    series = [one for hosted in world.within(request.name) if _may_match(hosted, wanted)
              for one in raw_series(world, hosted, metric, window)
              if all(one.label(name) in values for name, values in wanted.items())]
    aggregation = request.aggregation
    aligner, reducer = aggregation.per_series_aligner.name, aggregation.cross_series_reducer.name
    if aligner == "ALIGN_NONE":
        if reducer != "REDUCE_NONE":
            raise InvalidQuery("A reducer needs an aligner other than ALIGN_NONE")
        return series
    series = [aligned(one, aligner, minutes) for one in series]
    return series if reducer == "REDUCE_NONE" else reduced(series, reducer, tuple(aggregation.group_by_fields))


def _labels(text: str) -> dict[str, set[str]]:
    """Return the values that the filter allows, by label."""
    allowed: dict[str, set[str]] = {}
    for name, value, several in LABEL.findall(text):
        allowed[name.replace(".label.", ".labels.")] = set(re.findall(r'"([^"]*)"', several)) if several else {value}
    return allowed


def _may_match(hosted: HostedService, wanted: dict[str, set[str]]) -> bool:
    return hosted.service.short in wanted.get("resource.labels.service_name", {hosted.service.short})


def _page(request: Any, series: list[Series], end: int, minutes: int) -> Any:  # noqa: ANN401
    size = min(request.page_size or MOST_POINTS, MOST_POINTS)
    skip = int(request.page_token or 0)
    response = Response.pb()()
    for part in _cut(series, skip, size):
        response.time_series.append(_message(part, end, minutes))
    if sum(int((~np.isnan(one.values)).sum()) for one in series) > skip + size:
        response.next_page_token = str(skip + size)
    return response


def _cut(series: list[Series], skip: int, size: int) -> Iterator[Part]:
    """Yield `size` points from `skip` on, over all series in order; a series may continue on the next page."""
    for one in series:
        at = np.flatnonzero(~np.isnan(one.values))[::-1]
        taken = at[skip : skip + size].tolist()
        skip, size = max(0, skip - len(at)), size - len(taken)
        if taken:
            yield Part(one, taken)
        if size <= 0:
            return


def _message(part: Part, end: int, minutes: int) -> Any:  # noqa: ANN401
    series, message = part.series, TimeSeries()
    message.metric_kind = monitoring_v3.TimeSeries.pb(monitoring_v3.TimeSeries(metric_kind=series.kind)).metric_kind
    message.value_type = monitoring_v3.TimeSeries.pb(monitoring_v3.TimeSeries(value_type=series.value_type)).value_type
    message.resource.type = "cloud_run_revision"
    for name, value in series.labels:
        target = message.metric if name.startswith("metric.") else message.resource
        target.labels[name.rpartition(".")[2]] = value
    last = len(series.values) - 1
    for at in part.at:
        point = message.points.add()
        ends = end - (last - at) * minutes * 60
        point.interval.end_time.seconds = ends
        point.interval.start_time.seconds = ends if series.kind == "GAUGE" else ends - minutes * 60
        if series.value_type == DISTRIBUTION and series.means is not None:
            point.value.distribution_value.count = round(float(series.values[at]))
            point.value.distribution_value.mean = float(series.means[at])
        elif series.value_type == INT64:
            point.value.int64_value = round(float(series.values[at]))
        else:
            point.value.double_value = float(series.values[at])
    return message
