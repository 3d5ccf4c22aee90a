"""Demand from a page of counters: the most requests at once, and how many there were so far, once a minute.

A page tells the present alone, so there is no history before the first reading, and a minute in which nobody looked is unknown.
"""

import asyncio
import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from adapters.clock import Clock
from adapters.errors import AdapterError, Unreachable
from adapters.protocol import Telemetry
from adapters.web.client import Client, refused
from adapters.web.pings import headers_of
from adapters.web.settings import HttpPingSettings
from forecasting.demand import DemandSeries, minute_of

LINE = re.compile(r"^(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)(?:\{[^}]*\})?\s+(?P<value>[^\s]+)(?:\s+-?\d+)?$")
KEPT = 1440


class Look(NamedTuple):
    """What the page said in `minute` of the one before. `work` in seconds; NaN where it does not tell."""

    minute: int
    in_flight: float
    requests: float
    work: float


@dataclass(slots=True)
class Looks:
    """Of one pool, one a minute, oldest first."""

    taken: deque[Look] = field(default_factory=lambda: deque(maxlen=KEPT))

    def series(self, first: int, end: int) -> DemandSeries:
        """A minute is known from the looks in it and in the one after it. A counter that fell was begun anew: what it shows has
        come since.
        """
        out = DemandSeries.empty(first, max(0, end - first))
        for before, look in pairwise(self.taken):
            if first <= before.minute < end and look.minute == before.minute + 1:
                row = before.minute - first
                requests = look.requests - (before.requests if look.requests >= before.requests else 0.0)
                work = (look.work - (before.work if look.work >= before.work else 0.0)) / 60
                out.peak[row] = np.ceil(look.in_flight)
                out.busy[row] = min(look.in_flight, look.in_flight if np.isnan(work) else work)
                out.invocations[row] = requests
        return out


class PageDemand:
    """Reads the `demand_url` of each pool that has one. Of the others nothing is ever known."""

    kind = "demand-page"

    def __init__(self, client: Client, clock: Clock, pools: Mapping[str, HttpPingSettings],
                 environment: Mapping[str, str] = os.environ) -> None:
        self._client, self._clock, self._settings, self._environment = client, clock, dict(pools), environment
        self._looks = {name: Looks() for name in pools}

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See the protocol. One request a pool, all at once."""
        errors = await asyncio.gather(*(self._look(name) for name in pools))
        told = {}
        for name, error in zip(pools, errors, strict=True):
            end, looks = minute_of(until), self._looks[name]
            alive = None if self._settings[name].demand_url is None else error is None
            first = max(minute_of(since[name]), looks.taken[0].minute if looks.taken else end)
            told[name] = Telemetry(looks.series(min(first, end), end), alive, error)
        return told

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002  (a page is free)
        return 0.0

    async def _look(self, pool: str) -> AdapterError | None:
        """One look at the page of a pool, unless this minute has one."""
        settings, taken = self._settings[pool], self._looks[pool].taken
        minute = minute_of(self._clock.now())
        if settings.demand_url is None or (taken and taken[-1].minute >= minute):
            return None
        try:
            headers = headers_of(settings, self._environment)
            reply = await self._client.send("GET", settings.demand_url, settings.demand_url, headers, {}, text=True)
            error = refused(reply, 200, settings.demand_url)
            if error is not None:
                return error
            in_flight, requests = (total(reply.text, name) for name in (settings.in_flight_metric, settings.requests_metric))
        except AdapterError as error:
            return error
        if in_flight is None or requests is None:
            missing = settings.in_flight_metric if in_flight is None else settings.requests_metric
            return Unreachable(f"{settings.demand_url} has no metric {missing}: correct in_flight_metric or requests_metric")
        work = total(reply.text, settings.work_metric)
        taken.append(Look(minute, in_flight, requests, np.nan if work is None else work))
        return None


def total(page: str, name: str) -> float | None:
    """The sum of a metric over all its label sets; None when the page has none that is a number."""
    values = []
    for line in page.splitlines():
        match = LINE.match(line.strip())
        if match is not None and match["name"] == name:
            try:
                value = float(match["value"])
            except ValueError:
                return None
            if not 0 <= value < float("inf"):
                return None
            values.append(value)
    return sum(values) if values else None
