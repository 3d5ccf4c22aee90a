"""The instances of one Cloud Run service: who takes which request, who starts, who is kept, who ends."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Instance:
    """Instants in milliseconds. `retired`: of a revision that has no traffic any more; it ends with its last request."""

    ready_at: int
    idle_since: int
    retention: int
    busy: int = 0
    retired: bool = False


@dataclass(slots=True)
class Usage:
    """Instance-milliseconds: at work, and idle while kept by the minimum (beyond which idle instances are not billed)."""

    busy: int = 0
    kept_idle: int = 0


class InstanceSet:
    """Spreads requests evenly over the instances that the minimum keeps, the oldest ones, and uses others only beyond them.

    `concurrency`: requests that an instance takes at once. What finds no room waits for an instance that is starting, or makes
    one start. An idle instance above the floor ends after its retention; of those, the one used last is used first. Calls must
    come in order of time.
    """

    def __init__(self, concurrency: int, startup: int, retention: Callable[[], int], most: int) -> None:
        self.concurrency, self.startup, self.most = concurrency, startup, most
        self.floor, self.started, self.usage = 0, 0, Usage()
        self._retention = retention
        self._all: list[Instance] = []
        self._ends: list[tuple[int, int, Instance]] = []
        self._counted, self._order = 0, 0

    def keep(self, floor: int, at: int, ready_at: int) -> None:
        """The minimum changes; instances that are missing from it become ready at `ready_at`."""
        self.settle(at)
        self.floor = floor
        missing = min(floor, self.most) - len(self._serving())
        self._all.extend(self._new(ready_at) for _ in range(max(0, missing)))
        self.started += max(0, missing)
        self._end_idle(at)

    def replace(self, at: int) -> None:
        """Another revision takes the traffic, with its minimum warm; the old instances finish what they have."""
        self.settle(at)
        for instance in self._all:
            instance.retired = True
        self._all = [instance for instance in self._all if instance.busy]
        self._all.extend(self._new(at) for _ in range(min(self.floor, self.most)))
        self.started += min(self.floor, self.most)

    def acquire(self, start: int, end: int) -> bool | None:
        """Serve a request from `start` to `end`: True when it had to wait for an instance, None when none could be started."""
        self.settle(start)
        serving = self._serving()
        warm, kept_and_warm = self._open(serving, start), self._open(serving[: self.floor], start)
        starting = [each for each in serving if each.busy < self.concurrency and each.ready_at > start]
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
        chosen.busy += 1
        self._order += 1
        heapq.heappush(self._ends, (end + max(0, chosen.ready_at - start), self._order, chosen))
        return not warm

    def ready(self, at: int) -> int:
        """Instances that serve without waiting at `at`."""
        self.settle(at)
        return sum(each.ready_at <= at and not each.retired for each in self._all)

    def at_work(self, at: int) -> int:
        """Ready instances with at least one request."""
        self.settle(at)
        return sum(each.busy > 0 and each.ready_at <= at for each in self._all)

    def settle(self, at: int) -> None:
        """Let requests end and idle instances go, each at its own instant, up to `at`."""
        while self._ends and self._ends[0][0] <= at:
            end, _, instance = heapq.heappop(self._ends)
            self._count(end)
            instance.busy -= 1
            instance.idle_since = end
            if instance.retired and not instance.busy:
                self._all.remove(instance)
        self._end_idle(at)
        self._count(at)

    def _end_idle(self, at: int) -> None:
        for instance in self._serving()[self.floor :]:
            if not instance.busy and at - instance.idle_since >= instance.retention:
                self._all.remove(instance)

    def _count(self, at: int) -> None:
        span, self._counted = max(0, at - self._counted) if self._counted else 0, max(self._counted, at)
        busy = sum(each.busy > 0 for each in self._all)
        ready = sum(each.ready_at <= at and not each.retired for each in self._all)
        self.usage.busy += span * busy
        self.usage.kept_idle += span * max(0, min(self.floor, ready) - busy)

    def _serving(self) -> list[Instance]:
        return [each for each in self._all if not each.retired]

    def _open(self, among: list[Instance], at: int) -> list[Instance]:
        """Those with room that serve without waiting."""
        return [each for each in among if each.busy < self.concurrency and each.ready_at <= at]

    def _new(self, ready_at: int) -> Instance:
        return Instance(ready_at, ready_at, self._retention())
