"""Any metric of Cloud Monitoring by minute: one query that Cloud Monitoring aligns and reduces to one series."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from google.cloud.monitoring_v3 import ListTimeSeriesRequest

from adapters.gcp.errors import ApiCall
from adapters.gcp.metric_settings import SeriesSettings
from adapters.gcp.monitoring.metric_reader import MetricReader
from adapters.ports.errors import NotFound, Unsupported
from adapters.ports.minute_rows import Minutes

NUMBERS = ("int64_value", "double_value")


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """A query over the minutes from `first` up to `end`. `what`: its setting and pool, for error messages."""

    settings: SeriesSettings
    what: str
    first: int
    end: int


async def read_series(reader: MetricReader, query: SeriesQuery) -> Minutes:
    """Return one value a minute, float64[n], NaN without a point. Raise `AdapterError`."""
    values, settings = np.full(query.end - query.first, np.nan), query.settings
    resource = f"{query.what} in project {reader.project}"
    request = ListTimeSeriesRequest(
        name=f"projects/{reader.project}", filter=settings.filter,
        interval={"start_time": {"seconds": query.first * 60}, "end_time": {"seconds": query.end * 60}},
        aggregation={"alignment_period": {"seconds": 60}, "per_series_aligner": settings.aligner,
                     "cross_series_reducer": settings.reducer})
    try:
        async for page in reader.pages(ApiCall("ListTimeSeries", resource, "monitoring.timeSeries.list"), request):
            for series in page:
                _add(values, series, query.first, resource)
    except NotFound:
        raise NotFound(f"{resource}: no metric of that type exists: correct filter, or publish the metric") from None
    reader.series_returned += bool((~np.isnan(values)).any())
    return values


def _add(values: Minutes, series: Any, first: int, resource: str) -> None:  # noqa: ANN401  (a message of the library)
    """Write the points of a series. The interval of a request excludes its start: a point covers the minute that ends then."""
    for point in series.points:
        kind = point.value.WhichOneof("value")
        if kind not in NUMBERS:
            raise Unsupported(f"{resource}: the points are no numbers ({kind}): use an aligner that gives numbers, such as "
                              "ALIGN_PERCENTILE_99 for a distribution")
        row = point.interval.end_time.seconds // 60 - 1 - first
        if 0 <= row < len(values):
            values[row] = getattr(point.value, kind)
