"""Whether a pool's scheduled fallback must be set, renewed or cancelled now. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adapters.ports.lever import Capacity
from config.model.policy import PoolPolicy
from controller.decision.planning.dead_man.schedule import floor_at
from controller.decision.planning.pool_state.state import PoolState


class FallbackAction(StrEnum):
    """Change to a scheduled fallback."""

    ARM = "arm"
    RENEW = "renew"
    DISARM = "disarm"


@dataclass(frozen=True, slots=True)
class FallbackInputs:
    """Facts about an active pool that decide on its fallback."""

    policy: PoolPolicy
    state: PoolState
    capacity: Capacity | None
    is_readable: bool = True
    """Whether the last reading of capacity succeeded."""
    has_override: bool = False
    was_sent: bool = True
    """Whether this process has set or cancelled the fallback before."""
    may_raise: bool = False
    """Whether the scheduled changes may raise capacity."""
    has_new_plan: bool = False
    """Whether a plan of the next hours is known, and only the floor is scheduled."""

    @property
    def is_managed(self) -> bool:
        """Whether the pool needs a fallback: its policy has `dead_man`, Stoker has set it, and no other party controls it."""
        owner = None if self.capacity is None else self.capacity.foreign_owner
        is_set_by_stoker = self.state.written is not None and self.state.foreign_since is None and owner is None
        return self.policy.dead_man is not None and is_set_by_stoker


def action_due(pool: FallbackInputs, now: datetime) -> FallbackAction | None:
    """Return the change that the fallback needs now; None where it needs none."""
    dead_man, scheduled = pool.policy.dead_man, pool.state.scheduled_fallback
    if dead_man is None or not pool.is_managed:  # a change scheduled before must not replace what another party set
        # An earlier process may have scheduled changes that a lost store does not contain.
        may_exist = dead_man is not None and not pool.was_sent and pool.capacity is not None
        return FallbackAction.DISARM if scheduled or pool.state.pending_fallback or may_exist else None
    if pool.may_raise and pool.has_override:
        return FallbackAction.RENEW
    if pool.capacity is None:
        return None
    if not scheduled:
        return FallbackAction.ARM if pool.is_readable else None  # an existing fallback is renewed also while readings fail
    (first, _), (last, floor) = scheduled[0], scheduled[-1]
    left, after = first - now, dead_man.after
    is_old = left <= after * 2 / 3 - spread(pool.policy.name, after)
    is_too_late = left > after  # `after` was longer in an earlier policy
    is_due = floor != floor_at(pool.policy, last) or pool.has_new_plan or is_old or is_too_late
    return FallbackAction.RENEW if is_due else None


def is_late(policy: PoolPolicy, state: PoolState, now: datetime) -> bool:
    """Return whether the fallback runs soon, long after it was due for renewal."""
    dead_man, scheduled = policy.dead_man, state.scheduled_fallback
    return dead_man is not None and bool(scheduled) and scheduled[0][0] - now < dead_man.after / 6


def spread(name: str, after: timedelta) -> timedelta:
    """Return up to a sixth of `after`: different for each pool and the same in every run."""
    return after / 6 * (int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) / 0xFFFFFFFF)
