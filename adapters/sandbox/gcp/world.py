"""The emulated projects: their Cloud Run services with their traffic. Shares clock, faults and call log with the sandbox."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from google.cloud import run_v2

from adapters.sandbox.gcp.refusal import Refusal
from adapters.sandbox.gcp.run.driver import RunDriver, counted
from adapters.sandbox.gcp.run.service import SUCCEEDED, RunService
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.throttle import TokenBucket
from adapters.sandbox.traffic.metrics import MinuteTable
from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, minute_of

TOKEN = "stoker-sandbox-token"  # noqa: S105  (no account has it)
RETENTION = (timedelta(minutes=10), timedelta(minutes=15))
"""Cloud Run keeps an idle instance for up to fifteen minutes; how long each stays is not documented."""


@dataclass(slots=True)
class HostedService:
    """A service with what drives it. `seed` gives its metrics their delays."""

    service: RunService
    driver: RunDriver
    rng: np.random.Generator
    seed: int
    project: str
    location: str


class RunSandbox:
    """Everything a run can look at. Time passes lazily: whoever asks for a service finds it played up to the present."""

    def __init__(self, sandbox: Sandbox, settings: RunSettings | None = None) -> None:
        self.sandbox, self.settings = sandbox, settings or RunSettings()
        self.clock, self.faults, self.calls = sandbox.clock, sandbox.faults, sandbox.calls
        self.accepted, self.expired, self.denied = {TOKEN}, set[str](), set[str]()
        """Bearer tokens, and permissions that nobody has."""
        self.refusals: dict[str, Refusal] = {}
        """What every call of a method is refused with."""
        self.granted: dict[str, set[str]] | None = None
        """What each permission is given on (a resource's name covers all below it); everything on all where this is None."""
        self.used, self.refused = Counter[str](), Counter[str]()
        """Permissions that calls needed and had, and needed and had not."""
        self.unknown_metrics = set[str]()
        """Metrics that this project does not know: asking for one is an error there."""
        self.odd: list[run_v2.Service] = []
        """Entries that every list ends with, however they look."""
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
        """Deploy a service with one revision, which takes the traffic; `history` and `traffic` count requests in flight.

        What `history` holds of the time before now fills Cloud Monitoring and the instances that are still warm; what it holds
        of the time from now on is played, and then `traffic`. `retention`: the least and most idle time an instance survives.
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
        driver.scaled(self.now_ms(), self.now_ms())
        found = self._hosted[service.name] = HostedService(service, driver, rng, seed, project, location)
        return found

    def has(self, permission: str, resource: str) -> bool:
        """Whether callers have `permission` on `resource`."""
        on = None if self.granted is None else self.granted.get(permission, set())
        covered = on is None or any(resource == name or resource.startswith(f"{name}/") for name in on)
        return covered and permission not in self.denied

    def may(self, permission: str, resource: str) -> bool:
        """Whether a call that needs `permission` on `resource` is allowed; it is counted."""
        allowed = self.has(permission, resource)
        (self.used if allowed else self.refused)[permission] += 1
        return allowed

    def now_ms(self) -> int:
        """The present, in milliseconds since the epoch."""
        return self.sandbox.now_ms()

    def find(self, name: str) -> HostedService | None:
        """By whole name, played up to the present."""
        found = self._hosted.get(name)
        if found is not None:
            found.driver.advance_to(self.now_ms())
        return found

    def within(self, parent: str) -> list[HostedService]:
        """All services of a project, or of a project and location, in the order of the API's lists."""
        return [found for name in sorted(self._hosted) if name.startswith(f"{parent}/") and (found := self.find(name))]

    def placement_ms(self, hosted: HostedService) -> int:
        """From a change of scaling to the first process that starts for it."""
        low, high = self.settings.placement_seconds
        return round(float(hosted.rng.uniform(low, high)) * 1000)

    def update(self, hosted: HostedService, made: run_v2.Service, by: str) -> None:
        """Accept an update: reconciling takes as long as placing instances, and for another revision as its start too."""
        now = self.now_ms()
        placed, service = now + self.placement_ms(hosted), hosted.service
        starts = any(_field(made, name) != _field(service.message, name) for name in ("template", "traffic"))
        ready = placed + hosted.driver.startup
        service.take(made, self.clock.now(), by, ready if starts else placed)
        if not hosted.service.fails_with:
            hosted.driver.scaled(now, ready)

    def wait_for_token(self, bucket: str, per_minute: int) -> float:
        """0 when a call is admitted, otherwise the seconds until one would be."""
        if bucket not in self._buckets:
            self._buckets[bucket] = TokenBucket(per_minute / 60, max(1.0, per_minute))
        return self._buckets[bucket].take(self.now_ms() / 1000)


def _field(message: run_v2.Service, name: str) -> object:
    value = getattr(run_v2.Service.pb(message), name)
    return list(value) if name == "traffic" else value


def _message(project: str, location: str, name: str, concurrency: int, cpu: str, memory: str,
             template: run_v2.RevisionTemplate | None) -> run_v2.Service:
    resources = {"limits": {"cpu": cpu, "memory": memory}, "cpu_idle": True}
    plain = {"containers": [{"image": f"europe-docker.pkg.dev/{project}/{name}", "resources": resources}],
             "max_instance_request_concurrency": concurrency}
    return run_v2.Service(
        name=f"projects/{project}/locations/{location}/services/{name}", template=plain if template is None else template,
        traffic=[{"type_": run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, "percent": 100}],
        generation=1, observed_generation=1, terminal_condition={"type_": "Ready", "state": SUCCEEDED},
    )


def _recorded(history: DemandSeries, end: int, concurrency: int, retention: timedelta, revision: str) -> MinuteTable:
    """What Cloud Monitoring recorded before `end`: requests, and the instances of `revision` that served them and then stayed for
    a while.
    """
    past = history.window(history.first_minute, max(history.first_minute, min(end, history.end_minute)))
    table, kept = MinuteTable(past.first_minute), math.ceil(retention.total_seconds() / 60)
    need = np.ceil(np.nan_to_num(past.peak) / concurrency)
    columns = zip(past.known, need, past.invocations, past.busy, past.peak, strict=True)
    for row, (known, active, invocations, busy, peak) in enumerate(columns):
        if not known:
            table.put(past.first_minute + row, {"dark": 1.0})
            continue
        alive = float(need[max(0, row - kept) : row + 1].max())
        values = counted(revision, float(active), alive - float(active)) if alive else {}
        if invocations > 0:
            values |= {"invocations": float(invocations), "busy": float(busy), "peak": float(peak)}
        table.put(past.first_minute + row, values)
    return table
