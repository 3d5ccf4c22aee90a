"""State of a pool that is stored from tick to tick. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from config.model.policy import PoolPolicy
from controller.decision.planning.observation import is_stale

METER_EVERY = timedelta(minutes=15)
"""Interval at which the money spent is stored when nothing else changes: a crash loses at most this much of it."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

INSTANTS = ("written_at", "raised_at", "foreign_since", "metered_at")
"""Fields of a `PoolState` that hold an instant; a plan sets none later than its own time."""

TIMED = ("recommendations", "unconfirmed_writes", "scheduled_fallback", "pending_fallback", "paid")
"""Fields of a `PoolState` that hold a list of instants with units."""

Timed = tuple[tuple[datetime, int], ...]
"""Instants, each with units."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """State of a pool, kept from tick to tick and over restarts."""

    written: int | None = None
    """Units that Stoker last requested and the provider accepted."""
    written_at: datetime | None = None
    intent: int | None = None
    """Units of a write whose outcome is unknown. It is stored before the write is sent, so that a crash before the answer differs
    from a change by another party.
    """
    raised_at: datetime | None = None
    foreign_since: datetime | None = None
    foreign_requested: int | None = None
    recommendations: Timed = ()
    """Recent targets before the scale-down delay, oldest first, without gaps; kept only while that delay needs them."""
    month: str = ""
    spent_usd: float = 0.0
    metered_at: datetime | None = None
    unconfirmed_writes: Timed = ()
    """Intents that a reading did not show, with the time of that reading. They may still take effect, also after later writes."""
    original_requested: int | None = None
    """Units requested before Stoker first wrote; `on_exit: release` restores them."""
    scheduled_fallback: Timed = ()
    pending_fallback: Timed = ()
    """Changes that the provider makes unless they are renewed, as confirmed and as last sent; see `dead_man.schedule`."""
    paid: Timed = ()
    """Units that are paid for, each with its start, oldest first; where billing has steps."""

    @property
    def units_to_resume(self) -> int:
        """Units with which a process continues that keeps them itself: the larger of the last accepted write and of a write whose
        outcome is unknown. A decrease that was not confirmed waits for the next plan.
        """
        return max(self.written or 0, self.intent or 0)


def accepted(state: PoolState, target: int, now: datetime) -> PoolState:
    """Return the state after the provider accepted a write of `target`."""
    raised_at = now if target > (state.written or 0) else state.raised_at
    return replace(state, written=target, written_at=now, intent=None, foreign_since=None, foreign_requested=None,
                   unconfirmed_writes=tuple((at, units) for at, units in state.unconfirmed_writes if units != target),
                   raised_at=raised_at)


def must_store(state: PoolState, stored: PoolState) -> bool:
    """Return whether `state` must replace the stored one now: not each minute for spending and recommendations alone."""
    same = replace(state, spent_usd=stored.spent_usd, metered_at=stored.metered_at, recommendations=stored.recommendations)
    metered = state.metered_at is not None and is_stale(state.metered_at - (stored.metered_at or LONG_AGO), METER_EVERY)
    return same != stored or metered


SHADOW = " (shadow)"
"""End of the key of a state in shadow mode."""


def state_key(policy: PoolPolicy) -> str:
    """Return the key of a pool's stored state. Shadow has its own: its writes must not count as real ones in active mode."""
    return policy.name if policy.mode == "active" else f"{policy.name}{SHADOW}"
