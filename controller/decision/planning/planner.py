"""Planning of one pool: a pure function of its policy, its stored state and what was observed at an instant.

The first target is the proposal of the selector. Then each guardrail may change it and adds a reason. The result is a value: no
code here reads a clock, calls a provider or keeps state, so the daemon, the backtest and the tests share it.
"""

from datetime import datetime

from adapters.ports.lever import Capacity
from config.model.policy import PoolPolicy, schedule_bounds
from controller.decision.planning.capacity_of_others import with_remarks
from controller.decision.planning.missing_metrics import draft_without_metrics
from controller.decision.planning.observation import DataFreshness, Observation
from controller.decision.planning.plan import (
    Action,
    Guardrail,
    GuardrailContext,
    Plan,
    PlanDraft,
    unchanged,
    whole_units,
)
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.pool_state.transitions import STATE_STEPS, record_recommendation
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.decision.selection.weighting import ENOUGH

HOUR = 60


def make_plan(policy: PoolPolicy, state: PoolState, seen: Observation, guardrails: tuple[Guardrail, ...]) -> Plan:
    """Return the plan of one pool at `seen.now`. Never raises, for any observation; holds what is unknown."""
    for step in STATE_STEPS:
        state = step(state, seen)
    proposal, capacity = seen.demand.proposal, seen.capacity.reading
    if capacity is None:
        error = seen.capacity.error
        reason = (Reason(ReasonCode.NOT_READ, "its capacity has not been read yet") if error is None
                  else Reason(ReasonCode.CAPACITY_UNKNOWN, f"its capacity could not be read: {error}"))
        return Plan(policy.name, seen.now, Action.HOLD, state.written, None, None, proposal, (reason,), state, seen.fencing,
                    policy.mode)
    context = GuardrailContext(policy, state, seen, capacity, *bounds_now(policy, seen.now))
    draft = initial_draft(context)
    for guardrail in guardrails:
        if draft.held:
            break
        draft = guardrail(draft, context)
    state, draft = record_recommendation(state, draft, context), with_remarks(draft, context)
    return Plan(policy.name, seen.now, action_of(draft, capacity), draft.target, capacity.requested, capacity.ready, proposal,
                draft.reasons, state, seen.fencing, policy.mode)


def bounds_now(policy: PoolPolicy, now: datetime) -> tuple[int, int, str | None]:
    """Return the floor and the ceiling in force, and the name of the schedule that set one of them."""
    low, high, schedule = schedule_bounds(policy.schedules, now) if policy.schedules else (None, None, None)
    ceiling = policy.max if high is None else min(policy.max, high)
    return min(max(policy.min, low or 0), ceiling), ceiling, schedule


def action_of(draft: PlanDraft, capacity: Capacity) -> Action:
    """Return the action of a finished draft."""
    if draft.held:
        return Action.HOLD
    return Action.KEEP if unchanged(draft.target, capacity) else Action.WRITE


def initial_draft(context: GuardrailContext) -> PlanDraft:
    """Return the draft before guardrails: the proposal, or the target that `on_exit` or `on_missing_metrics` requires."""
    demand, requested = context.seen.demand, context.requested
    if context.seen.leaving is not None:
        return draft_on_exit(context, context.seen.leaving)
    proposal = demand.proposal
    if demand.freshness is not DataFreshness.FRESH or proposal is None:
        return draft_without_metrics(context)
    units = whole_units(proposal.target)
    if units is None:
        text = f"{proposal.candidate} proposed {proposal.target}, which is no number"
        return PlanDraft(requested).decide(requested, ReasonCode.INVALID_PROPOSAL, text)
    draft = PlanDraft(units, (Reason(ReasonCode.PROPOSED, proposal, requested, units),))
    if not proposal.trusted:
        known = "less than 24 h" if proposal.basis is None else f"{proposal.basis.known} min"
        text = f"{known} of demand are known, rules are compared from {ENOUGH // HOUR} h on"
        draft = draft.note(ReasonCode.SHORT_HISTORY, text)
    return draft.note(ReasonCode.KEEP_ALIVE, demand.keep_alive_change) if demand.keep_alive_change else draft


def draft_on_exit(context: GuardrailContext, leaving: str) -> PlanDraft:
    """Return the draft for a shutdown: the units from before Stoker for `release` where they are known, else the floor."""
    original = context.state.original_requested
    if leaving == "release" and original is not None:
        target, text = original, f"the daemon stops, on_exit: release restores the {original} units from before Stoker"
    else:
        target, text = context.floor, f"the daemon stops, on_exit: {leaving} requests the floor {context.floor}"
    return PlanDraft(context.requested).decide(target, ReasonCode.ON_EXIT, text)
