"""Reads Cloud Run's metrics from Cloud Monitoring: one reduced query a metric for all services of a project."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from google.cloud.monitoring_v3 import ListTimeSeriesRequest

from adapters.gcp.clients import Connections
from adapters.gcp.errors import Asked
from adapters.ports.errors import NotFound, Unreachable
from adapters.ports.minute_rows import Minutes
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

RATE, BURST = 10.0, 20.0
"""Calls a second: far below Cloud Monitoring's 6,000 a minute and project, which dashboards and alerts share."""

LONGEST_FILTER = 2000
"""The API takes 2,048 characters; more services than fit are not named, and all of the project are answered."""

PAGE_POINTS = 100_000
BY_SERVICE = ("resource.labels.location", "resource.labels.service_name")
BY_REVISION = (*BY_SERVICE, "resource.labels.revision_name")
BY_STATE = ("metric.labels.state",)
BY_SERVICE_AND_STATE = (*BY_SERVICE, *BY_STATE)
MAX, SUM = "ALIGN_MAX", "ALIGN_SUM"
"""Not ALIGN_DELTA: it invents values for minutes without any."""


class Place(NamedTuple):
    """A service, or one revision of it, as series name it. Of what is read by state for a whole project, the state stands for
    the service; of what is read by service and state, for the revision.
    """

    location: str
    service: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """One value a period, float64[n], NaN where Cloud Monitoring has no point. `means` of distributions; `values` count them."""

    values: Minutes
    means: Minutes


@dataclass(frozen=True, slots=True)
class Query:
    """Periods of `period` minutes from `first` up to `end` (minutes since the epoch) of `metric`, summed over all series that are
    alike in the labels `group_by`.
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
        return (self.end - self.first) // self.period


class MetricReader:
    """ListTimeSeries of one project, at a rate of its own."""

    def __init__(self, connections: Connections, clock: Clock, project: str) -> None:
        self.series_returned = 0
        """Time series answered since the start: what Cloud Monitoring charges by."""
        self.project = project
        self._connections = connections
        self._bucket = TokenBucket(clock, RATE, BURST, f"Cloud Monitoring calls of {project}")
        self._asked = Asked("ListTimeSeries", f"Cloud Run metrics of {project}", "monitoring.timeSeries.list")

    async def read(self, query: Query) -> dict[Place, Column]:
        """Columns by service. A series may be cut over pages, so pages are joined by label. A metric that a project does not know
        has no series: none of its services has ever done what it counts.
        """
        found: dict[Place, Column] = {}
        token = ""
        while True:
            request = _request(self.project, query, token)
            try:
                async with self._bucket.turn():
                    page, token = await self._connections.metrics(self._asked, "list_time_series", request, self._page)
            except NotFound:
                return found
            await asyncio.to_thread(_lay, found, page, query)
            if not token:
                self.series_returned += len(found)
                return found

    def close(self) -> None:
        self._bucket.close()

    def _page(self, answer: Any) -> tuple[Sequence[Any], str]:  # noqa: ANN401  (a pager of the library)
        """The page that came; the pager's own walk would retry and time out as it likes."""
        if len(answer.execution_errors):
            text = " ".join(answer.execution_errors[0].message.split())[:200]
            raise Unreachable(f"{self._asked.resource}: Cloud Monitoring answered only in part ({text})")
        return [type(series).pb(series) for series in answer.time_series], str(answer.next_page_token)


def _request(project: str, query: Query, token: str) -> ListTimeSeriesRequest:
    """The interval is open at its start: a point stands for the minute that ends with it."""
    named = ",".join(f'"{service}"' for service in query.services)
    chosen = f'metric.type = "run.googleapis.com/{query.metric}" AND resource.type = "cloud_run_revision"'
    if query.services and len(chosen) + len(named) < LONGEST_FILTER - 60:
        chosen += f" AND resource.labels.service_name = one_of({named})"
    return ListTimeSeriesRequest(
        name=f"projects/{project}", filter=chosen, page_size=PAGE_POINTS, page_token=token,
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


def _lay(found: dict[Place, Column], page: Sequence[Any], query: Query) -> None:
    """Put the points of a page where they belong; the library's wrappers would take twenty times as long."""
    for series in page:
        place = _place(series, query.group_by)
        if place not in found:
            found[place] = Column(np.full(query.periods, np.nan), np.full(query.periods, np.nan))
        column = found[place]
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
