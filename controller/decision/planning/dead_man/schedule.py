"""Changes that the provider makes to a pool if its daemon stops: the plan of the next hours, then the floor. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.ports.lever import ScheduledChange
from config.model.policy import PoolPolicy
from controller.decision.planning.planner import bounds_now
from controller.decision.planning.pool_state.foreign_writes import CLOCKS_APART
from controller.decision.planning.pool_state.state import PoolState, Timed
from controller.decision.planning.pool_state.unconfirmed_writes import UNCONFIRMED_FOR
from controller.decision.selection.scoring import QUARTER
from forecasting.demand import instant_of, minute_of

SLOT = timedelta(minutes=2 * QUARTER)
"""Length of a scheduled step, 30 min; a step has the maximum of the plan within it."""

STEADY = 0.1
"""Relative change of the plan, and at least one unit, up to which a scheduled change is kept."""

MOST_PENDING = 100
"""Most unconfirmed scheduled changes that are stored: the earliest ones."""

Steps = Sequence[Sequence[int]]
"""Minutes since the epoch with units, in order: the maximum planned within the quarter of an hour that starts there."""


def scheduled_changes(policy: PoolPolicy, at: datetime, steps: Steps, most: int | None = None,
                      scheduled: Sequence[tuple[datetime, int]] = ()) -> tuple[ScheduledChange, ...]:
    """Return the changes from `at` along `steps`, for as long as the policy's `follow` and the steps last, and then to the floor.
    Equal consecutive changes are merged.

    `most`: maximum units, and nothing is raised; None: capacity is raised and lowered as planned. `scheduled`: instants and units
    scheduled before, which are kept where the plan is nearly the same, because each change is a call.
    """
    if policy.dead_man is None:
        return ()
    changes: list[ScheduledChange] = []
    start, last = at, at + policy.dead_man.follow
    while start < last and (units := planned(steps, start, next_slot(start))) is not None:
        before = next((each for since, each in reversed(scheduled[:-1]) if since <= start), units)
        if units and abs(before - units) <= max(1, units * STEADY):
            units = before
        low, high, _ = bounds_now(policy, start)
        units = min(max(units, low), high if most is None else max(low, min(high, most)))  # `most` never cuts the floor
        change = ScheduledChange(start, max(1, units), 0 if most is not None else units)
        if not changes or changes[-1][1:] != change[1:]:
            changes.append(change)
        start = next_slot(start)
    return (*changes, ScheduledChange(start, floor_at(policy, start)))


def floor_at(policy: PoolPolicy, at: datetime) -> int:
    """Return the floor in force at an instant, at least 1."""
    return max(1, bounds_now(policy, at)[0])


def next_slot(at: datetime) -> datetime:
    """Return the start of the next slot."""
    epoch = instant_of(0)
    return epoch + ((at - epoch) // SLOT + 1) * SLOT


def planned(steps: Steps, start: datetime, end: datetime) -> int | None:
    """Return the maximum planned within [start, end); None where the plan does not cover it."""
    first, stop = minute_of(start), minute_of(end)
    if not steps or not steps[0][0] <= first or steps[-1][0] + QUARTER < stop:
        return None
    return max(units for minute, units in steps if minute < stop and minute + QUARTER > first)


def with_pending(state: PoolState, changes: Sequence[ScheduledChange], now: datetime) -> PoolState:
    """Return the state before `changes` are sent: until the answer, earlier changes or any of these may be in force."""
    since = unseen_since(state, now)
    pending = {(at, units) for at, units in state.pending_fallback if at > since}
    return replace(state, pending_fallback=tuple(sorted({*pending, *timed(changes)})[:MOST_PENDING]))


def with_confirmed(state: PoolState, changes: Sequence[ScheduledChange], now: datetime) -> PoolState:
    """Return the state after the provider accepted `changes`, which replace all earlier ones. Earlier changes that may have run
    and were not read yet count as unconfirmed writes.
    """
    before, since = (*state.scheduled_fallback, *state.pending_fallback), unseen_since(state, now)
    done = {(min(at, now), units) for at, units in before if since < at <= now + CLOCKS_APART}
    return replace(state, scheduled_fallback=timed(changes), pending_fallback=(),
                   unconfirmed_writes=(*state.unconfirmed_writes, *sorted(done)))


def unseen_since(state: PoolState, now: datetime) -> datetime:
    """Return the instant before which a scheduled change has been read or has no effect any more."""
    oldest = now - UNCONFIRMED_FOR
    return oldest if state.written_at is None else max(oldest, state.written_at - CLOCKS_APART)


def timed(changes: Sequence[ScheduledChange]) -> Timed:
    """Return the changes as a pool's state contains them."""
    return tuple((change.at, change.most) for change in changes)
