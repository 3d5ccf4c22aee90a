"""The emulated projects: Cloud Run services with their traffic. Clock, faults and call log are those of the sandbox."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import numpy as np
from google.cloud import run_v2
from numpy.typing import NDArray

from adapters.sandbox.gcp.refusal import Refusal
from adapters.sandbox.gcp.run.driver import RunDriver, counted
from adapters.sandbox.gcp.run.service import SUCCEEDED, RunService
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.throttle import TokenBucket
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic
from adapters.sandbox.world import Sandbox, UnitHeld
from forecasting.demand import DemandSeries, minute_of

TOKEN = "stoker-sandbox-token"  # noqa: S105  (of no real account)
PROJECT_NUMBER = 1234567890
"""Number of every project, which is part of the URLs of its services."""

RETENTION = (timedelta(minutes=10), timedelta(minutes=15))
"""Minimum and maximum time that an idle instance stays: Cloud Run documents only the maximum of 15 min."""


@dataclass(slots=True)
class HostedService:
    """A service with its driver. The delays of its metrics are drawn from `seed`."""

    service: RunService
    driver: RunDriver
    rng: np.random.Generator
    seed: int
    project: str
    location: str


@dataclass(slots=True)
class PublishedSeries:
    """Series of any metric: `values` by minute from `first` on, NaN without a point. `name`: its name in outages of metrics."""

    name: str
    first: int
    values: NDArray[np.float64]


class RunSandbox:
    """State of the emulated projects. Time passes lazily: reading a service first plays its traffic up to the present."""

    def __init__(self, sandbox: Sandbox, settings: RunSettings | None = None) -> None:
        self.sandbox, self.settings = sandbox, settings or RunSettings()
        self.clock, self.faults, self.calls = sandbox.clock, sandbox.faults, sandbox.calls
        self.accepted, self.expired, self.denied = {TOKEN}, set[str](), set[str]()
        """Valid and expired bearer tokens, and permissions that are denied to all callers."""
        self.refusals: dict[str, Refusal] = {}
        """Error of every call of a method, by method name."""
        self.granted: dict[str, set[str]] | None = None
        """Resources by permission; a resource includes those below it. None: all permissions on all resources."""
        self.used, self.refused = Counter[str](), Counter[str]()
        """Number of calls by permission: allowed, and denied."""
        self.unknown_metrics = set[str]()
        """Metrics that do not exist in these projects; a query of one is an error."""
        self.appended: list[run_v2.Service] = []
        """Entries that are appended to every list, valid or not."""
        self.published: dict[tuple[str, str], PublishedSeries] = {}
        """Series of metrics that are not Cloud Run's, by name of the project (`projects/ID`) and filter."""
        self._hosted: dict[str, HostedService] = {}
        self._buckets: dict[str, TokenBucket] = {}

    def add_service(
        self,
        name: str,
        history: DemandSeries | None = None,
        traffic: Iterator[Minute] | None = None,
        *,
        project: str = "acme",
        location: str = "europe-west1",
        concurrency: int = 1,
        cpu: str = "1",
        memory: str = "512Mi",
        startup_seconds: float = 8.0,
        retention: tuple[timedelta, timedelta] = RETENTION,
        template: run_v2.RevisionTemplate | None = None,
    ) -> HostedService:
        """Deploy a service with one revision, which receives the traffic. `history` and `traffic` count requests in flight.

        The part of `history` before now fills Cloud Monitoring and determines which instances are warm. The part from now on is
        played, then `traffic`. `retention`: minimum and maximum time that an idle instance stays. At the service's URL,
        `NAME-1234567890.LOCATION.run.app`, the sandbox answers pings as an application with Stoker's helper.
        """
        service = RunService(_message(project, location, name, concurrency, cpu, memory, template))
        service.publish(self.clock.now())
        seed, start = self.sandbox.seed * 2_000_003 + len(self._hosted) + 1, minute_of(self.clock.now())
        place = (self.sandbox.seed, 7919, len(self._hosted))
        rng = np.random.Generator(np.random.PCG64(place))
        table = MinuteTable(start) if history is None else _recorded(history, start, concurrency, retention[1], service.main)
        low, high = (round(span.total_seconds() * 1000) for span in retention)
        first = start if history is None else max(min(start, history.first_minute), start - -(-high // MINUTE_MS) - 1)
        driver = RunDriver(service, Traffic(history, traffic, start), table, first, round(startup_seconds * 1000), (low, high),
                           place, start)
        driver.instances.settle(self.now_ms())
        driver.apply_scaling(self.now_ms(), self.now_ms())
        self.sandbox.urls[f"{name}-{PROJECT_NUMBER}.{location}.run.app"] = partial(self._hold, service.name)
        hosted = self._hosted[service.name] = HostedService(service, driver, rng, seed, project, location)
        return hosted

    def _hold(self, name: str, hold_ms: int) -> UnitHeld | None:
        """Serve a request to the URL of a service. See `Sandbox.urls`."""
        hosted = self.find(name)
        taken = None if hosted is None else hosted.driver.invoke(self.now_ms(), hold_ms)
        return None if taken is None else UnitHeld(f"{taken.instance.revision}-{taken.instance.number}", taken.delay)

    def has(self, permission: str, resource: str) -> bool:
        """Return whether callers have `permission` on `resource`."""
        granted = None if self.granted is None else self.granted.get(permission, set())
        covered = granted is None or any(resource == name or resource.startswith(f"{name}/") for name in granted)
        return covered and permission not in self.denied

    def may(self, permission: str, resource: str) -> bool:
        """Return whether a call that needs `permission` on `resource` is allowed, and count it."""
        allowed = self.has(permission, resource)
        (self.used if allowed else self.refused)[permission] += 1
        return allowed

    def now_ms(self) -> int:
        """Return the current time in milliseconds since the epoch."""
        return self.sandbox.now_ms()

    def find(self, name: str) -> HostedService | None:
        """Return a service by full name, with its traffic played up to now; None if it does not exist."""
        hosted = self._hosted.get(name)
        if hosted is not None:
            hosted.driver.advance_to(self.now_ms())
        return hosted

    def within(self, parent: str) -> list[HostedService]:
        """Return all services of a project, or of a project and location, in the order of the API's lists."""
        return [hosted for name in sorted(self._hosted) if name.startswith(f"{parent}/") and (hosted := self.find(name))]

    def placement_ms(self, hosted: HostedService) -> int:
        """Return the time from a change of scaling to the start of the first process for it; random."""
        low, high = self.settings.placement_seconds
        return round(float(hosted.rng.uniform(low, high)) * 1000)

    def update(self, hosted: HostedService, updated: run_v2.Service, by: str) -> None:
        """Accept an update. Reconciling takes the time to place instances; with another revision, also its startup time."""
        now = self.now_ms()
        placed, service = now + self.placement_ms(hosted), hosted.service
        starts = any(_field(updated, name) != _field(service.message, name) for name in ("template", "traffic"))
        ready = placed + hosted.driver.startup
        service.accept(updated, self.clock.now(), by, ready if starts else placed)
        if not hosted.service.fails_with:
            hosted.driver.apply_scaling(now, ready)

    def wait_for_token(self, bucket: str, per_minute: int) -> float:
        """Return 0 if the quota admits a call, otherwise the seconds to wait."""
        if bucket not in self._buckets:
            self._buckets[bucket] = TokenBucket(per_minute / 60, max(1.0, per_minute))
        return self._buckets[bucket].take(self.now_ms() / 1000)


def _field(message: run_v2.Service, name: str) -> object:
    value = getattr(run_v2.Service.pb(message), name)
    return list(value) if name == "traffic" else value


def _message(project: str, location: str, name: str, concurrency: int, cpu: str, memory: str,
             template: run_v2.RevisionTemplate | None) -> run_v2.Service:
    resources = {"limits": {"cpu": cpu, "memory": memory}, "cpu_idle": True}
    default = {"containers": [{"image": f"europe-docker.pkg.dev/{project}/{name}", "resources": resources}],
             "max_instance_request_concurrency": concurrency}
    return run_v2.Service(
        name=f"projects/{project}/locations/{location}/services/{name}", template=default if template is None else template,
        traffic=[{"type_": run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, "percent": 100}],
        generation=1, observed_generation=1, terminal_condition={"type_": "Ready", "state": SUCCEEDED},
    )


def _recorded(history: DemandSeries, end: int, concurrency: int, retention: timedelta, revision: str) -> MinuteTable:
    """Return the metrics before `end`: requests, and the instances of `revision` that served them and stayed for `retention`."""
    past = history.window(history.first_minute, max(history.first_minute, min(end, history.end_minute)))
    table, minutes = MinuteTable(past.first_minute), math.ceil(retention.total_seconds() / 60)
    need = np.ceil(np.nan_to_num(past.peak) / concurrency)
    columns = zip(past.known, need, past.invocations, past.busy, past.peak, strict=True)
    for row, (known, active, invocations, busy, peak) in enumerate(columns):
        if not known:
            table.put(past.first_minute + row, {"dark": 1.0})
            continue
        alive = float(need[max(0, row - minutes) : row + 1].max())
        values = counted(revision, float(active), alive - float(active)) if alive else {}
        if invocations > 0:
            values |= {"invocations": float(invocations), "busy": float(busy), "peak": float(peak)}
        table.put(past.first_minute + row, values)
    return table
