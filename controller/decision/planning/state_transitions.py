"""How the stored state of a pool follows from what is observed. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from adapters.ports.lever import Capacity, Phase
from controller.decision.costs.billing_steps import change, rest
from controller.decision.planning.observation import Observation
from controller.decision.planning.plan import GuardrailContext, PlanDraft
from controller.decision.planning.pool_state import PoolState, accepted
from controller.decision.planning.reasons import ReasonCode
from controller.decision.planning.scale_in_guardrails import unbroken

Timed = tuple[tuple[datetime, int], ...]
"""Instants, with units each."""

MINUTE = timedelta(minutes=1)

READ_AFTER_WRITE = timedelta(minutes=2)
"""A provider's read may lag behind its own write; for so long another value is not taken for somebody else's."""

UNCONFIRMED_FOR = timedelta(minutes=15)
"""So long after a write was looked for in vain it may still happen."""

CLOCKS_APART = timedelta(minutes=2)
"""So much earlier by our clock the provider may do what it was told to do at an instant."""

SLOWED = frozenset({ReasonCode.SCALE_DOWN_DELAY, ReasonCode.BILLING_STEP, ReasonCode.STEP_LIMIT, ReasonCode.FLEET_CHANGES,
                    ReasonCode.WRITE_TURN})
"""What only slows a fall: how far it would have gone without is what was wanted."""


def note_original_request(state: PoolState, capacity: Capacity | None) -> PoolState:
    """Remember what is there as long as Stoker has written nothing."""
    wrote = (state.written, state.intent, state.unconfirmed_writes) != (None, None, ())
    if wrote or capacity is None or state.original_requested == capacity.requested:
        return state
    return replace(state, original_requested=capacity.requested)


def resolve_intent(state: PoolState, capacity: Capacity | None, now: datetime) -> PoolState:
    """Read what became of writes whose outcome was not known: what the provider shows of them happened, even if late."""
    if capacity is None or (state.intent is None and not state.unconfirmed_writes):
        return state
    units, unconfirmed_writes = capacity.requested, tuple(doubt for doubt in state.unconfirmed_writes
                                                          if now - doubt[0] < UNCONFIRMED_FOR)
    late = units != state.written and units in {each for _, each in unconfirmed_writes}
    left = unconfirmed_writes if state.intent in (None, units) else (*unconfirmed_writes, (now, state.intent))
    open_still = replace(state, intent=None, unconfirmed_writes=left)
    if units != state.intent and not late:
        return open_still
    took = accepted(open_still, units, now)
    if units <= (state.written or 0):
        return took
    # The wish for it may have died with a daemon; that it was raised shows that there was one.
    return replace(took, recommendations=(*unbroken(state.recommendations, now), (now, units)))


def detect_foreign_write(state: PoolState, seen: Observation) -> PoolState:
    """Tell somebody else's change from our own: what is requested is not what the provider took from us."""
    capacity = seen.capacity
    if capacity is None or state.written is None or seen.standby is not None:  # the leader's writes are not foreign
        return state
    if capacity.requested == state.written:
        return state if state.foreign_since is None else replace(state, foreign_since=None, foreign_requested=None)
    since = (state.written_at or seen.now) - CLOCKS_APART  # what was to come before our last write did not change that one
    if capacity.requested in {units for at, units in (*state.scheduled_fallback, *state.pending_fallback)
                              if since <= at <= seen.now + CLOCKS_APART}:
        return accepted(state, capacity.requested, seen.now)
    if state.written_at is not None and seen.now - state.written_at < READ_AFTER_WRITE:
        return state
    if capacity.requested == state.foreign_requested:
        return state
    return replace(state, foreign_since=seen.now, foreign_requested=capacity.requested)


def record_recommendation(state: PoolState, draft: PlanDraft, context: GuardrailContext) -> PoolState:
    """Keep the wishes that the scale-down delay still looks back on, and the one before them: it proves how far they reach."""
    delay = context.policy.scale_down_delay
    if not delay:
        return state if not state.recommendations else replace(state, recommendations=())
    wished = draft.target
    for reason in draft.reasons:
        slowed = reason.code in SLOWED and (reason.before or 0) < (reason.after or 0)
        if (slowed or reason.code in (ReasonCode.PINNED, ReasonCode.PREWARMED, ReasonCode.STANDBY)) and reason.before is not None:
            wished = reason.before  # what a pin or a prewarming asks for is nobody's wish once it has ended
            break
    now = context.seen.now
    known = unbroken(state.recommendations, now)
    within = sum(at > now - delay for at, _ in known)
    return replace(state, recommendations=(*known[max(0, len(known) - within - 1):], (now, wished)))


def meter_spend(state: PoolState, seen: Observation) -> PoolState:
    """Add what warm capacity has cost since the last tick, month by month; only while a price is known."""
    if seen.capacity is None or not seen.usd_per_unit_minute:
        return state
    month = f"{seen.now:%Y-%m}"
    spent = state.spent_usd if month == state.month else 0.0
    minutes, paid = unit_minutes(state, seen, seen.capacity)
    spent = max(0.0, spent + minutes * seen.usd_per_unit_minute)
    return replace(state, month=month, spent_usd=spent, metered_at=seen.now, paid=paid)


def unit_minutes(state: PoolState, seen: Observation, capacity: Capacity) -> tuple[float, Timed]:
    """Unit-minutes that are paid for since the last tick, and since when units are. Where billing has steps that is from the
    request on, with the rest of the last step of units that were removed, and without units that failed to allocate.
    """
    since = state.metered_at or seen.now
    if not seen.billing_step:
        return passed(seen.now - since) * capacity.ready, ()
    failed, before = capacity.phase is Phase.FAILED, sum(units for _, units in state.paid)
    after = capacity.ready if failed else capacity.requested
    if after == before:
        return passed(seen.now - since) * before, state.paid
    known = (at for at in (capacity.changed_at, state.written_at) if at is not None and since <= at <= seen.now)
    at, layers = next(known, seen.now), list(state.paid)
    owed = sum(units * ((begun - at if failed else rest(at - begun, seen.billing_step)) / MINUTE)
               for begun, units in change(layers, after, at))
    return passed(at - since) * before + passed(seen.now - at) * after + owed, tuple(layers)


def passed(span: timedelta) -> float:
    """Minutes of `span` that are metered: a clock that was put back takes none away, and a long absence counts for an hour."""
    return min(max(0.0, span / MINUTE), 60.0)
