"""The lever `cloud-run-min-instances`: the minimum instances of one Cloud Run service, at the service, and nothing else of it.

A minimum at the service takes effect without a new revision, and warms only revisions with traffic; one at a revision would make
a revision each time and keep every tagged revision warm. Every write bumps the version of the service, on which a deployment
made by others at the same moment fails: so the service is written only when the number changes, never while it is reconciled,
and not for a while after somebody else has changed it.

How many calls it makes: a reading is one (GetService), a write two (GetService, UpdateService); instances are counted once for
all pools of a project.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TypeVar

from adapters.gcp.monitoring.metric_reader import Place
from adapters.gcp.provider import Gcp
from adapters.gcp.run.instance_counts import SLOWLY, WATCHED
from adapters.gcp.run.instance_starts import Starts
from adapters.gcp.run.ready_instances import Floor
from adapters.gcp.run.revisions import PRICED
from adapters.gcp.run.services import Service
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.ports.errors import AdapterError, Conflict, QuotaExceeded, Unsupported
from adapters.ports.lever import Capacity, Phase, Traits
from config.model.policy import PoolPolicy

T = TypeVar("T")

QUIET = timedelta(minutes=5)
"""After somebody else's change: a deployment writes more than once, and each of ours in between would make it fail. A change that
took Stoker's minimum away is waited for until it is carried out, and no longer.
"""

UNCOUNTED = timedelta(minutes=10)
"""Without a count of instances a raise is taken for ready after so long."""

TYPICAL_LEAD_TIME = timedelta(minutes=2)
TYPICAL_START = timedelta(seconds=30)
"""Of one instance, until its starts have been measured."""

class CloudRunMinInstances:
    """Sets `scaling.min_instance_count` of a service."""

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
        self._priced_by_policy = pool.prices is not None
        self._last: Service | None = None
        self._sent: int | None = None
        self._quiet_until: datetime | None = None
        self._whose = ""
        self._ready = 0
        self._floor, self._starts = Floor(TYPICAL_START), Starts()

    async def read(self) -> Capacity:
        """One call mostly. `ready` is what Cloud Monitoring has counted, two or three minutes ago: see `counted`."""
        seen = await self._look()
        ready, note = await self._counted(seen)
        return self._capacity(seen, seen.requested, ready, note)

    async def traits(self) -> Traits:
        """Memory, processors and billing of an instance, how long it starts and stays idle, and the largest minimum."""
        seen = await self._look()
        if seen.unit.accelerator not in PRICED and not self._priced_by_policy:
            raise Unsupported(f"{self.resource} has the GPU {seen.unit.accelerator}, of which Stoker knows no price: give the "
                              "pool its own prices in the policy")
        startup = await self._measured(self._instances.startup_seconds)
        keep_alive = await self._measured(self._instances.keep_alive)
        if startup is not None:
            self._floor.start = timedelta(seconds=startup)
        return Traits(seen.unit.memory_mb, "x86_64", startup, allowed=seen.most or None, typical_lead_time=TYPICAL_LEAD_TIME,
                      vcpus=seen.unit.vcpus, billing=seen.unit.billing, limit=seen.limit, keep_alive=keep_alive)

    async def _measured(self, measure: Callable[[Place], Awaitable[T | None]]) -> T | None:
        """What Cloud Monitoring says of the service; None where it says nothing."""
        try:
            return await measure(self._place)
        except AdapterError:
            return None

    async def write(self, target: int) -> Capacity:
        """Look, then ask, unless what is asked for is there. See the protocol for what it raises."""
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        seen = await self._look(urgent=True)
        against = self._owned(seen) or self._objection(seen)
        if against is not None:
            raise against
        if target > seen.most:
            raise QuotaExceeded(f"{self.resource}: a minimum of {target} has no effect beyond the maximum: "
                                f"{seen.limit.sentence(seen.most)}", seen.most, seen.limit)
        if target != seen.requested or seen.failure:
            self._sent = target
            asked_at = self._clock.now()
            await self._plane.set_minimum(self._service, target, seen.etag, urgent=target > seen.requested)
            self._floor.ask(target, asked_at)
        ready = self._ready = min(target, self._ready)
        phase = Phase.READY if ready >= target else Phase.IN_PROGRESS
        return Capacity(target, ready, phase, self._clock.now(), detail=f"accepted, {ready} of {target} were ready before")

    def counted(self) -> Mapping[int, int]:
        """See `adapters.ports.lever.CountsInstances`."""
        return self._floor.by_minute(self._clock.now())

    def cold_starts(self) -> Mapping[int, tuple[int, int]]:
        """See `adapters.ports.lever.CountedColdStarts`."""
        return self._starts.cold(self._floor.most_asked)

    async def _note_starts(self, seen: Service, counts: Mapping[int, int]) -> None:
        """Count started instances where each stands for a request that waited; others keep none and no deployment starts any."""
        if seen.takes(1.0) > 1 or seen.others or seen.reconciling:
            return
        end, started = await self._instances.started(self._place)
        self._starts.note(counts, started, end)

    async def _look(self, *, urgent: bool = False) -> Service:
        """Read the service, and notice who has changed it since it was last read."""
        seen = await self._plane.get(self._service, urgent=urgent)
        was, self._last = self._last, seen
        self._floor.ask(seen.requested, self._clock.now())
        if was is None or seen.generation == was.generation:
            return seen
        gone = not seen.requested and self._sent != 0 and bool(was.requested or self._sent)  # by somebody else
        if gone:
            self._quiet_until = None
        elif seen.rest != was.rest or seen.requested not in (was.requested, self._sent):
            self._quiet_until, self._whose = self._clock.now() + QUIET, seen.changed_by
        return seen

    async def _counted(self, seen: Service) -> tuple[int, str]:
        """Ready instances of the minimum, and a word on them when they could not be counted."""
        wanted = min(seen.requested, seen.most)
        if not wanted:
            self._ready = 0
            return 0, ""
        try:
            fresh = WATCHED if self._ready < wanted else SLOWLY
            revisions = [name for name, _, _ in seen.serving]
            counts = await self._instances.counted(self._place, revisions, fresh)
            self._floor.note(counts)
        except AdapterError as error:
            old = seen.changed_at is None or self._clock.now() - seen.changed_at > UNCOUNTED
            self._ready = wanted if old and not seen.reconciling else min(self._ready, wanted)
            return self._ready, f"instances were not counted: {error}"
        with suppress(AdapterError):  # the accounts then count by their formula
            await self._note_starts(seen, counts)
        newest = self._floor.newest(self._clock.now())
        self._ready = min(wanted, self._ready if newest is None else newest)
        return self._ready, ""

    def _capacity(self, seen: Service, requested: int, ready: int, note: str) -> Capacity:
        owner = self._owned(seen)
        ready_enough = ready >= min(requested, seen.most) and not seen.reconciling
        phase = Phase.READY if ready_enough else Phase.IN_PROGRESS
        ours_failed = bool(seen.failure) and not seen.broken_deployment
        if ours_failed and not ready_enough:
            phase = Phase.FAILED
        return Capacity(requested, ready, phase, self._clock.now(), changed_at=seen.changed_at,
                        foreign_owner=None if owner is None else _owner(seen),
                        blocked=self._objection(seen), detail="; ".join(filter(None, (note, self._described(seen)))),
                        others=seen.others, others_by=seen.others_by)

    def _described(self, seen: Service) -> str:
        said = []
        if seen.failure:
            said.append(seen.failure)
        if seen.tagged:
            said.append(f"{seen.tagged} more are kept for tagged revisions without traffic")
        if seen.requested > seen.most:
            said.append(f"a maximum of {seen.most} cuts the minimum")
        return "; ".join(said)

    def _owned(self, seen: Service) -> Conflict | None:
        """Manual scaling sets the number of instances itself, and a minimum means nothing under it; a multi-region service is
        scaled for all its regions at once.
        """
        if seen.manual is None and not seen.regions:
            return None
        how = "set its scaling to automatic" if seen.manual is not None else "set its minimum there"
        return Conflict(f"{self.resource} is governed by {_owner(seen)}: {how}, or take the pool out of the policy")

    def _objection(self, seen: Service) -> AdapterError | None:
        """Why the service must not be written now."""
        now = self._clock.now()
        if seen.reconciling:
            return seen.objection(self.resource)
        if self._quiet_until is not None and now < self._quiet_until:
            until = f"{self._quiet_until:%H:%M:%S} UTC"
            return Conflict(f"{self.resource} was changed by {self._whose or 'somebody'} just now: it is left alone until "
                            f"{until}, so that no deployment under way fails on Stoker's write")
        return None


def _owner(seen: Service) -> str:
    """What else governs the number of instances."""
    if seen.manual is not None:
        return f"manual scaling ({seen.manual} instances)"
    return f"a multi-region service ({', '.join(seen.regions)})"
