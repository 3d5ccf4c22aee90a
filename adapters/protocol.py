"""The two ports of Stoker: where demand is read, and how warm capacity is set.

Both are asynchronous, are handed everything they need by the registry, and speak only in the words of this module and of
`adapters.errors`. Neither retries: the next tick is the retry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from adapters.errors import AdapterError, Limit
from forecasting.demand import DemandSeries


class Phase(StrEnum):
    """Where a change of capacity stands."""

    READY = "ready"
    IN_PROGRESS = "in-progress"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the provider says of a pool's warm capacity at `observed_at`.

    `requested` and `ready` in units; `in_use` when the provider tells it. `foreign_owner` names another autoscaler that
    governs this resource; `blocked` says why a write would be refused or unwise now (deployment in progress, weighted
    alias); `changed_at` is when the provider last saw a change, whoever made it. `detail` is for people. `others`: units that
    a setting which is not the lever's keeps warm beyond `requested`, and `others_by` what that is, for people.
    `deletes_at_zero`: asking for 0 deletes the provider's setting.
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
    """How long units stayed warm after use, as observed of one pool.

    `typical`: half of them at least so long; None where only bounds of it are known, `low` and `high` (None: no such bound).
    `observations`: how many, and `source` of what, for people.
    """

    typical: timedelta | None
    low: timedelta | None
    high: timedelta | None
    observations: int
    source: str


@dataclass(frozen=True, slots=True)
class Traits:
    """What is true of a pool's resource; None where the provider does not tell or was not asked.

    `billing_step`: capacity is paid in steps of this span once raised. `allowed`: the most units the provider would
    accept now, and `limit` which of its limits says so. `vcpus` and `billing` where a unit is paid by processors and in one
    of several ways: the row of the price table. `keep_alive`: what was seen of how long units stay warm.
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


class Lever(Protocol):
    """Sets one pool's warm capacity. One instance serves one pool; instances may share a client and a rate limit.

    Every method raises `AdapterError` and nothing else for what happens outside the process, and returns within the
    timeouts that the registry configured. Cancelling a call is safe: a write then counts as outcome unknown.
    """

    kind: str

    async def read(self) -> Capacity:
        """The capacity as the provider knows it. `NotFound` when the resource (not the setting) is missing."""

    async def traits(self) -> Traits:
        """Facts on the resource; asked at start and then hourly."""

    async def write(self, target: int) -> Capacity:
        """Ask for `target` units (absolute, so repeating it is harmless) and return at once, mostly IN_PROGRESS.

        Changes only the one field that this lever owns. 0 gives the capacity back entirely. `Throttled`: not sent or not
        accepted, will be planned again. `OutcomeUnknown`: may have happened; the core reads before it writes again.
        `QuotaExceeded`, `Conflict`, `Unsupported`, `NotFound`, `PermissionDenied`: nothing was changed; the core holds.
        """


@runtime_checkable
class Resumes(Protocol):
    """What a lever also has whose number no provider keeps, and which must act for it all the time: it forgets with its process.

    A restart must neither change capacity nor pass for somebody else's change, so the number is handed back.
    """

    def resume(self, target: int) -> None:
        """Go on holding `target` units, which an earlier process was asked for. Called before anything else, and never for a
        pool in shadow; calls nobody by itself.
        """


@runtime_checkable
class Counted(Protocol):
    """What a lever also has whose provider counts units late: what was ready in minutes that have passed."""

    def counted(self) -> Mapping[int, int]:
        """Ready units of each recent minute (since the epoch, in order), which correct `Capacity.ready`. Makes no call to the
        provider. A minute that is not counted yet has the most likely number; empty where there is nothing to correct.
        """


@runtime_checkable
class CountedColdStarts(Protocol):
    """What a lever also has whose provider publishes how many units have started."""

    def cold_starts(self) -> Mapping[int, tuple[int, int]]:
        """The least and the most cold starts of each recent minute (since the epoch). Makes no call to the provider; minutes of
        which nothing is known are left out.
        """


class Order(NamedTuple):
    """From `at` on, capacity above `most` (1 or more) comes down to it, and capacity below `least` goes up to that."""

    at: datetime
    most: int
    least: int = 0


@runtime_checkable
class Decays(Protocol):
    """What a lever also has whose provider can be told ahead what to do with capacity, should nobody put it off."""

    async def arm(self, orders: Sequence[Order]) -> None:
        """All that is to be done, in order of time; another call before then takes this one's place. Changes no capacity by
        itself. Raises `AdapterError`: then any part may have been taken, and nothing comes earlier than was ordered before.
        """

    def forget(self) -> None:
        """What is ordered is not known any more, since another process ordered too; calls nobody."""

    async def disarm(self) -> None:
        """Take back what `arm` ordered, if anything. Raises `AdapterError`."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What one collection brought for one pool.

    `series` is unknown (NaN) wherever nothing is proved: an absent point is zero only where the source proves that telemetry
    was alive. A recorded row replaces what was known of its minute, its peak also by an unknown one. `error` says why there is
    nothing new. `alive`: True proved alive, False proved broken or late, None cannot tell. `duration_seconds`: mean duration of
    a request when the source has it. `absent`: rows of `series` that were asked for and have no point, so that what is known of
    them is inferred; None where every known row was observed. Where it is given, a row of which nothing is recorded takes a zero
    away that was inferred earlier. `quiet`: why it is unknown whether a silence is idleness or missing metrics, for people;
    empty where something does.
    """

    series: DemandSeries
    alive: bool | None = None
    error: AdapterError | None = None
    duration_seconds: float | None = None
    absent: NDArray[np.bool_] | None = None
    quiet: str = ""


@runtime_checkable
class Bills(Protocol):
    """What a demand source also has that counts what its readings cost."""

    @property
    def spent_usd(self) -> float:
        """What the readings of this process have cost at list price."""


class DemandSource(Protocol):
    """Reads the history of many pools at once. One instance serves all pools of one account and region."""

    kind: str

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Demand of each pool from its own `since` up to, not including, `until`, in as few calls as can be.

        Returns an entry for every pool asked for. One pool's failure is in its own entry's `error` and never raises;
        `AdapterError` raised means that nothing at all could be read.
        """

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """What reading `pools` pools every `interval` costs at the provider's list price."""
