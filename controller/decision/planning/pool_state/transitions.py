"""Transitions of a pool's stored state by what is observed. Pure."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from controller.decision.planning.observation import Observation
from controller.decision.planning.plan import GuardrailContext, PlanDraft
from controller.decision.planning.pool_state.foreign_writes import detect_foreign_write
from controller.decision.planning.pool_state.metered_spend import meter_spend
from controller.decision.planning.pool_state.state import INSTANTS, PoolState
from controller.decision.planning.pool_state.unconfirmed_writes import resolve_intent
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.scale_in_guardrails import unbroken

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


def note_original_request(state: PoolState, seen: Observation) -> PoolState:
    """Return the state with the units requested now as the original ones, until Stoker has written."""
    capacity = seen.capacity.reading
    wrote = (state.written, state.intent, state.unconfirmed_writes) != (None, None, ())
    if wrote or capacity is None or state.original_requested == capacity.requested:
        return state
    return replace(state, original_requested=capacity.requested)


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
