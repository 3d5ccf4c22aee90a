"""Plays one Cloud Run service's traffic through its instances, and counts what really starts and who really waits."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from adapters.sandbox.gcp.instances import InstanceSet
from adapters.sandbox.gcp.service import RunService
from adapters.sandbox.metrics import MinuteTable
from adapters.sandbox.traffic import MINUTE_MS, Minute, Traffic, slots_of


@dataclass(slots=True)
class RunTotals:
    """Sums since the start. `cold_starts`: requests that waited for an instance; `*_without`: the twin, same traffic and no
    minimum. `refused`: requests for which no instance could be had, and which no metric of the service counts.
    """

    minutes: int = 0
    requests: float = 0.0
    refused: int = 0
    cold_starts: int = 0
    cold_starts_without: int = 0


def counted(revision: str, active: float, idle: float) -> dict[str, float]:
    """Instances of a revision in a minute, by the names of their columns."""
    return {f"active {revision}": float(active), f"idle {revision}": float(idle)}


@dataclass(slots=True)
class MinuteCount:
    """Of the minute being played: requests taken up, refused, waiting, and the instances that started."""

    slots: int = 0
    refused: int = 0
    waited: int = 0
    started_before: int = 0


class RunDriver:
    """Advances in order of time; every reader and writer of the service advances it to their instant first."""

    def __init__(self, service: RunService, traffic: Traffic, table: MinuteTable, first_minute: int, startup: int,
                 retention: Callable[[], int]) -> None:
        self.totals, self.table, self.startup = RunTotals(), table, startup
        self._service, self._traffic, self._minute = service, traffic, first_minute
        self.instances, self.twin = (InstanceSet(service.concurrency, startup, retention, service.most, service.main)
                                     for _ in range(2))
        self.revisions = {service.main}
        """Those that have had instances."""
        self._open()

    def replay(self, past: Traffic, first_minute: int, end_minute: int) -> None:
        """Warm the instances with traffic from before the start, uncounted."""
        for minute in range(first_minute, end_minute):
            for slot in slots_of(past.at(minute)):
                for instances in (self.instances, self.twin):
                    instances.acquire(minute * MINUTE_MS + slot.start, minute * MINUTE_MS + slot.end)
        for instances in (self.instances, self.twin):
            instances.settle(end_minute * MINUTE_MS)
            instances.started, instances.usage.busy, instances.usage.kept_idle = 0, 0, 0

    def advance_to(self, at: int) -> None:
        """Play everything up to and including the instant `at` (milliseconds since the epoch)."""
        while True:
            while self._next < len(self._slots) and self._minute * MINUTE_MS + self._slots[self._next].start <= at:
                slot = self._slots[self._next]
                self._serve(self._minute * MINUTE_MS + slot.start, self._minute * MINUTE_MS + slot.end)
                self._next += 1
            end = (self._minute + 1) * MINUTE_MS
            self._settle(min(at, end))
            if end > at:
                return
            self._close()
            self._minute += 1
            self._open()

    def scaled(self, at: int, ready_at: int) -> None:
        """The service's scaling has changed at `at`; instances that it calls for are ready at `ready_at`."""
        self.instances.most = self.twin.most = self._service.most
        self.instances.keep(self._service.floor, at, ready_at)

    def _settle(self, at: int) -> None:
        due = self._service.busy_until
        if self._service.settle(at):
            for instances in (self.instances, self.twin):
                instances.concurrency, instances.most = self._service.concurrency, self._service.most
                instances.replace(max(due, self._minute * MINUTE_MS), self._service.main)
            self.instances.keep(self._service.floor, max(due, self._minute * MINUTE_MS), max(due, self._minute * MINUTE_MS))
        self.instances.settle(at)
        self.twin.settle(at)

    def _open(self) -> None:
        self._row: Minute = self._traffic.at(self._minute)
        self._slots, self._next = slots_of(self._row), 0
        self._count = MinuteCount(started_before=self.instances.started)

    def _serve(self, start: int, end: int) -> None:
        self._settle(start)
        self.totals.cold_starts_without += self.twin.acquire(start, end) is True
        waited = self.instances.acquire(start, end)
        if waited is None:
            self._count.refused += 1
            return
        self._count.slots += 1
        self._count.waited += waited
        self.totals.cold_starts += waited

    def _close(self) -> None:
        """Turn the minute just played into totals and points."""
        row, count, end = self._row, self._count, (self._minute + 1) * MINUTE_MS
        ready = self.instances.ready(end)
        if row.is_gap:
            self.table.put(self._minute, {"dark": 1.0})
            return
        share = count.slots / max(1, count.slots + count.refused)
        requests = math.floor(row.invocations * share)
        touched = self._touched(ready, requests)
        values = self._counts(ready, touched, end)
        if requests > 0:
            values |= {"invocations": requests, "busy": row.busy * share, "peak": row.peak}
        if count.waited:
            values |= {"pending": float(count.waited)}
        started = self.instances.started - count.started_before
        if started:
            values |= {"started": float(started)}
        self.table.put(self._minute, values)
        self.totals.minutes += 1
        self.totals.requests += requests
        self.totals.refused += count.refused

    def _counts(self, ready: int, touched: int, at: int) -> dict[str, float]:
        """Active and idle instances of each revision that has some: those with traffic by their share, and those without."""
        counts = self.instances.left(at)
        if ready:
            split = zip(self._service.shares, self._service.split(touched), self._service.split(ready - touched), strict=True)
            for (name, _), active, idle in split:
                before = counts.get(name, (0, 0))
                counts[name] = before[0] + active, before[1] + idle
        self.revisions |= counts.keys()
        return {column: value for name, each in counts.items() for column, value in counted(name, *each).items()}

    def _touched(self, ready: int, requests: int) -> int:
        """Instances that count as active in the minute. Even routing lets so many requests touch so many of the kept ones."""
        busy = self.instances.at_work((self._minute + 1) * MINUTE_MS)
        kept = min(self.instances.floor, ready)
        return min(ready, max(busy, min(kept, requests), min(ready, self._count.slots)))
