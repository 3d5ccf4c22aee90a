"""Ports of Stoker: `DemandSource` reads demand, `Lever` sets warm capacity.

Both are asynchronous, get their dependencies from the registry, and use only the types of this module and of
`adapters.ports.errors`.
Neither retries: the next tick is the retry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

from adapters.ports.errors import AdapterError, Limit


class Phase(StrEnum):
    """State of a capacity change."""

    READY = "ready"
    IN_PROGRESS = "in-progress"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Capacity:
    """Warm capacity of a pool that the provider reports at `observed_at`.

    `requested` and `ready` in units; `in_use` when the provider reports it. `foreign_owner` names another autoscaler of this
    resource; `blocked` is why a write would be refused or unsafe now (deployment in progress, weighted alias); `changed_at` is
    the time of the last change by anyone. `detail` is display text. `others`: units that another setting keeps warm in addition
    to `requested`, and `others_by` the display name of that setting. `deletes_at_zero`: a request for 0 deletes the provider's
    setting.
    """

    requested: int
    ready: int
    phase: Phase
    observed_at: datetime
    in_use: float | None = None
    changed_at: datetime | None = None
    foreign_owner: str | None = None
    blocked: AdapterError | None = None
    detail: str = ""
    others: int = 0
    others_by: str = ""
    deletes_at_zero: bool = False


@dataclass(frozen=True, slots=True)
class KeepAliveSeen:
    """Observed keep-alive of one pool's units after use.

    `typical`: the median; None when only its bounds `low` and `high` are known (None: no bound). `observations`: their number.
    `source`: what was observed, as display text.
    """

    typical: timedelta | None
    low: timedelta | None
    high: timedelta | None
    observations: int
    source: str


@dataclass(frozen=True, slots=True)
class Traits:
    """Properties of a pool's resource; None when the provider does not report one or was not asked.

    `billing_step`: raised capacity is billed in steps of this span. `allowed`: maximum units that the provider would accept
    now, and `limit` the limit that sets it. `vcpus` and `billing` select the row of the price table where a unit is billed by
    processors and in one of several ways. `keep_alive`: the observed keep-alive. `pinged_life`: how long units last that pings
    keep warm, as rounds show it.
    """

    memory_mb: int | None = None
    architecture: str | None = None
    init_seconds: float | None = None
    allowed: int | None = None
    billing_step: timedelta = timedelta(0)
    typical_lead_time: timedelta = timedelta(minutes=2)
    vcpus: float | None = None
    billing: str | None = None
    limit: Limit | None = None
    keep_alive: KeepAliveSeen | None = None
    pinged_life: timedelta | None = None


class Lever(Protocol):
    """Lever of one pool's warm capacity. Instances may share a client and a rate limit.

    For failures outside the process, every method raises only `AdapterError`, and returns within the timeouts that the registry
    configured. A call may be cancelled: the outcome of a cancelled write is unknown.
    """

    kind: str

    async def read(self) -> Capacity:
        """Return the capacity that the provider reports. Raise `NotFound` when the resource (not the setting) is missing."""

    async def traits(self) -> Traits:
        """Return the properties of the resource; called at start and then every hour."""

    async def write(self, target: int) -> Capacity:
        """Request `target` units (absolute, so the call is idempotent) and return immediately, usually with IN_PROGRESS.

        The call changes only the field that this lever owns. 0 releases all capacity. `Throttled`: not sent or not accepted; the
        core plans again. `OutcomeUnknown`: may have happened; the core reads before the next write.
        `QuotaExceeded`, `Conflict`, `Unsupported`, `NotFound`, `PermissionDenied`: nothing was changed; the core holds.
        """


@runtime_checkable
class ResumesTarget(Protocol):
    """Additional port of a lever whose target no provider stores, so that the target is lost when the process stops.

    A restart must not change capacity or count as a foreign write, so the core passes the last target back.
    """

    def resume(self, target: int) -> None:
        """Continue to hold `target` units, which an earlier process requested. Called before all other methods, and never for a
        pool in shadow. Makes no call to the provider.
        """


@runtime_checkable
class ResumesLife(Protocol):
    """Additional port of a lever that learns how long pinged units last (`Traits.pinged_life`)."""

    def resume_life(self, life: timedelta) -> None:
        """Continue with the life that an earlier process learned. Called before all other methods; calls no provider."""


@runtime_checkable
class CountsInstances(Protocol):
    """Additional port of a lever whose provider reports units late: the ready units of past minutes."""

    def counted(self) -> Mapping[int, int]:
        """Return the ready units of each recent minute (since the epoch, in order), which correct `Capacity.ready`. Makes no call
        to the provider. A minute that is not reported has the most likely number; empty when there is nothing to correct.
        """


@runtime_checkable
class CountedColdStarts(Protocol):
    """Additional port of a lever whose provider publishes the number of units that started."""

    def cold_starts(self) -> Mapping[int, tuple[int, int]]:
        """Return the minimum and maximum of cold starts of each recent minute (since the epoch). Makes no call to the provider;
        minutes without data are left out.
        """


@dataclass(frozen=True, slots=True)
class PingRounds:
    """Rounds of pings of one pool since the process started. `pause`: present pause between two rounds, and `hold` the time for
    which units hold a ping. `rounds`, `pings`: their numbers. `below_seconds`: time of pings on units of the layer below.
    `blackout_seconds`: time in which pings held all idle units at once; `blackout_requests`: the requests of users expected to
    have arrived in it, by the requests of each minute that is known; None if none is known.
    """

    pause: timedelta
    hold: timedelta
    rounds: int
    pings: int
    below_seconds: float
    blackout_seconds: float
    blackout_requests: float | None


class PingsSent(NamedTuple):
    """Pings of one minute, in which they started: their number, and their billed seconds of unit time, including those of the
    initialisation of units that they started.
    """

    pings: int
    seconds: float


@runtime_checkable
class CountsPings(Protocol):
    """Additional port of a lever that keeps units warm with pings, whose provider reports what it bills for each."""

    def pings_sent(self) -> tuple[int, Mapping[int, PingsSent]]:
        """Return the first minute (since the epoch) of which all pings are known, and the pings of each recent minute with any.
        Makes no call to the provider.
        """


@runtime_checkable
class MeasuresRounds(Protocol):
    """Additional port of a lever that keeps units warm with rounds of pings."""

    def rounds(self) -> PingRounds:
        """Return what the rounds measured. Makes no call to the provider."""


@runtime_checkable
class KeepsUnits(Protocol):
    """Additional port of a lever that keeps units warm itself, for as long as this process runs."""

    async def stop(self) -> None:
        """Keep no more units. The lever is not used after that."""


class ScheduledChange(NamedTuple):
    """At `at`, capacity above `most` (1 or more) is lowered to it and capacity below `least` is raised to it."""

    at: datetime
    most: int
    least: int = 0


@runtime_checkable
class SchedulesFallback(Protocol):
    """Additional port of a lever whose provider can schedule capacity changes, which run unless they are postponed."""

    async def arm(self, changes: Sequence[ScheduledChange]) -> None:
        """Schedule `changes`, in order of time; a later call replaces them. The call changes no capacity. Raise `AdapterError`:
        any part may then be scheduled, and no change runs earlier than scheduled before.
        """

    def forget(self) -> None:
        """Discard the known schedule, because another process may have changed it. Makes no call to the provider."""

    async def disarm(self) -> None:
        """Cancel what `arm` scheduled, if anything. Raise `AdapterError`."""
