"""Counts, start times and idle times of the instances of a project's services, read once for all levers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import numpy as np

from adapters.gcp.monitoring.idle_times import idle_spans, keep_alive_seen
from adapters.gcp.monitoring.metric_reader import BY_REVISION, BY_SERVICE_AND_STATE, MAX, SUM, Column, MetricReader, Place, Query
from adapters.ports.errors import AdapterError
from adapters.ports.lever import KeepAliveSeen
from adapters.runtime.clock import Clock
from forecasting.demand import minute_of

T = TypeVar("T")

WATCHED, SLOWLY = timedelta(minutes=1), timedelta(minutes=5)
"""Maximum age of a count while instances start, and otherwise. Each returned series is charged."""

LOOK_BACK = 12
STARTED_FRESH, STARTED_BACK = timedelta(minutes=2), 20
PUBLISHED = 5
"""Minutes after which counts are published. Google documents up to 2 min; up to 4 min were measured."""

STARTS_FRESH, STARTS_BACK = timedelta(hours=1), 1440
STAYS_FRESH, STAYS_BACK = timedelta(hours=6), 1440
FAILED_FRESH = timedelta(minutes=1)


class Shared(Generic[T]):
    """A result that many pools share, fetched for the first pool that needs it. An error is shared too, for 1 min."""

    def __init__(self, clock: Clock, fetch: Callable[[], Awaitable[T]]) -> None:
        self._clock, self._fetch, self._lock = clock, fetch, asyncio.Lock()
        self._value: tuple[T] | None = None
        self._error: AdapterError | None = None
        self._at: datetime | None = None

    async def get(self, fresh: timedelta) -> T:
        """Return the result, not older than `fresh`. Raise the `AdapterError` of the last fetch."""
        async with self._lock:
            limit = fresh if self._error is None else FAILED_FRESH
            if self._at is None or self._clock.now() - self._at >= limit:
                try:
                    self._value, self._error = (await self._fetch(),), None
                except AdapterError as error:
                    self._error = error
                self._at = self._clock.now()
        if self._error is not None or self._value is None:
            raise (self._error or AdapterError("nothing was fetched")).with_traceback(None)
        return self._value[0]


class ProjectInstances:
    """Instances of one project by service. Each lever adds its service to `services`."""

    def __init__(self, reader: MetricReader, clock: Clock) -> None:
        self.services: set[str] = set()
        self._reader, self._clock = reader, clock
        self._counts = Shared(clock, self._fetch_counts)
        self._starts = Shared(clock, self._fetch_starts)
        self._stays = Shared(clock, self._fetch_stays)
        self._started = Shared(clock, self._fetch_started)

    async def counted(self, place: Place, revisions: Sequence[str], fresh: timedelta) -> dict[int, int]:
        """Return minute -> instances of `revisions` at the end of it, active and idle, for recent minutes up to 2 or 3 min ago.

        Minutes without a point are omitted. Instances of other revisions, which are idle after a rollout, are not counted.
        """
        first, counts = await self._counts.get(fresh)
        columns = [counts[each].values for name in revisions if (each := place._replace(revision=name)) in counts]
        rows = np.array(columns) if columns else np.empty((1, 0))
        totals = np.nansum(rows, axis=0)
        return {first + int(at): int(totals[at]) for at in np.flatnonzero(~np.isnan(rows).all(axis=0))}

    async def startup_seconds(self, place: Place) -> float | None:
        """Return the mean start time of the last 24 h in seconds; None when no instance started."""
        return (await self._starts.get(STARTS_FRESH)).get(place)

    async def started(self, place: Place) -> tuple[int, dict[int, int]]:
        """Return the minute before which starts are published, and minute -> started instances of the last 20 min.

        Minutes without starts are omitted.
        """
        first, columns = await self._started.get(STARTED_FRESH)
        values = columns[place].values if place in columns else np.zeros(0)
        return first + STARTED_BACK - PUBLISHED, {first + int(at): int(values[at]) for at in np.flatnonzero(values > 0)}

    async def keep_alive(self, place: Place) -> KeepAliveSeen | None:
        """Return how long the instances that ended in the last 24 h had been idle; None when none ended."""
        return (await self._stays.get(STAYS_FRESH)).get(place)

    async def _fetch_counts(self) -> tuple[int, dict[Place, Column]]:
        end = minute_of(self._clock.now())
        query = Query("container/instance_count", MAX, end - LOOK_BACK, end, tuple(sorted(self.services)), BY_REVISION)
        return query.first, await self._reader.read(query)

    async def _fetch_started(self) -> tuple[int, dict[Place, Column]]:
        end = minute_of(self._clock.now())
        query = Query("container/startup_latencies", SUM, end - STARTED_BACK, end, tuple(sorted(self.services)))
        return query.first, await self._reader.read(query)

    async def _fetch_starts(self) -> dict[Place, float]:
        end = minute_of(self._clock.now())
        query = Query("container/startup_latencies", SUM, end - STARTS_BACK, end, tuple(sorted(self.services)), period=60)
        out = {}
        for place, column in (await self._reader.read(query)).items():
            known = ~np.isnan(column.means) & (np.nan_to_num(column.values) > 0)
            if known.any():
                out[place] = float(np.average(column.means[known], weights=column.values[known])) / 1000
        return out

    async def _fetch_stays(self) -> dict[Place, KeepAliveSeen]:
        end = minute_of(self._clock.now())
        query = Query("container/instance_count", MAX, end - STAYS_BACK, end, tuple(sorted(self.services)), BY_SERVICE_AND_STATE)
        columns = await self._reader.read(query)
        return await asyncio.to_thread(_stays, columns, query.periods)


def _stays(columns: Mapping[Place, Column], minutes: int) -> dict[Place, KeepAliveSeen]:
    """Return place -> idle times, from the counts by service and state."""
    none, out = np.full(minutes, np.nan), {}
    for place in {each._replace(revision="") for each in columns}:
        active, idle = (columns[key].values if (key := place._replace(revision=state)) in columns else none
                        for state in ("active", "idle"))
        seen = keep_alive_seen(idle_spans(active, idle))
        if seen is not None:
            out[place] = seen
    return out
