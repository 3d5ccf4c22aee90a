"""What is stored of a pool from tick to tick. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

INSTANTS = ("written_at", "raised_at", "foreign_since", "metered_at")
"""The instants in a `PoolState`; none of them lies ahead."""

TIMED = ("recommendations", "unconfirmed_writes", "scheduled_fallback", "pending_fallback", "paid")
"""Its lists of an instant and units each."""


@dataclass(frozen=True, slots=True)
class PoolState:
    """State of a pool that is kept from tick to tick and over restarts.

    `written`: units that Stoker last requested and the provider accepted. `intent`: a write whose outcome is not known; it is
    stored before the write is sent, so that a crash before the answer differs from a change by another party.
    `unconfirmed_writes`: intents that a reading did not show, and when that was: they may still take effect, also after later
    writes.
    """

    written: int | None = None
    written_at: datetime | None = None
    intent: int | None = None
    raised_at: datetime | None = None
    foreign_since: datetime | None = None
    foreign_requested: int | None = None
    recommendations: tuple[tuple[datetime, int], ...] = ()
    """Recent targets before the scale-down delay, oldest first, no gap between them; kept only while that delay needs them."""
    month: str = ""
    spent_usd: float = 0.0
    metered_at: datetime | None = None
    unconfirmed_writes: tuple[tuple[datetime, int], ...] = ()
    original_requested: int | None = None
    """What was requested before Stoker first wrote: what it goes back to when it is released."""
    scheduled_fallback: tuple[tuple[datetime, int], ...] = ()
    pending_fallback: tuple[tuple[datetime, int], ...] = ()
    """Changes that the provider makes unless they are renewed, as confirmed and as last sent; see `dead_man_schedule`."""
    paid: tuple[tuple[datetime, int], ...] = ()
    """Since when units are paid for, and how many, the oldest first; where billing has steps."""


def accepted(state: PoolState, target: int, now: datetime) -> PoolState:
    """The state after the provider took a write of `target`."""
    raised_at = now if target > (state.written or 0) else state.raised_at
    return replace(state, written=target, written_at=now, intent=None, foreign_since=None, foreign_requested=None,
                   unconfirmed_writes=tuple(doubt for doubt in state.unconfirmed_writes if doubt[1] != target),
                   raised_at=raised_at)


def without_future_instants(state: PoolState, now: datetime) -> PoolState:
    """`state` without instants to come: the clock was put back since, and what holds for a while would hold longer by as much."""
    ahead: dict[str, Any] = {name: now for name in INSTANTS if (at := getattr(state, name)) and at > now}
    if state.recommendations and state.recommendations[-1][0] > now:
        wished = tuple(wish for wish in state.recommendations if wish[0] <= now)
        ahead["recommendations"] = (*wished, (now, max(units for at, units in state.recommendations if at > now)))
    if any(at > now for at, _ in state.unconfirmed_writes):
        ahead["unconfirmed_writes"] = tuple((min(at, now), units) for at, units in state.unconfirmed_writes)
    return replace(state, **ahead) if ahead else state
