"""Reader of Cloud Run's metrics in Cloud Monitoring: one reduced query per metric for all services of a project."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from google.cloud.monitoring_v3 import ListTimeSeriesRequest

from adapters.gcp.clients import Connections
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import NotFound, Unreachable
from adapters.ports.minute_rows import Minutes
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

RATE, BURST = 10.0, 20.0
"""Calls per second: 10 % of Cloud Monitoring's quota of 6,000 per minute and project, which dashboards and alerts share."""

LONGEST_FILTER = 2000
"""The API allows 2,048 characters. If the names of all services do not fit, the query is for all services of the project."""

PAGE_POINTS = 100_000
BY_SERVICE = ("resource.labels.location", "resource.labels.service_name")
BY_REVISION = (*BY_SERVICE, "resource.labels.revision_name")
BY_STATE = ("metric.labels.state",)
BY_SERVICE_AND_STATE = (*BY_SERVICE, *BY_STATE)
MAX, SUM = "ALIGN_MAX", "ALIGN_SUM"
"""ALIGN_DELTA is not used: it returns values also for minutes without points."""


class Place(NamedTuple):
    """A service, or one revision of it, as labels of a series name it.

    In results by `BY_STATE`, `service` holds the state; by `BY_SERVICE_AND_STATE`, `revision` does.
    """

    location: str
    service: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One value per period, float64[n], NaN where Cloud Monitoring has no point.

    For distributions, `values` are the counts and `means` the means.
    """

    values: Minutes
    means: Minutes


@dataclass(frozen=True, slots=True)
class Query:
    """A query of `metric` from minute `first` up to `end` (minutes since the epoch), in periods of `period` minutes.

    Series with equal labels `group_by` are summed.
    """

    metric: str
    aligner: str
    first: int
    end: int
    services: tuple[str, ...] = ()
    group_by: tuple[str, ...] = BY_SERVICE
    period: int = 1

    @property
    def periods(self) -> int:
        """Number of periods."""
        return (self.end - self.first) // self.period


class MetricReader:
    """ListTimeSeries of one project, with a rate limit."""

    def __init__(self, connections: Connections, clock: Clock, project: str) -> None:
        self.series_returned = 0
        """Time series returned since the start. Cloud Monitoring charges for each."""
        self.project = project
        self._connections = connections
        self._bucket = TokenBucket(clock, RATE, BURST, f"Cloud Monitoring calls of {project}")
        self._call = ApiCall("ListTimeSeries", f"Cloud Run metrics of {project}", "monitoring.timeSeries.list")

    async def read(self, query: Query) -> dict[Place, Column]:
        """Return the columns by place. Raise `AdapterError`.

        A series can be split over pages, so pages are joined by label. An unknown metric has no series: no service of the project
        has ever written it.
        """
        columns: dict[Place, Column] = {}
        try:
            async for page in self.pages(self._call, _request(self.project, query)):
                await asyncio.to_thread(_add_points, columns, page, query)
        except NotFound:
            return columns
        self.series_returned += len(columns)
        return columns

    async def pages(self, call: ApiCall, request: ListTimeSeriesRequest) -> AsyncIterator[Sequence[Any]]:
        """Yield the series of each page of `request`, of which the size and the token are set here. Raise `AdapterError`."""
        request.page_size = PAGE_POINTS
        while True:
            async with self._bucket.turn():
                page, token = await self._connections.metrics(call, "list_time_series", request, partial(_page, call))
            yield page
            if not token:
                return
            request.page_token = token

    def close(self) -> None:
        """Cancel calls that wait for the rate limit."""
        self._bucket.close()


def _page(call: ApiCall, answer: Any) -> tuple[Sequence[Any], str]:  # noqa: ANN401  (a pager of the library)
    """Return the series of the page and the token of the next. The pager itself would retry with its own timeouts."""
    if len(answer.execution_errors):
        text = " ".join(answer.execution_errors[0].message.split())[:200]
        raise Unreachable(f"{call.resource}: Cloud Monitoring returned a partial result ({text})")
    return [type(series).pb(series) for series in answer.time_series], str(answer.next_page_token)


def _request(project: str, query: Query) -> ListTimeSeriesRequest:
    """Return the request for the first page. The interval excludes its start: a point covers the minute that ends at its time."""
    names = ",".join(f'"{service}"' for service in query.services)
    series = f'metric.type = "run.googleapis.com/{query.metric}" AND resource.type = "cloud_run_revision"'
    if query.services and len(series) + len(names) < LONGEST_FILTER - 60:
        series += f" AND resource.labels.service_name = one_of({names})"
    return ListTimeSeriesRequest(
        name=f"projects/{project}", filter=series,
        interval={"start_time": {"seconds": query.first * 60}, "end_time": {"seconds": query.end * 60}},
        aggregation={"alignment_period": {"seconds": query.period * 60}, "per_series_aligner": query.aligner,
                     "cross_series_reducer": "REDUCE_SUM", "group_by_fields": list(query.group_by)},
    )


def _place(series: Any, group_by: tuple[str, ...]) -> Place:  # noqa: ANN401
    labels = series.resource.labels
    if group_by == BY_STATE:
        return Place("", series.metric.labels["state"])
    if group_by == BY_SERVICE_AND_STATE:
        return Place(labels["location"], labels["service_name"], series.metric.labels["state"])
    return Place(labels["location"], labels["service_name"], labels["revision_name"] if group_by == BY_REVISION else "")


def _add_points(columns: dict[Place, Column], page: Sequence[Any], query: Query) -> None:
    """Write the points of a page into `columns`. It reads protobuf messages: the library's wrappers take 20 times as long."""
    for series in page:
        place = _place(series, query.group_by)
        if place not in columns:
            columns[place] = Column(np.full(query.periods, np.nan), np.full(query.periods, np.nan))
        column = columns[place]
        for point in series.points:
            row = (point.interval.end_time.seconds - query.first * 60) // (60 * query.period) - 1
            if not 0 <= row < query.periods:
                continue
            kind = point.value.WhichOneof("value")
            if kind == "distribution_value":
                column.values[row] = point.value.distribution_value.count
                column.means[row] = point.value.distribution_value.mean
            elif kind in ("int64_value", "double_value"):
                column.values[row] = getattr(point.value, kind)
