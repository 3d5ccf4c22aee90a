"""Observation of a pool at one tick: the input of a plan. Pure."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.ports.errors import AdapterError, Limit
from adapters.ports.lever import Capacity
from controller.decision.planning.overrides_in_force import Override
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.selection.choice_inputs import LazyBasis
from controller.decision.selection.layers.top_basis import PingBasis
from controller.decision.selection.rule_values import ProposalBasis

MOST_UNITS = 1_000_000
"""Upper limit of a target before the ceiling applies, for forecasts that are infinite. No provider sells more to one pool."""

SHARES = frozenset({ReasonCode.FLEET_BUDGET, ReasonCode.BUDGET, ReasonCode.CEILING})
"""Codes of a `Bound` that is a share in a limit."""

PATIENCE = timedelta(minutes=5)
"""Time beyond the metric delay after which the newest known demand is out of date."""


class DataFreshness(StrEnum):
    """State of a pool's demand data."""

    FRESH = "fresh"
    LATE = "late"
    """The newest known minute is older than usual for the source. This does not prove that telemetry is broken."""
    BROKEN = "broken"
    """The source failed, or its control query proves that telemetry is down."""
    QUIET = "quiet"
    """No point has come for a while, and it is unknown whether the pool is idle or metrics are missing."""
    NONE = "none"
    """No demand has ever been known."""


class Traffic(StrEnum):
    """What is known of a pool's traffic, for display."""

    LIVE = "live"
    NONE = "none"
    """Metrics arrive and show no traffic."""
    QUIET = "quiet"
    """No metrics arrive; it is unknown whether the pool is idle."""
    LATE = "late"
    """Metrics are late or have not arrived yet; this does not prove that they are broken."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Units that the selector proposes to request: `target` may be any float; `candidate` names the rule.

    `trusted` is False while history is too short to score candidates. `basis`: the values and weights of the rules; None for a
    proposal of an earlier run.
    """

    target: float
    candidate: str
    trusted: bool = True
    basis: LazyBasis | ProposalBasis | PingBasis | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        """Return the proposal with its numbers. They are read only when they are shown: a tick plans all pools."""
        return f"{self.candidate}: {self.target:g}" if self.basis is None else self.basis.headline.text


@dataclass(frozen=True, slots=True)
class Bound:
    """Limit of the fleet on one pool in a tick: the target must be from `low` to `high`. `text` is the reason; see
    `controller.decision.planning.fleet_limits`.
    """

    code: ReasonCode
    text: str
    low: int
    high: int

    @property
    def is_share(self) -> bool:
        """Whether it is the share in a limit, which lowers a target at once. The others are about the turn of a change."""
        return self.code in SHARES


@dataclass(frozen=True, slots=True)
class EventDemand:
    """Demand that announced events add to or remove from what a decision made now meets; `text` names them with their numbers.

    `units`: the minimum to request; None where the baseline is unknown or demand is expected to fall. In the latter case `share`
    of the proposal is enough, but not less than `justified`, the units that recent demand requires.
    """

    text: str
    units: float | None = None
    share: float | None = None
    justified: float | None = None


@dataclass(frozen=True, slots=True)
class DemandView:
    """A pool's demand as the daemon knows it at a tick."""

    freshness: DataFreshness
    settled: bool
    """False from a start until demand has been read in this run: until then no plan lowers the target."""
    data_age: timedelta | None = None
    proposal: Proposal | None = None
    unknown_minutes: int = 0
    """Overdue minutes of demand that prevent a decrease."""
    quiet: str = ""
    """Why it is unknown whether missing data means idleness; empty where that is known."""
    keep_alive_change: str = ""
    """Old and new keep-alive, if a recent change altered the proposal; else empty."""
    traffic: Traffic | None = None
    """For display; plans depend on `freshness`."""
    missing_since: datetime | None = None
    """Start of the current outage of metrics; None while metrics arrive."""
    announced: EventDemand | None = None
    in_flight: int | None = None
    """Maximum of reported requests in flight in the current minute so far; None where the source gets no reports."""


NO_DEMAND = DemandView(DataFreshness.NONE, settled=False)
"""For plans that do not depend on demand."""


@dataclass(frozen=True, slots=True)
class CapacityView:
    """A pool's capacity as last read from its provider, with limits and prices. `reading` is None while unknown."""

    reading: Capacity | None = None
    error: AdapterError | None = None
    """Why capacity is unknown."""
    allowed: int | None = None
    """Most units that the provider accepts, because of `limit`."""
    limit: Limit | None = None
    billing_step: timedelta = timedelta(0)
    usd_per_unit_minute: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """Input of one plan: demand, capacity, overrides, and limits at `now`."""

    now: datetime
    demand: DemandView
    capacity: CapacityView
    overrides: tuple[Override, ...] = ()
    """Overrides of operators; expired ones have no effect."""
    bounds: tuple[Bound, ...] = ()
    """Limits of the whole fleet; empty while they do not restrict this pool."""
    leaving: str | None = None
    """`release` or `floor` while the daemon shuts down, as `on_exit` of the policy says; else None."""
    standby: str | None = None
    """Why this daemon must not write, where another may; None where this one may or no lease is configured."""
    fencing: int | None = None
    """Fencing number of this daemon's lease."""


def is_stale(age: timedelta, limit: timedelta) -> bool:
    """Check whether `age` is at least `limit`. A negative age also counts as stale: the clock was set back since."""
    return not timedelta(0) <= age < limit
