"""The lever `cloud-run-min-instances`: the minimum instances of one Cloud Run service, set on the service.

A minimum on the service takes effect without a new revision, and warms only revisions with traffic. A minimum on a revision would
create a revision per change and keep every tagged revision warm. Each write increments the generation of the service, which makes
a concurrent deployment fail. So the service is written only when the number changes, never while Cloud Run reconciles it, and
not within `QUIET` after a change by another client.

A read makes 1 call (GetService), a write 2 (GetService, UpdateService). Instances are counted once for all pools of a project.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from adapters.gcp.monitoring.metric_reader import Place
from adapters.gcp.provider import Gcp
from adapters.gcp.run.instance_counts import SLOWLY, WATCHED
from adapters.gcp.run.instance_starts import InstanceStarts
from adapters.gcp.run.ready_instances import ReadyInstances
from adapters.gcp.run.revisions import PRICED
from adapters.gcp.run.services import Service
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.ports.errors import AdapterError, Conflict, QuotaExceeded, Unsupported
from adapters.ports.lever import Capacity, Phase, Traits
from config.model.policy import PoolPolicy

T = TypeVar("T")

QUIET = timedelta(minutes=5)
"""No write within this time after a change by another client: a deployment writes several times, and a write in between makes it
fail. After a change that removed Stoker's minimum, the lever waits only until it is complete.
"""

UNCOUNTED = timedelta(minutes=10)
"""Time after which a raised minimum counts as ready when instances cannot be counted."""

TYPICAL_LEAD_TIME = timedelta(minutes=2)
TYPICAL_START = timedelta(seconds=30)
"""Start time of one instance until it has been measured."""


class CloudRunMinInstances:
    """Lever that sets `scaling.min_instance_count` of a service."""

    kind = "cloud-run-min-instances"

    def __init__(self, pool: PoolPolicy, provider: Gcp) -> None:
        if not isinstance(pool.lever, CloudRunMinInstancesSettings):
            raise TypeError(f"pool {pool.name} has settings of another lever: {pool.lever.kind}")
        settings = pool.lever
        sessions = provider.sessions
        self._plane, self._clock = sessions.plane(settings.project, settings.location), sessions.clock
        self._instances = sessions.instances(settings.project)
        self._instances.services.add(settings.service)
        self._service, self._place = settings.service, Place(settings.location, settings.service)
        self.resource = self._plane.resource(settings.service)
        self._shared = None if pool.top is None else provider.pinged.of(pool)
        self._priced_by_policy = pool.prices is not None
        self._last: Service | None = None
        self._sent: int | None = None
        self._quiet_until: datetime | None = None
        self._changed_by = ""
        self._ready = 0
        self._ready_instances, self._starts = ReadyInstances(TYPICAL_START), InstanceStarts()

    async def read(self) -> Capacity:
        """Return the capacity. `ready` is what Cloud Monitoring counted 2 to 3 min ago; see `counted`."""
        service = await self._read_service()
        ready, note = await self._counted(service)
        return self._capacity(service, service.requested, ready, note)

    async def traits(self) -> Traits:
        """Return size, billing, start time and keep-alive of an instance, and the largest minimum."""
        service = await self._read_service()
        if service.unit.accelerator not in PRICED and not self._priced_by_policy:
            raise Unsupported(f"{self.resource} has the GPU {service.unit.accelerator}, whose price is unknown: set prices for "
                              "the pool in the policy")
        startup = await self._measured(self._instances.startup_seconds)
        keep_alive = await self._measured(self._instances.keep_alive)
        if startup is not None:
            self._ready_instances.start = timedelta(seconds=startup)
        unit = service.unit
        return Traits(unit.memory_mb, "x86_64", startup, allowed=service.largest_minimum or None, limit=service.limit,
                      typical_lead_time=TYPICAL_LEAD_TIME, vcpus=unit.vcpus, billing=unit.billing, keep_alive=keep_alive)

    async def _measured(self, measure: Callable[[Place], Awaitable[T | None]]) -> T | None:
        """Return a measurement of the service by Cloud Monitoring; None when it cannot be read."""
        try:
            return await measure(self._place)
        except AdapterError:
            return None

    async def write(self, target: int) -> Capacity:
        """Read the service, and write the minimum unless it is `target`. See the protocol for errors."""
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        service = await self._read_service(urgent=True)
        conflict = self._owner_conflict(service) or self._write_conflict(service)
        if conflict is not None:
            raise conflict
        if target > service.largest_minimum:
            raise QuotaExceeded(f"{self.resource}: a minimum of {target} has no effect beyond the maximum: "
                                f"{service.limit.sentence(service.largest_minimum)}", service.largest_minimum, service.limit)
        if target != service.requested or service.failure:
            self._sent = target
            sent_at = self._clock.now()
            await self._plane.set_minimum(self._service, target, service.etag, urgent=target > service.requested)
            self._ready_instances.set_minimum(target, sent_at)
        ready = self._ready = min(target, self._ready)
        phase = Phase.READY if ready >= target else Phase.IN_PROGRESS
        return self._noted(Capacity(target, ready, phase, self._clock.now(),
                                    detail=f"accepted, {ready} of {target} were ready before"))

    def counted(self) -> Mapping[int, int]:
        """See `adapters.ports.lever.CountsInstances`."""
        return self._ready_instances.by_minute(self._clock.now())

    def cold_starts(self) -> Mapping[int, tuple[int, int]]:
        """See `adapters.ports.lever.CountedColdStarts`."""
        return self._starts.cold_starts(self._ready_instances.highest_minimum)

    async def _note_starts(self, service: Service, counts: Mapping[int, int]) -> None:
        """Add started instances, if each start means a request that waited.

        This does not hold with several concurrent requests per instance, with minima of revisions, below a layer of pings, and
        during a deployment.
        """
        if self._shared is not None or service.requests_per_instance(1.0) > 1 or service.others or service.reconciling:
            return
        end, started = await self._instances.started(self._place)
        self._starts.add(counts, started, end)

    async def _read_service(self, *, urgent: bool = False) -> Service:
        """Read the service, and start the quiet time when another client has changed it since the last read."""
        service = await self._plane.get(self._service, urgent=urgent)
        before, self._last = self._last, service
        self._ready_instances.set_minimum(service.requested, self._clock.now())
        if before is None or service.generation == before.generation:
            return service
        removed_by_other = not service.requested and self._sent != 0 and bool(before.requested or self._sent)
        if removed_by_other:
            self._quiet_until = None
        elif service.other_settings != before.other_settings or service.requested not in (before.requested, self._sent):
            self._quiet_until, self._changed_by = self._clock.now() + QUIET, service.changed_by
        return service

    async def _counted(self, service: Service) -> tuple[int, str]:
        """Return the ready instances of the minimum, and a note when they could not be counted."""
        wanted = min(service.requested, service.largest_minimum)
        if not wanted:
            self._ready = 0
            return 0, ""
        try:
            fresh = WATCHED if self._ready < wanted else SLOWLY
            revisions = [name for name, _, _ in service.serving]
            counts = await self._instances.counted(self._place, revisions, fresh)
            self._ready_instances.add_counts(counts)
        except AdapterError as error:
            old = service.changed_at is None or self._clock.now() - service.changed_at > UNCOUNTED
            self._ready = wanted if old and not service.reconciling else min(self._ready, wanted)
            return self._ready, f"instances were not counted: {error}"
        with suppress(AdapterError):  # accounting then estimates cold starts by its formula
            await self._note_starts(service, counts)
        newest = self._ready_instances.newest(self._clock.now())
        self._ready = min(wanted, self._ready if newest is None else newest)
        return self._ready, ""

    def _capacity(self, service: Service, requested: int, ready: int, note: str) -> Capacity:
        owner = self._owner_conflict(service)
        ready_enough = ready >= min(requested, service.largest_minimum) and not service.reconciling
        phase = Phase.READY if ready_enough else Phase.IN_PROGRESS
        ours_failed = bool(service.failure) and not service.broken_deployment
        if ours_failed and not ready_enough:
            phase = Phase.FAILED
        return self._noted(Capacity(
            requested, ready, phase, self._clock.now(), changed_at=service.changed_at,
            foreign_owner=None if owner is None else _owner(service), blocked=self._write_conflict(service),
            detail="; ".join(filter(None, (note, self._described(service)))), others=service.others, others_by=service.others_by))

    def _noted(self, capacity: Capacity) -> Capacity:
        """Return `capacity`, known to the layer above if there is one."""
        return capacity if self._shared is None else self._shared.note_below(capacity)

    def _described(self, service: Service) -> str:
        notes = []
        if service.failure:
            notes.append(service.failure)
        if service.tagged:
            notes.append(f"{service.tagged} more are kept for tagged revisions without traffic")
        if service.requested > service.largest_minimum:
            notes.append(f"a maximum of {service.largest_minimum} limits the minimum")
        return "; ".join(notes)

    def _owner_conflict(self, service: Service) -> Conflict | None:
        """Return the conflict with manual scaling, under which a minimum has no effect, or with a multi-region service.

        A multi-region service is scaled for all its regions at once. None without either.
        """
        if service.manual is None and not service.regions:
            return None
        how = "set its scaling to automatic" if service.manual is not None else "set its minimum there"
        return Conflict(f"{self.resource} is governed by {_owner(service)}: {how}, or remove the pool from the policy")

    def _write_conflict(self, service: Service) -> AdapterError | None:
        """Return why the service must not be written now; None when it may be written."""
        now = self._clock.now()
        if service.reconciling:
            return service.change_in_progress(self.resource)
        if self._quiet_until is not None and now < self._quiet_until:
            until = f"{self._quiet_until:%H:%M:%S} UTC"
            return Conflict(f"{self.resource} was changed by {self._changed_by or 'an unknown client'} less than "
                            f"{QUIET.total_seconds() / 60:g} min ago: no write until {until}, so that a deployment in progress "
                            "does not fail")
        return None


def _owner(service: Service) -> str:
    """Return what governs the number of instances instead of the minimum."""
    if service.manual is not None:
        return f"manual scaling ({service.manual} instances)"
    return f"a multi-region service ({', '.join(service.regions)})"
