"""Planning of one pool: a pure function of its policy, its stored state and what was observed at an instant.

The first target is the proposal of the selector. Then each guardrail may change it and adds a reason. The result is a value: no
code here reads a clock, calls a provider or keeps state, so the daemon, the backtest and the tests share it.
"""

from datetime import datetime

from adapters.ports.lever import Capacity
from config.model.policy import PoolPolicy, schedule_bounds
from controller.decision.planning.external_capacity import with_remarks
from controller.decision.planning.observation import DataFreshness, DemandView, Observation
from controller.decision.planning.overrides import Kind, active
from controller.decision.planning.plan import (
    Action,
    Guardrail,
    GuardrailContext,
    Plan,
    PlanDraft,
    raised_by,
    unchanged,
    whole_units,
)
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.reasons import Reason, ReasonCode
from controller.decision.planning.state_transitions import STATE_STEPS, record_recommendation

MISSING_TEXT = {DataFreshness.FRESH: "there is no forecast yet", DataFreshness.LATE: "metrics are late",
                DataFreshness.BROKEN: "metrics are broken",
                DataFreshness.QUIET: "no metrics come, as where nothing runs", DataFreshness.NONE: "no metrics have come yet"}
"""Why there is no usable demand, as text."""


def make_plan(policy: PoolPolicy, state: PoolState, seen: Observation, guardrails: tuple[Guardrail, ...]) -> Plan:
    """Return the plan of one pool at `seen.now`. Never raises, for any observation; holds what is unknown."""
    for step in STATE_STEPS:
        state = step(state, seen)
    proposal, capacity = seen.demand.proposal, seen.capacity.reading
    if capacity is None:
        error = seen.capacity.error
        reason = (Reason(ReasonCode.NOT_READ, "its capacity has not been read yet") if error is None
                  else Reason(ReasonCode.CAPACITY_UNKNOWN, f"its capacity could not be read: {error}"))
        return Plan(policy.name, seen.now, Action.HOLD, state.written, None, None, proposal, (reason,), state, seen.fencing)
    context = GuardrailContext(policy, state, seen, capacity, *bounds_now(policy, seen.now))
    draft = initial_draft(context)
    for guardrail in guardrails:
        if draft.held:
            break
        draft = guardrail(draft, context)
    state, draft = record_recommendation(state, draft, context), with_remarks(draft, context)
    return Plan(policy.name, seen.now, action_of(draft, capacity), draft.target, capacity.requested, capacity.ready, proposal,
                draft.reasons, state, seen.fencing)


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
        text = f"{proposal.candidate} proposed no number: holding {requested}"
        return PlanDraft(requested).note(ReasonCode.INVALID_PROPOSAL, text)
    draft = PlanDraft(requested).note(ReasonCode.PROPOSED, f"{proposal.candidate} proposes {units}", units)
    if not proposal.trusted:
        text = "less than 24 h of demand are known: Stoker follows the recent maximum"
        draft = draft.note(ReasonCode.SHORT_HISTORY, text)
    return draft.note(ReasonCode.KEEP_ALIVE, demand.keep_alive_change) if demand.keep_alive_change else draft


def draft_on_exit(context: GuardrailContext, leaving: str) -> PlanDraft:
    """Return the draft for a shutdown: the units from before Stoker for `release` where they are known, else the floor."""
    original = context.state.original_requested
    if leaving == "release" and original is not None:
        target, text = original, f"the daemon stops: restoring the {original} units from before Stoker"
    else:
        target, text = context.floor, f"the daemon stops: the current floor is {context.floor}"
    return PlanDraft(context.requested).note(ReasonCode.ON_EXIT, text, target)


def draft_without_metrics(context: GuardrailContext) -> PlanDraft:
    """Return the draft while metrics are missing: hold, or follow the last forecast; not below current capacity or the floor."""
    demand, rule, requested = context.seen.demand, context.policy.on_missing_metrics, context.requested
    code, text = missing_reason(context.seen, context.policy)
    draft = PlanDraft(requested)
    if rule == "hold" and requested >= max(context.floor, raised_by(demand.announced, context)):
        if has_fixed_override(context):  # overrides apply also while metrics are missing
            return draft.note(code, f"{text}: {requested} units would be held")
        return draft.hold(requested, code, f"{text}: holding {requested}")
    wanted = context.floor
    if rule == "forecast" and demand.proposal is not None:
        wanted = max(wanted, whole_units(demand.proposal.target) or 0)
    return draft.note(code, f"{text}: not below {requested}, because on_missing_metrics is {rule}", max(requested, wanted))


def missing_reason(seen: Observation, policy: PoolPolicy) -> tuple[ReasonCode, str]:
    """Return why there is no usable demand: a reason code and its text."""
    demand, since = seen.demand, seen.demand.missing_since
    code, text = ReasonCode.METRICS_MISSING, f"{MISSING_TEXT[demand.freshness]}{age_of(demand)}"
    if demand.freshness is DataFreshness.QUIET:
        code, text = ReasonCode.QUIET_REGION, demand.quiet or text
    if since is not None and is_blind(policy, since, seen.now):
        minutes = (seen.now - since).total_seconds() / 60
        return ReasonCode.BLIND, f"metrics missing since {since:%Y-%m-%d %H:%M} UTC, for {minutes:.0f} min: {text}"
    return code, text


def age_of(demand: DemandView) -> str:
    """Return the age of the newest known minute, as the end of a sentence; empty where no minute is known."""
    if demand.data_age is None:
        return ""
    minutes = int(demand.data_age.total_seconds() // 60)
    return f", the newest is {minutes} min old" if minutes >= 0 else f", the newest is {-minutes} min ahead of our clock"


def is_blind(policy: PoolPolicy, missing_since: datetime | None, now: datetime) -> bool:
    """Return whether metrics have been missing for at least `missing_metrics_limit` of the policy."""
    return missing_since is not None and now - missing_since >= policy.missing_metrics_limit


def has_fixed_override(context: GuardrailContext) -> bool:
    """Return whether an override is in force that needs no demand: a pin, a prewarm or a pause."""
    return any(active(context.seen.overrides, kind, context.seen.now) for kind in (Kind.PIN, Kind.PREWARM, Kind.PAUSE))
