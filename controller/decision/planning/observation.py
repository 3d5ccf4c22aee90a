"""What was observed of a pool. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.ports.errors import AdapterError, Limit
from adapters.ports.lever import Capacity
from controller.decision.planning.overrides import Override
from controller.decision.planning.reasons import ReasonCode

MOST_UNITS = 1_000_000
"""No provider sells more to one pool; an infinite forecast ends here before the ceiling cuts it."""


class DataFreshness(StrEnum):
    """How much is known of a pool's present demand."""

    FRESH = "fresh"
    LATE = "late"
    """Newest known minute is older than the source usually needs; no proof that telemetry is broken."""
    BROKEN = "broken"
    """The source failed, or its control query proves that telemetry is down."""
    QUIET = "quiet"
    """No point has come for a while, and nothing tells whether nothing happens or metrics are missing."""
    NONE = "none"
    """Nothing was ever known."""


class Traffic(StrEnum):
    """What is known of a pool's traffic: that there is some, that there is none, or why nothing is known."""

    LIVE = "live"
    NONE = "none"
    """Metrics come and say that nothing runs."""
    QUIET = "quiet"
    """No metrics come, as where nothing runs; nothing proves whether that is so."""
    LATE = "late"
    """Metrics have not come in time, or not yet at all; nothing proves that they are broken."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the chooser wants requested: `target` in units, any float whatever; `candidate` is the rule that won.

    `trusted` is False while history is too short to judge candidates by.
    """

    target: float
    candidate: str
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """What the whole fleet leaves to one pool in a tick: a target from `low` to `high`, and why; see
    `controller.decision.planning.fleet_limits`.
    """

    code: ReasonCode
    text: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class EventDemand:
    """What announced events make of the demand that a decision made now meets; `text` names them, with their numbers.

    `units`: at least so many are wanted; None where it is not known what is usual, or where demand is expected to be lower.
    Then `share` of what is proposed is enough, but no less than `justified`, what recent demand asks for.
    """

    text: str
    units: float | None = None
    share: float | None = None
    justified: float | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """All that is known of a pool at one tick. `allowed`: the most units the provider would accept, by `limit`."""

    now: datetime
    capacity: Capacity | None
    capacity_error: AdapterError | None = None
    proposal: Proposal | None = None
    freshness: DataFreshness = DataFreshness.FRESH
    data_age: timedelta | None = None
    settled: bool = True
    """False from a restart until history has been read anew: then nothing is lowered."""
    allowed: int | None = None
    billing_step: timedelta = timedelta(0)
    usd_per_unit_minute: float = 0.0
    overrides: tuple[Override, ...] = ()
    """What operators ordered for a while; those that have ended count for nothing."""
    bounds: tuple[Bound, ...] = ()
    """What the limits of the whole fleet leave; none while they do not bite."""
    leaving: str | None = None
    """The daemon ends, and this is what the policy's `on_exit` says: `release` or `floor`."""
    announced: EventDemand | None = None
    traffic: Traffic | None = None
    """For people; plans go by `freshness`."""
    missing_since: datetime | None = None
    """Since when metrics are missing; None while they are not."""
    standby: str | None = None
    """Why another daemon is to write and not this one; None where this one may, or where there is but one."""
    fencing: int | None = None
    """The number under which this daemon leads."""
    limit: Limit | None = None
    unknown_minutes: int = 0
    """Minutes of demand that should be known and are not, as far as they forbid to lower."""
    quiet: str = ""
    """Why nothing tells whether a silence is idleness or missing metrics."""
    keep_alive_change: str = ""
    """That another keep-alive has lately changed what is proposed, with both; empty where none has."""


@dataclass(frozen=True, slots=True)
class DemandView:
    """What the fleet knows of a pool's demand at a tick."""

    freshness: DataFreshness = DataFreshness.NONE
    data_age: timedelta | None = None
    proposal: Proposal | None = None
    settled: bool = False
    unknown_minutes: int = 0
    quiet: str = ""
    keep_alive_change: str = ""
    traffic: Traffic | None = None
    missing_since: datetime | None = None
    bounds: tuple[Bound, ...] = ()
    leaving: str | None = None
    announced: EventDemand | None = None


def is_stale(age: timedelta, limit: timedelta) -> bool:
    """Whether something is `limit` old or older. So is what is of an instant to come: the clock was put back since."""
    return not timedelta(0) <= age < limit


PATIENCE = timedelta(minutes=5)
"""Beyond the metric delay; older than that and demand is not seen any more."""
