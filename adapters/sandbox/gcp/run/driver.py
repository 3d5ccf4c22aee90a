"""Driver of one Cloud Run service: plays its traffic through its instances, request by request, and counts cold starts."""

import math
from dataclasses import dataclass

import numpy as np

from adapters.sandbox.gcp.run.instances import InstanceSet, Taken
from adapters.sandbox.gcp.run.service import RunService
from adapters.sandbox.held_units import HeldUnits
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, Traffic
from adapters.sandbox.traffic.request_plan import Event, Events, RequestPlan


@dataclass(slots=True)
class RunTotals:
    """Sums since the start. `cold_starts`: requests that waited for an instance. `*_without`: the twin, with the same traffic and
    no minimum instances. `refused`: requests without an available instance; no metric of the service counts them. Pings are not
    included in the figures of the traffic. `cold_starts_during_pings`: of `cold_starts`, those of requests for which a ping held
    the place.
    """

    minutes: int = 0
    requests: float = 0.0
    requests_without: float = 0.0
    refused: float = 0.0
    refused_without: float = 0.0
    cold_starts: int = 0
    cold_starts_during_pings: int = 0
    cold_starts_without: int = 0
    pings: int = 0
    ping_cold_starts: int = 0


def counted(revision: str, active: float, idle: float) -> dict[str, float]:
    """Return the active and idle instances of a revision in a minute, by column name."""
    return {f"active {revision}": float(active), f"idle {revision}": float(idle)}


class Serving:
    """Instances of a service, or of its twin, and figures of the current minute: requests that were accepted, refused, and
    waited, and those that waited because of pings; milliseconds of work without the wait; pings, and their milliseconds; maximum
    in flight; instances started before the minute.
    """

    def __init__(self, instances: InstanceSet) -> None:
        self.instances = instances
        self._open: dict[int, tuple[Taken, int]] = {}
        self._held, self._pinging = HeldUnits(), list[int]()
        """Places that pings hold, and the ends of all pings in flight."""
        self.open_minute()

    def open_minute(self) -> None:
        """Reset the figures for a new minute."""
        self.accepted = self.refused = self.waited = self.waited_for_pings = self.work_ms = self.pings = self.ping_ms = 0
        self.peak, self.started_before = len(self._open), self.instances.started

    def begin(self, request: int, at: int) -> bool:
        """Start a request at `at`, and return whether it waits for an instance."""
        taken = self.instances.begin(at)
        if taken is None:
            self.refused += 1
            return False
        self._open[request] = taken, at
        self.accepted += 1
        self.waited += taken.waits
        self.waited_for_pings += taken.waits and self._held.needed(at)
        self._note_peak(at)
        return taken.waits

    def hold(self, at: int, hold: int) -> Taken | None:
        """Serve a ping at `at` for `hold` milliseconds. None: no instance may start."""
        taken = self.instances.begin(at)
        if taken is None:
            return None
        self.instances.finish(taken, at + hold)
        self._pinging.append(at + hold + taken.delay)
        if not taken.waits:
            self._held.hold(at + hold)
        self.pings += 1
        self.ping_ms += hold
        self._note_peak(at)
        return taken

    def _note_peak(self, at: int) -> None:
        self._pinging = [end for end in self._pinging if end > at]
        self.peak = max(self.peak, len(self._open) + len(self._pinging))

    def end(self, request: int, at: int) -> None:
        """End a request planned to end at `at`; its instance is busy longer by the time that the request waited."""
        if request in self._open:
            taken, since = self._open.pop(request)
            self.work_ms += at - since
            self.instances.finish(taken, at)

    def close_minute(self, at: int) -> None:
        """Count the work of the requests in flight up to `at`."""
        for request, (taken, since) in self._open.items():
            self.work_ms += at - since
            self._open[request] = taken, at

    @property
    def share(self) -> float:
        """Share of the minute's requests that were accepted."""
        return self.accepted / max(1, self.accepted + self.refused) if self.refused else 1.0


