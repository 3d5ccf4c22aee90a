"""The words of deciding: what was observed, what is remembered, what a plan is and why. Plans are made in `planning`. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.errors import AdapterError, Limit
from adapters.protocol import Capacity, Phase
from config.policy import PoolPolicy
from controller.overrides import Override

MOST_UNITS = 1_000_000
"""No provider sells more to one pool; an infinite forecast ends here before the ceiling cuts it."""

INSTANTS = ("written_at", "raised_at", "foreign_since", "metered_at")
"""The instants in a `PoolState`; none of them lies ahead."""

TIMED = ("wishes", "doubts", "decays", "telling", "paid")
"""Its lists of an instant and units each."""


class Action(StrEnum):
    """What a plan asks of the lever."""

    WRITE = "write"
    """Ask for the target."""
    KEEP = "keep"
    """What is requested already is the target."""
    HOLD = "hold"
    """Something forbids acting; what is there stays."""


class Sight(StrEnum):
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


class Code(StrEnum):
    """Every reason a plan can give. Fixed words: dashboards and alerts match on them."""

    PROPOSED = "proposed"
    SHORT_HISTORY = "short-history"
    KEEP_ALIVE = "keep-alive"
    INVALID_PROPOSAL = "invalid-proposal"
    METRICS_MISSING = "metrics-missing"
    BLIND = "blind"
    RESTARTED = "restarted"
    UNKNOWN_MINUTES = "unknown-minutes"
    QUIET_REGION = "quiet-region"
    EVENT = "event"
    BOOSTED = "boosted"
    PREWARMED = "prewarmed"
    PINNED = "pinned"
    PAUSED = "paused"
    STANDBY = "standby"
    SCHEDULE = "schedule"
    FLOOR = "floor"
    CEILING = "ceiling"
    STEP_LIMIT = "step-limit"
    SCALE_DOWN_DELAY = "scale-down-delay"
    BILLING_STEP = "billing-step"
    QUOTA = "quota"
    BUDGET = "budget"
    FLEET_BUDGET = "fleet-budget"
    FLEET_CHANGES = "fleet-changes"
    WRITE_TURN = "write-turn"
    NOT_READ = "not-read"
    CAPACITY_UNKNOWN = "capacity-unknown"
    FOREIGN_WRITE = "foreign-write"
    SETTING_GONE = "setting-gone"
    FOREIGN_OWNER = "foreign-owner"
    BLOCKED = "blocked"
    KEPT_BY_OTHERS = "kept-by-others"
    SETTING_KEPT = "setting-kept"
    DELETES_SETTING = "deletes-setting"
    ON_EXIT = "on-exit"
    ALLOCATION_FAILED = "allocation-failed"
    WRITE_FAILED = "write-failed"


@dataclass(frozen=True, slots=True)
class Reason:
    """A code with its numbers: the target before and after the step that gives it, and a sentence for people."""

    code: Code
    text: str
    before: int | None = None
    after: int | None = None


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
    """What the whole fleet leaves to one pool in a tick: a target from `low` to `high`, and why; see `controller.limiter`."""

    code: Code
    text: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Announced:
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
    sight: Sight = Sight.FRESH
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
    announced: Announced | None = None
    traffic: Traffic | None = None
    """For people; plans go by `sight`."""
    missing_since: datetime | None = None
    """Since when metrics are missing; None while they are not."""
    standby: str | None = None
    """Why another daemon is to write and not this one; None where this one may, or where there is but one."""
    fencing: int | None = None
    """The number under which this daemon leads."""
    limit: Limit | None = None
    unseen: int = 0
    """Minutes of demand that should be known and are not, as far as they forbid to lower."""
    quiet: str = ""
    """Why nothing tells whether a silence is idleness or missing metrics."""
    retimed: str = ""
    """That another keep-alive has lately changed what is proposed, with both; empty where none has."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """What must be remembered of a pool from tick to tick, over restarts too.

    `written`: what Stoker last asked for and the provider took. `intent`: a write whose outcome is not known; it is stored
    before the write is sent, so that a crash in flight is told from somebody else's change. `doubts`: intents that had not
    happened when they were looked for, and when that was: they may still, even after later writes, as nobody waits for an answer.
    """

    written: int | None = None
    written_at: datetime | None = None
    intent: int | None = None
    raised_at: datetime | None = None
    foreign_since: datetime | None = None
    foreign_requested: int | None = None
    wishes: tuple[tuple[datetime, int], ...] = ()
    """Recent targets before the scale-down delay, oldest first, no gap between them; kept only while that delay needs them."""
    month: str = ""
    spent_usd: float = 0.0
    metered_at: datetime | None = None
    doubts: tuple[tuple[datetime, int], ...] = ()
    found: int | None = None
    """What was requested before Stoker first wrote: what it goes back to when it is released."""
    decays: tuple[tuple[datetime, int], ...] = ()
    telling: tuple[tuple[datetime, int], ...] = ()
    """What the provider was told to go to and when, should nobody put it off, and what it was being told: see `last_orders`."""
    paid: tuple[tuple[datetime, int], ...] = ()
    """Since when units are paid for, and how many, the oldest first; where billing has steps."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of one tick for one pool. `target` is None only when capacity is unknown and is held."""

    pool: str
    at: datetime
    action: Action
    target: int | None
    requested: int | None
    ready: int | None
    proposal: Proposal | None
    reasons: tuple[Reason, ...]
    state: PoolState
    fencing: int | None = None
    """The number that a write carries; None where no lease is kept, and while another leads."""

    @property
    def text(self) -> str:
        """One sentence for people."""
        return "; ".join(reason.text for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan in the making, passed from guardrail to guardrail."""

    target: int
    reasons: tuple[Reason, ...] = ()
    held: bool = False

    def moved(self, target: int, code: Code, text: str) -> "Draft":
        """The same draft with another target and the reason for it; itself when nothing moves."""
        if target == self.target:
            return self
        return Draft(target, (*self.reasons, Reason(code, text, self.target, target)), self.held)

    def hold(self, requested: int, code: Code, text: str) -> "Draft":
        """Give up: what is there stays, whatever was wanted."""
        return Draft(requested, (*self.reasons, Reason(code, text, self.target, requested)), held=True)


@dataclass(frozen=True, slots=True)
class Context:
    """What a guardrail may look at. `schedule`: the name of the one that set the floor or the ceiling."""

    policy: PoolPolicy
    state: PoolState
    seen: Observation
    requested: int
    floor: int
    ceiling: int
    schedule: str | None = None


Guardrail = Callable[[Draft, Context], Draft]


def unchanged(target: int, capacity: Capacity) -> bool:
    """Whether there is nothing to send. What failed is asked for again with the same number, or it would stay failed for ever."""
    return target == capacity.requested and (capacity.phase is not Phase.FAILED or target == 0)


def whole_units(value: float) -> int | None:
    """`value` as a lawful number of units; None when it is no number at all."""
    if math.isnan(value):
        return None
    return math.ceil(min(max(value, 0.0), MOST_UNITS) - 1e-9)


def raised_by(event: Announced | None, context: Context) -> int:
    """Units that announced events ask for, within the ceiling; a size that is beyond it is no reason to go there."""
    units = None if event is None or event.units is None else whole_units(event.units)
    return min(units or 0, context.ceiling)


def accepted(state: PoolState, target: int, now: datetime) -> PoolState:
    """The state after the provider took a write of `target`."""
    raised_at = now if target > (state.written or 0) else state.raised_at
    return replace(state, written=target, written_at=now, intent=None, foreign_since=None, foreign_requested=None,
                   doubts=tuple(doubt for doubt in state.doubts if doubt[1] != target), raised_at=raised_at)
