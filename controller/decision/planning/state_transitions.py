"""Transitions of a pool's stored state by what is observed. Pure."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from adapters.ports.lever import Capacity, Phase
from controller.decision.costs.billing_steps import change, rest
from controller.decision.planning.observation import Observation
from controller.decision.planning.plan import GuardrailContext, PlanDraft
from controller.decision.planning.pool_state import INSTANTS, PoolState, Timed, accepted
from controller.decision.planning.reasons import ReasonCode
from controller.decision.planning.scale_in_guardrails import unbroken

MINUTE = timedelta(minutes=1)

READ_AFTER_WRITE = timedelta(minutes=2)
"""A reading may lag this long behind a write; within it, a different value does not count as a foreign write."""

UNCONFIRMED_FOR = timedelta(minutes=15)
"""A write that a reading did not show may still take effect this long after that reading."""

CLOCKS_APART = timedelta(minutes=2)
"""A scheduled change may take effect this much earlier by this daemon's clock."""

SLOWED = frozenset({ReasonCode.SCALE_DOWN_DELAY, ReasonCode.BILLING_STEP, ReasonCode.STEP_LIMIT, ReasonCode.FLEET_CHANGES,
                    ReasonCode.WRITE_TURN})
"""Reasons that only slow a decrease; the target before them is the recommendation."""


def without_future_instants(state: PoolState, seen: Observation) -> PoolState:
    """Return the state without instants after `seen.now`. Such instants mean that the clock was set back since, and each period
    that starts at one would last longer by the same amount.
    """
    now = seen.now
    changes: dict[str, Any] = {name: now for name in INSTANTS if (at := getattr(state, name)) and at > now}
    if state.recommendations and state.recommendations[-1][0] > now:
        past = tuple((at, units) for at, units in state.recommendations if at <= now)
        changes["recommendations"] = (*past, (now, max(units for at, units in state.recommendations if at > now)))
    if any(at > now for at, _ in state.unconfirmed_writes):
        changes["unconfirmed_writes"] = tuple((min(at, now), units) for at, units in state.unconfirmed_writes)
    return replace(state, **changes) if changes else state


def resolve_intent(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with the outcome of unconfirmed writes: a write that the reading shows has happened, even if late."""
    capacity, now = seen.capacity.reading, seen.now
    if capacity is None or (state.intent is None and not state.unconfirmed_writes):
        return state
    shown = capacity.requested
    unconfirmed = tuple((at, units) for at, units in state.unconfirmed_writes if now - at < UNCONFIRMED_FOR)
    is_late = shown != state.written and shown in {units for _, units in unconfirmed}
    if state.intent not in (None, shown):
        unconfirmed = (*unconfirmed, (now, state.intent))
    without_intent = replace(state, intent=None, unconfirmed_writes=unconfirmed)
    if shown != state.intent and not is_late:
        return without_intent
    after = accepted(without_intent, shown, now)
    if shown <= (state.written or 0):
        return after
    # The recommendation for this raise may have been lost in a crash; the raise proves that there was one.
    return replace(after, recommendations=(*unbroken(state.recommendations, now), (now, shown)))


def note_original_request(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with the units requested now as the original ones, until Stoker has written."""
    capacity = seen.capacity.reading
    wrote = (state.written, state.intent, state.unconfirmed_writes) != (None, None, ())
    if wrote or capacity is None or state.original_requested == capacity.requested:
        return state
    return replace(state, original_requested=capacity.requested)


def meter_spend(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with the cost of warm capacity since the last tick added to its month; unchanged without a price."""
    price, capacity = seen.capacity.usd_per_unit_minute, seen.capacity.reading
    if capacity is None or not price:
        return state
    month = f"{seen.now:%Y-%m}"
    spent = state.spent_usd if month == state.month else 0.0
    minutes, paid = unit_minutes(state, seen, capacity)
    return replace(state, month=month, spent_usd=max(0.0, spent + minutes * price), metered_at=seen.now, paid=paid)


def detect_foreign_write(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with a foreign write noted: the provider shows a value that it did not accept from Stoker."""
    capacity = seen.capacity.reading
    if capacity is None or state.written is None or seen.standby is not None:  # the leader's writes are not foreign
        return state
    if capacity.requested == state.written:
        return state if state.foreign_since is None else replace(state, foreign_since=None, foreign_requested=None)
    since = (state.written_at or seen.now) - CLOCKS_APART  # a change scheduled before the last write was replaced by it
    if capacity.requested in {units for at, units in (*state.scheduled_fallback, *state.pending_fallback)
                              if since <= at <= seen.now + CLOCKS_APART}:
        return accepted(state, capacity.requested, seen.now)
    if state.written_at is not None and seen.now - state.written_at < READ_AFTER_WRITE:
        return state
    if capacity.requested == state.foreign_requested:
        return state
    return replace(state, foreign_since=seen.now, foreign_requested=capacity.requested)


StateStep = Callable[[PoolState, Observation], PoolState]

STATE_STEPS: tuple[StateStep, ...] = (
    without_future_instants,
    resolve_intent,
    note_original_request,  # after expired unconfirmed writes are removed: the others count as writes
    meter_spend,  # before `written_at` may be moved by a scheduled change
    detect_foreign_write,  # after the intent is resolved: a late write of our own is not foreign
)
"""Transitions from the stored state to the state at a plan, in this order."""


def record_recommendation(state: PoolState, draft: PlanDraft, context: GuardrailContext) -> PoolState:
    """Return the state with the draft's recommendation added. Keeps those within the scale-down delay, and the one before them:
    it proves that the whole delay is covered.
    """
    delay = context.policy.scale_down_delay
    if not delay:
        return state if not state.recommendations else replace(state, recommendations=())
    recommended = draft.target
    for reason in draft.reasons:
        slowed = reason.code in SLOWED and (reason.before or 0) < (reason.after or 0)
        if (slowed or reason.code in (ReasonCode.PINNED, ReasonCode.PREWARMED, ReasonCode.STANDBY)) and reason.before is not None:
            recommended = reason.before  # a pin or a prewarm has no effect after its end
            break
    now = context.seen.now
    known = unbroken(state.recommendations, now)
    within = sum(at > now - delay for at, _ in known)
    return replace(state, recommendations=(*known[max(0, len(known) - within - 1):], (now, recommended)))


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
