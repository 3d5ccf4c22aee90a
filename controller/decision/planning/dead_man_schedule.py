"""What the provider is told to do with a pool should its daemon die, the plan of the next hours, then the floor; and what of it
may be in force. Pure.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.ports.lever import ScheduledChange
from config.model.policy import PoolPolicy
from controller.decision.planning.planner import bounds_now
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.state_transitions import CLOCKS_APART, UNCONFIRMED_FOR
from controller.decision.selection.scoring import QUARTER
from forecasting.demand import instant_of, minute_of

SLOT = timedelta(minutes=2 * QUARTER)
"""The plan is told in half hours, each by the most that is planned within it."""

STEADY = 0.1
"""A plan that has moved by no more of itself, or by a unit, has hardly moved."""

MOST_OPEN = 100
"""Of orders that were tried to give, so many are remembered: the first to come."""

Steps = Sequence[Sequence[int]]
"""(minutes since the epoch, units) each: the most planned within the quarter of an hour that begins there, in order."""


def scheduled_changes(policy: PoolPolicy, at: datetime, steps: Steps, most: int | None = None,
                      told: Sequence[tuple[datetime, int]] = ()) -> tuple[ScheduledChange, ...]:
    """From `at` on along `steps` for as long as the policy says and they reach, then to the floor for good; what does not change
    is not said again. `most`: never more than this, and nothing is raised; None: it is raised and lowered as planned. `told`: the
    instants and units that were ordered before, which stand where the plan has hardly moved: each change is a call.
    """
    if policy.dead_man is None:
        return ()
    orders: list[ScheduledChange] = []
    begin, last = at, at + policy.dead_man.follow
    while begin < last and (units := planned(steps, begin, after(begin))) is not None:
        before = next((each for since, each in reversed(told[:-1]) if since <= begin), units)
        if units and abs(before - units) <= max(1, units * STEADY):
            units = before
        low, high, _ = bounds_now(policy, begin)
        units = min(max(units, low), high if most is None else max(low, min(high, most)))  # a floor raises nothing, nor is it cut
        order = ScheduledChange(begin, max(1, units), 0 if most is not None else units)
        if not orders or orders[-1][1:] != order[1:]:
            orders.append(order)
        begin = after(begin)
    return (*orders, ScheduledChange(begin, floor_at(policy, begin)))


def floor_at(policy: PoolPolicy, at: datetime) -> int:
    """The floor in force at an instant; never nothing."""
    return max(1, bounds_now(policy, at)[0])


def after(at: datetime) -> datetime:
    """The beginning of the next half hour."""
    epoch = instant_of(0)
    return epoch + ((at - epoch) // SLOT + 1) * SLOT


def planned(steps: Steps, begin: datetime, end: datetime) -> int | None:
    """The most that is planned within [begin, end); None where the plan does not reach so far."""
    first, stop = minute_of(begin), minute_of(end)
    if not steps or not steps[0][0] <= first or steps[-1][0] + QUARTER < stop:
        return None
    return max(units for minute, units in steps if minute < stop and minute + QUARTER > first)


def with_pending(state: PoolState, orders: Sequence[ScheduledChange], now: datetime) -> PoolState:
    """Until it is known what the provider took, it may do what it was told before, or any of this."""
    since = unseen_since(state, now)
    tried = {(at, units) for at, units in state.pending_fallback if at > since}
    return replace(state, pending_fallback=tuple(sorted({*tried, *instants(orders)})[:MOST_OPEN]))


def with_confirmed(state: PoolState, orders: Sequence[ScheduledChange], now: datetime) -> PoolState:
    """It does this and nothing else. What it may have done and nobody has seen is doubted like a write without an answer."""
    before, since = (*state.scheduled_fallback, *state.pending_fallback), unseen_since(state, now)
    done = {(min(at, now), units) for at, units in before if since < at <= now + CLOCKS_APART}
    return replace(state, scheduled_fallback=instants(orders), pending_fallback=(),
                   unconfirmed_writes=(*state.unconfirmed_writes, *sorted(done)))


def unseen_since(state: PoolState, now: datetime) -> datetime:
    """What was done before this instant has been seen, or changes nothing any more."""
    doubted = now - UNCONFIRMED_FOR
    return doubted if state.written_at is None else max(doubted, state.written_at - CLOCKS_APART)


def instants(orders: Sequence[ScheduledChange]) -> tuple[tuple[datetime, int], ...]:
    """As the state of a pool has them."""
    return tuple((order.at, order.most) for order in orders)
