"""Instances of one Cloud Run service: routing of requests, start, minimum, and end of idle instances."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from adapters.sandbox.traffic.recorded import MINUTE_MS

TARGET = 0.6
"""Share of its concurrency up to which Cloud Run uses an instance before it starts another."""


@dataclass(slots=True, eq=False)
class Instance:
    """One instance, numbered in order of start; instants in milliseconds. If its `revision` has no traffic any more, it gets no
    requests and ends after it has been idle for its retention.
    """

    number: int
    ready_at: int
    idle_since: int
    retention: int
    revision: str
    busy: int = 0


class Taken(NamedTuple):
    """Instance that serves a request after a wait of `delay` milliseconds. `waits`: no ready instance had free concurrency."""

    instance: Instance
    waits: bool
    delay: int


@dataclass(slots=True)
class Usage:
    """Instance-milliseconds: busy, and idle within the minimum. Idle instances above the minimum are not billed."""

    busy: int = 0
    kept_idle: int = 0


class InstanceSet:
    """Instances of a service. Requests are spread evenly over those of the minimum, the oldest ones; others get the overflow.

    `concurrency`: requests that an instance serves at once. A request without free concurrency waits for a starting instance, or
    starts one, up to `ceiling`. While more than `TARGET` of the concurrency is in use, another instance starts ahead of demand.
    An idle instance above the floor ends after its retention; of these, the most recently used one is used first. Calls must
    come in order of time.
    """

    def __init__(self, concurrency: float, startup: int, retention: Callable[[], int], ceiling: int,
                 revision: str = "") -> None:
        self.concurrency, self.startup, self.ceiling, self.revision = concurrency, startup, ceiling, revision
        self.floor, self.started, self.usage = 0, 0, Usage()
        self._retention = retention
        self._all: list[Instance] = []
        self._ends: list[tuple[int, int, Instance]] = []
        self._counted, self._order = 0, 0
        self._at_work = self._made = 0
        self._soonest = 0
        """Earliest instant at which an idle instance may end."""

    def keep(self, floor: int, at: int, ready_at: int) -> None:
        """Set the minimum to `floor` at `at`; instances that it adds are ready at `ready_at`."""
        self.settle(at)
        self.floor, self._soonest = floor, 0
        missing = min(floor, self.ceiling) - len(self._serving())
        self._all.extend(self._new(ready_at) for _ in range(max(0, missing)))
        self.started += max(0, missing)
        self._end_idle(at)

    def replace(self, at: int, revision: str) -> None:
        """Route the traffic to `revision`, whose minimum is ready at `at`. Other instances finish their requests and end after
        their retention.
        """
        self.settle(at)
        self.revision, self._soonest = revision, 0
        for each in self._all:
            if each.revision != revision and not each.busy:
                each.idle_since = max(each.idle_since, at)  # the minimum may have kept it up to now
        missing = max(0, min(self.floor, self.ceiling) - len(self._serving()))
        self._all.extend(self._new(at) for _ in range(missing))
        self.started += missing

    def begin(self, start: int) -> Taken | None:
        """Assign an instance to a request at `start`; None if all are full and no other may start."""
        self.settle(start)
        serving = self._serving()
        free = [each for each in serving if each.busy < self.concurrency]
        warm, starting = [each for each in free if each.ready_at <= start], [each for each in free if each.ready_at > start]
        kept_and_warm = self._open(serving[: self.floor], start)
        if kept_and_warm:
            chosen = min(kept_and_warm, key=lambda each: (each.busy, each.idle_since))
        elif warm:
            chosen = min(warm, key=lambda each: (-each.busy, -each.idle_since))
        elif starting:
            chosen = min(starting, key=lambda each: (each.ready_at, -each.busy))
        elif len(serving) < self.ceiling:
            chosen = self._new(start + self.startup)
            self._all.append(chosen)
            self.started += 1
        else:
            return None
        self._at_work += not chosen.busy
        chosen.busy += 1
        self._start_ahead(start)
        return Taken(chosen, not warm, max(0, chosen.ready_at - start))

    def finish(self, taken: Taken, end: int) -> None:
        """Free the instance of a request that would have ended at `end` without its wait."""
        self._order += 1
        heapq.heappush(self._ends, (end + taken.delay, self._order, taken.instance))

    def ready(self, at: int) -> int:
        """Return the number of instances that can serve without a wait at `at`."""
        self.settle(at)
        return sum(each.ready_at <= at for each in self._serving())

    def at_work(self, at: int) -> int:
        """Return the number of ready instances with at least one request at `at`, of all revisions."""
        self.settle(at)
        return sum(each.busy > 0 and each.ready_at <= at for each in self._all)

    def without_traffic(self, at: int) -> dict[str, tuple[int, int]]:
        """Return the number of busy and of idle instances of each revision without traffic."""
        self.settle(at)
        counts: dict[str, tuple[int, int]] = {}
        for each in self._all:
            if each.revision != self.revision:
                active, idle = counts.get(each.revision, (0, 0))
                counts[each.revision] = (active + (each.busy > 0), idle + (each.busy == 0))
        return counts

    def settle(self, at: int) -> None:
        """End the requests and idle instances that are due by `at`, each at its own instant."""
        while self._ends and self._ends[0][0] <= at:
            end, _, instance = heapq.heappop(self._ends)
            self._count(end)
            instance.busy -= 1
            self._at_work -= not instance.busy
            instance.idle_since = end
            self._soonest = min(self._soonest, end + instance.retention)
        self._end_idle(at)
        self._count(at)

    def _end_idle(self, at: int) -> None:
        if at < self._soonest:
            return
        without_traffic = [each for each in self._all if each.revision != self.revision]
        idle = [each for each in (*self._serving()[self.floor :], *without_traffic) if not each.busy]
        for instance in idle:
            if at - instance.idle_since >= instance.retention:
                self._all.remove(instance)
        ends = (each.idle_since + each.retention for each in idle)
        self._soonest = min((end for end in ends if end > at), default=at + MINUTE_MS)

    def _count(self, at: int) -> None:
        span, self._counted = max(0, at - self._counted) if self._counted else 0, max(self._counted, at)
        self.usage.busy += span * self._at_work
        if self.floor and span:
            ready = sum(each.ready_at <= at for each in self._serving())
            self.usage.kept_idle += span * max(0, min(self.floor, ready) - self._at_work)

    def _serving(self) -> list[Instance]:
        return [each for each in self._all if each.revision == self.revision]

    def _start_ahead(self, at: int) -> None:
        """Start an instance if the utilisation is above `TARGET`; not for a concurrency of 1."""
        if self.concurrency <= 1:
            return
        serving = self._serving()
        limit = len(serving) * max(1.0, self.concurrency * TARGET)
        if sum(each.busy for each in serving) > limit and len(serving) < self.ceiling:
            self._all.append(self._new(at + self.startup))
            self.started += 1

    def _open(self, among: list[Instance], at: int) -> list[Instance]:
        """Return the instances of `among` that can serve another request without a wait."""
        return [each for each in among if each.busy < self.concurrency and each.ready_at <= at]

    def _new(self, ready_at: int) -> Instance:
        self._made += 1
        instance = Instance(self._made, ready_at, ready_at, self._retention(), self.revision)
        self._soonest = min(self._soonest, ready_at + instance.retention)
        return instance