class RunDriver:
    """Driver of one service. Time only advances; a reader or writer of the service first advances it to their instant.

    A twin plays the same traffic without minimum instances. Minutes before `counted_from` warm the instances and are not
    counted. `seed` is used for the traffic and for the retention of instances, which is the same for the service and its twin.
    """

    def __init__(self, service: RunService, traffic: Traffic, table: MinuteTable, first_minute: int, startup: int,
                 retention: tuple[int, int], seed: tuple[int, ...], counted_from: int) -> None:
        self.totals, self.table, self.startup = RunTotals(), table, startup
        self._service, self._minute, self._counted_from = service, first_minute, counted_from
        self._plan = RequestPlan(traffic, np.random.Generator(np.random.PCG64([*seed, 2])))
        self._real, self._without = (Serving(self._new(retention, seed)) for _ in range(2))
        self.instances, self.twin = self._real.instances, self._without.instances
        self.revisions = {service.main}
        """Revisions that have had instances."""
        self._open()
        self.advance_to(counted_from * MINUTE_MS)

    def advance_to(self, at: int) -> None:
        """Play the traffic up to and including the instant `at` (milliseconds since the epoch)."""
        while True:
            for event in self._events.until(at):
                self._step(event)
            end = (self._minute + 1) * MINUTE_MS
            self._settle(min(at, end))
            if end > at:
                return
            self._close()
            self._minute += 1
            self._open()

    def invoke(self, at: int, hold: int) -> Taken | None:
        """Serve a request that is not part of the traffic and is held for `hold` milliseconds; None if no instance may start. The
        driver must have advanced to `at`. Metrics count it as any other request.
        """
        taken = self._real.hold(at, hold)
        if taken is not None:
            self.totals.pings += 1
            self.totals.ping_cold_starts += taken.waits
        return taken

    def apply_scaling(self, at: int, ready_at: int) -> None:
        """Apply the service's scaling at `at`; the instances that it adds are ready at `ready_at`."""
        self.instances.ceiling = self.twin.ceiling = self._service.ceiling
        self.instances.keep(self._service.floor, at, ready_at)

    def _new(self, retention: tuple[int, int], seed: tuple[int, ...]) -> InstanceSet:
        rng, (low, high) = np.random.Generator(np.random.PCG64([*seed, 1])), retention

        def draw() -> int:
            return int(rng.integers(low, high + 1))

        return InstanceSet(self._service.concurrency, self.startup, draw, self._service.ceiling, self._service.main)

    def _settle(self, at: int) -> None:
        """Apply what is due by `at`: the end of reconciling, then ends of requests and of idle instances."""
        changed_at = max(self._service.busy_until, self._minute * MINUTE_MS)
        if self._service.settle(at):
            for instances in (self.instances, self.twin):
                instances.concurrency, instances.ceiling = self._service.concurrency, self._service.ceiling
                instances.replace(changed_at, self._service.main)
            self.instances.keep(self._service.floor, changed_at, changed_at)
        self.instances.settle(at)
        self.twin.settle(at)

    def _open(self) -> None:
        """Draw the requests of the minute. Requests that end at its start are not in flight in it."""
        start = self._minute * MINUTE_MS
        self._row, events = self._plan.of(self._minute)
        self._events = Events(events)
        for event in self._events.ending(start):
            self._step(event)
        self._real.open_minute()
        self._without.open_minute()

    def _step(self, event: Event) -> None:
        at, is_start, request = event
        if not is_start:
            self._real.end(request, at)
            self._without.end(request, at)
            return
        self._settle(at)
        self.totals.cold_starts_without += self._without.begin(request, at)
        self.totals.cold_starts += self._real.begin(request, at)

    def _close(self) -> None:
        """Add the played minute to the totals and to the points of metrics."""
        row, real, without, end = self._row, self._real, self._without, (self._minute + 1) * MINUTE_MS
        real.close_minute(end)
        without.close_minute(end)
        if self._minute < self._counted_from:
            self.totals = RunTotals()
            for instances in (self.instances, self.twin):
                instances.started, instances.usage.busy, instances.usage.kept_idle = 0, 0, 0
            return
        if row.is_gap:
            self.table.put(self._minute, {"dark": 1.0})
            return
        requests, requests_without = (math.floor(row.invocations * each.share) for each in (real, without))
        ready = self.instances.ready(end)
        served = requests + real.pings
        values = self._counts(ready, self._touched(ready, served), end)
        if served > 0:
            values |= {"invocations": served, "busy": (real.work_ms + real.ping_ms) / MINUTE_MS, "peak": float(real.peak)}
        if real.waited:
            values |= {"pending": float(real.waited)}
        started = self.instances.started - real.started_before
        if started:
            values |= {"started": float(started)}
        self.table.put(self._minute, values)
        self.totals.minutes += 1
        self.totals.cold_starts_during_pings += real.waited_for_pings
        self.totals.requests += requests
        self.totals.requests_without += requests_without
        self.totals.refused += row.invocations * (1 - real.share)
        self.totals.refused_without += row.invocations * (1 - without.share)

    def _counts(self, ready: int, touched: int, at: int) -> dict[str, float]:
        """Return active and idle instances by column: of revisions with traffic by their share, and of those without traffic."""
        counts = self.instances.without_traffic(at)
        if ready:
            split = zip(self._service.shares, self._service.split(touched), self._service.split(ready - touched), strict=True)
            for (name, _), active, idle in split:
                before = counts.get(name, (0, 0))
                counts[name] = before[0] + active, before[1] + idle
        self.revisions |= counts.keys()
        return {column: value for name, each in counts.items() for column, value in counted(name, *each).items()}

    def _touched(self, ready: int, requests: int) -> int:
        """Return the instances that count as active in the minute. Requests are routed evenly over the instances of the minimum,
        so that each request makes another of them active.
        """
        busy = self.instances.at_work((self._minute + 1) * MINUTE_MS)
        kept = min(self.instances.floor, ready)
        return min(ready, max(busy, min(kept, requests), min(ready, self._real.peak)))
