"""The instances of one Cloud Run service: who takes which request, who starts, who is kept, who ends."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from adapters.sandbox.traffic.recorded import MINUTE_MS

TARGET = 0.6
"""The share of its concurrency up to which Cloud Run uses an instance before it starts another."""


@dataclass(slots=True, eq=False)
class Instance:
    """Instants in milliseconds. One of a `revision` that has no traffic any more takes no request, and ends when it has been idle
    for its retention.
    """

    ready_at: int
    idle_since: int
    retention: int
    revision: str
    busy: int = 0


class Taken(NamedTuple):
    """What serves a request: it waits `delay` milliseconds for its instance; `waits`: nothing that was ready had room."""

    instance: Instance
    waits: bool
    delay: int


@dataclass(slots=True)
class Usage:
    """Instance-milliseconds: at work, and idle while kept by the minimum (beyond which idle instances are not billed)."""

    busy: int = 0
    kept_idle: int = 0


class InstanceSet:
    """Spreads requests evenly over the instances that the minimum keeps, the oldest ones, and uses others only beyond them.

    `concurrency`: requests that an instance takes at once. What finds no room waits for an instance that is starting, or makes
    one start; another starts, and nobody waits for it, while more than `TARGET` of that is in use. An idle instance above the
    floor ends after its retention; of those, the one used last is used first. Calls must come in order of time.
    """

    def __init__(self, concurrency: float, startup: int, retention: Callable[[], int], most: int, revision: str = "") -> None:
        self.concurrency, self.startup, self.most, self.revision = concurrency, startup, most, revision
        self.floor, self.started, self.usage = 0, 0, Usage()
        self._retention = retention
        self._all: list[Instance] = []
        self._ends: list[tuple[int, int, Instance]] = []
        self._counted, self._order = 0, 0
        self._at_work = 0
        self._soonest = 0
        """No instance ends before this instant."""

    def keep(self, floor: int, at: int, ready_at: int) -> None:
        """The minimum changes; instances that are missing from it become ready at `ready_at`."""
        self.settle(at)
        self.floor, self._soonest = floor, 0
        missing = min(floor, self.most) - len(self._serving())
        self._all.extend(self._new(ready_at) for _ in range(max(0, missing)))
        self.started += max(0, missing)
        self._end_idle(at)

    def replace(self, at: int, revision: str) -> None:
        """`revision` takes the traffic, with its minimum warm; the other instances finish what they have and stay idle for a
        while.
        """
        self.settle(at)
        self.revision, self._soonest = revision, 0
        for each in self._all:
            if each.revision != revision and not each.busy:
                each.idle_since = max(each.idle_since, at)  # until now the minimum may have kept it
        missing = max(0, min(self.floor, self.most) - len(self._serving()))
        self._all.extend(self._new(at) for _ in range(missing))
        self.started += missing

    def begin(self, start: int) -> Taken | None:
        """Serve a request that comes at `start`; None when no instance could be started for it."""
        self.settle(start)
        serving = self._serving()
        roomy = [each for each in serving if each.busy < self.concurrency]
        warm, starting = [each for each in roomy if each.ready_at <= start], [each for each in roomy if each.ready_at > start]
        kept_and_warm = self._open(serving[: self.floor], start)
        if kept_and_warm:
            chosen = min(kept_and_warm, key=lambda each: (each.busy, each.idle_since))
        elif warm:
            chosen = min(warm, key=lambda each: (-each.busy, -each.idle_since))
        elif starting:
            chosen = min(starting, key=lambda each: (each.ready_at, -each.busy))
        elif len(serving) < self.most:
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
        """A request would end at `end`, had it not waited."""
        self._order += 1
        heapq.heappush(self._ends, (end + taken.delay, self._order, taken.instance))

    def ready(self, at: int) -> int:
        """Instances that serve without waiting at `at`."""
        self.settle(at)
        return sum(each.ready_at <= at for each in self._serving())

    def at_work(self, at: int) -> int:
        """Ready instances with at least one request, of whichever revision."""
        self.settle(at)
        return sum(each.busy > 0 and each.ready_at <= at for each in self._all)

    def left(self, at: int) -> dict[str, tuple[int, int]]:
        """Instances at work and idle of each revision that has no traffic any more."""
        self.settle(at)
        found: dict[str, tuple[int, int]] = {}
        for each in self._all:
            if each.revision != self.revision:
                active, idle = found.get(each.revision, (0, 0))
                found[each.revision] = (active + (each.busy > 0), idle + (each.busy == 0))
        return found

    def settle(self, at: int) -> None:
        """Let requests end and idle instances go, each at its own instant, up to `at`."""
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
        left = [each for each in self._all if each.revision != self.revision]
        idle = [each for each in (*self._serving()[self.floor :], *left) if not each.busy]
        for instance in idle:
            if at - instance.idle_since >= instance.retention:
                self._all.remove(instance)
        lasting = (each.idle_since + each.retention for each in idle)
        self._soonest = min((end for end in lasting if end > at), default=at + MINUTE_MS)

    def _count(self, at: int) -> None:
        span, self._counted = max(0, at - self._counted) if self._counted else 0, max(self._counted, at)
        self.usage.busy += span * self._at_work
        if self.floor and span:
            ready = sum(each.ready_at <= at for each in self._serving())
            self.usage.kept_idle += span * max(0, min(self.floor, ready) - self._at_work)

    def _serving(self) -> list[Instance]:
        return [each for each in self._all if each.revision == self.revision]

    def _start_ahead(self, at: int) -> None:
        """Begin to start an instance when those there are used beyond the target; one that takes a single request has none."""
        if self.concurrency <= 1:
            return
        serving = self._serving()
        aimed_at = len(serving) * max(1.0, self.concurrency * TARGET)
        if sum(each.busy for each in serving) > aimed_at and len(serving) < self.most:
            self._all.append(self._new(at + self.startup))
            self.started += 1

    def _open(self, among: list[Instance], at: int) -> list[Instance]:
        """Those with room that serve without waiting."""
        return [each for each in among if each.busy < self.concurrency and each.ready_at <= at]

    def _new(self, ready_at: int) -> Instance:
        made = Instance(ready_at, ready_at, self._retention(), self.revision)
        self._soonest = min(self._soonest, ready_at + made.retention)
        return made
