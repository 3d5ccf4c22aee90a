"""Cost of a pool's warm capacity in the current month, for its budget. Pure."""

from dataclasses import replace
from datetime import timedelta

from adapters.ports.lever import Capacity, Phase
from controller.decision.costs.billing_steps import change, rest
from controller.decision.planning.observation import Observation
from controller.decision.planning.pool_state.state import PoolState, Timed

MINUTE = timedelta(minutes=1)


def meter_spend(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with the cost of warm capacity since the last tick added to its month; unchanged without a price."""
    price, capacity = seen.capacity.usd_per_unit_minute, seen.capacity.reading
    if capacity is None or not price:
        return state
    month = f"{seen.now:%Y-%m}"
    spent = state.spent_usd if month == state.month else 0.0
    minutes, paid = unit_minutes(state, seen, capacity)
    return replace(state, month=month, spent_usd=max(0.0, spent + minutes * price), metered_at=seen.now, paid=paid)


def unit_minutes(state: PoolState, seen: Observation, capacity: Capacity) -> tuple[float, Timed]:
    """Return the unit-minutes paid since the last tick, and the units paid for now with their starts.

    Where billing has steps, units count from the request on. Removed units count to the end of their last step, and units that
    failed to allocate do not count.
    """
    since, step = state.metered_at or seen.now, seen.capacity.billing_step
    if not step:
        return metered_minutes(seen.now - since) * capacity.ready, ()
    failed, before = capacity.phase is Phase.FAILED, sum(units for _, units in state.paid)
    after = capacity.ready if failed else capacity.requested
    if after == before:
        return metered_minutes(seen.now - since) * before, state.paid
    known = (at for at in (capacity.changed_at, state.written_at) if at is not None and since <= at <= seen.now)
    at, paid = next(known, seen.now), list(state.paid)
    owed = sum(units * ((start - at if failed else rest(at - start, step)) / MINUTE)
               for start, units in change(paid, after, at))
    return metered_minutes(at - since) * before + metered_minutes(seen.now - at) * after + owed, tuple(paid)


def metered_minutes(span: timedelta) -> float:
    """Return the minutes of `span` that are metered, 0 to 60: a clock that was set back removes none, and a long absence counts
    for one hour.
    """
    return min(max(0.0, span / MINUTE), 60.0)
