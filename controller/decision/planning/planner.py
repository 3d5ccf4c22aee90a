"""What Stoker wants of one pool, and why: a pure function of what was observed, the pool's state, its policy and the instant.

The target is first what the proposer proposes; then each guardrail may alter it and must say so. The result is a value:
nothing here reads a clock, calls a provider or remembers anything, so the daemon, the backtest and the tests share it.
"""

from datetime import datetime

from adapters.ports.lever import Capacity
from config.model.policy import PoolPolicy, schedule_bounds
from controller.decision.planning.external_capacity import remarked
from controller.decision.planning.observation import DataFreshness, Observation
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
from controller.decision.planning.pool_state import PoolState, without_future_instants
from controller.decision.planning.reasons import Reason, ReasonCode
from controller.decision.planning.state_transitions import (
    detect_foreign_write,
    meter_spend,
    note_original_request,
    record_recommendation,
    resolve_intent,
)

UNSEEN = {DataFreshness.FRESH: "there is no forecast yet", DataFreshness.LATE: "metrics are late",
          DataFreshness.BROKEN: "metrics are broken",
          DataFreshness.QUIET: "no metrics come, as where nothing runs", DataFreshness.NONE: "no metrics have come yet"}
"""Why demand cannot be planned by, in words."""


def make_plan(policy: PoolPolicy, state: PoolState, seen: Observation, guardrails: tuple[Guardrail, ...]) -> Plan:
    """Decide one pool at `seen.now`. Never raises for any observation; what it cannot know it holds."""
    capacity = seen.capacity
    state = note_original_request(resolve_intent(without_future_instants(state, seen.now), capacity, seen.now), capacity)
    state = detect_foreign_write(meter_spend(state, seen), seen)
    if capacity is None:
        error = seen.capacity_error
        reason = (Reason(ReasonCode.NOT_READ, "its capacity has not been read yet") if error is None
                  else Reason(ReasonCode.CAPACITY_UNKNOWN, f"its capacity could not be read: {error}"))
        return Plan(policy.name, seen.now, Action.HOLD, state.written, None, None, seen.proposal, (reason,), state, seen.fencing)
    floor, ceiling, schedule = bounds_now(policy, seen.now)
    context = GuardrailContext(policy, state, seen, capacity.requested, floor, ceiling, schedule)
    draft = initial_draft(context)
    for guardrail in guardrails:
        if draft.held:
            break
        draft = guardrail(draft, context)
    state, draft = record_recommendation(state, draft, context), remarked(draft, context)
    return Plan(policy.name, seen.now, action_of(draft, capacity), draft.target, capacity.requested, capacity.ready,
                seen.proposal, draft.reasons, state, seen.fencing)


def bounds_now(policy: PoolPolicy, now: datetime) -> tuple[int, int, str | None]:
    """Floor and ceiling in force, and the schedule that set one of them."""
    low, high, schedule = schedule_bounds(policy.schedules, now) if policy.schedules else (None, None, None)
    ceiling = policy.max if high is None else min(policy.max, high)
    return min(max(policy.min, low or 0), ceiling), ceiling, schedule


def action_of(draft: PlanDraft, capacity: Capacity) -> Action:
    """What a finished draft asks of the lever."""
    if draft.held:
        return Action.HOLD
    return Action.KEEP if unchanged(draft.target, capacity) else Action.WRITE


def initial_draft(context: GuardrailContext) -> PlanDraft:
    """The first draft: the proposal, or what the policy says of missing metrics."""
    seen, requested = context.seen, context.requested
    if seen.leaving is not None:
        return draft_on_exit(context, seen.leaving)
    if seen.freshness is not DataFreshness.FRESH or seen.proposal is None:
        return draft_without_metrics(context)
    units = whole_units(seen.proposal.target)
    if units is None:
        text = f"{seen.proposal.candidate} proposed no number: holding {requested}"
        return PlanDraft(requested, (Reason(ReasonCode.INVALID_PROPOSAL, text, requested, requested),))
    text = f"{seen.proposal.candidate} proposes {units}"
    reasons: tuple[Reason, ...] = (Reason(ReasonCode.PROPOSED, text, requested, units),)
    if not seen.proposal.trusted:
        text = "less than 24 h of demand are known: Stoker follows the recent maximum"
        reasons += (Reason(ReasonCode.SHORT_HISTORY, text, units, units),)
    if seen.keep_alive_change:
        reasons += (Reason(ReasonCode.KEEP_ALIVE, seen.keep_alive_change, units, units),)
    return PlanDraft(units, reasons)


def draft_on_exit(context: GuardrailContext, leaving: str) -> PlanDraft:
    """What the daemon leaves behind: what was there before Stoker, or the floor, also where the former is not known."""
    found = context.state.original_requested
    if leaving == "release" and found is not None:
        target, text = found, f"the daemon stops: restoring the {found} units from before Stoker"
    else:
        target, text = context.floor, f"the daemon stops: the current floor is {context.floor}"
    return PlanDraft(target, (Reason(ReasonCode.ON_EXIT, text, context.requested, target),))


def draft_without_metrics(context: GuardrailContext) -> PlanDraft:
    """Metrics are missing: hold, or follow the last forecast; never below what is there, nor below the floor."""
    seen, requested = context.seen, context.requested
    text, code = f"{UNSEEN[seen.freshness]}{age_of(seen)}", ReasonCode.METRICS_MISSING
    if seen.freshness is DataFreshness.QUIET:
        text, code = seen.quiet or text, ReasonCode.QUIET_REGION
    if is_blind(context.policy, seen.missing_since, seen.now) and seen.missing_since is not None:
        minutes = (seen.now - seen.missing_since).total_seconds() / 60
        text = f"metrics missing since {seen.missing_since:%Y-%m-%d %H:%M} UTC, for {minutes:.0f} min: {text}"
        code = ReasonCode.BLIND
    rule = context.policy.on_missing_metrics
    draft = PlanDraft(requested)
    if rule == "hold" and requested >= max(context.floor, raised_by(seen.announced, context)):
        if steered(context):  # an operator's word is to be heard when metrics are not
            return PlanDraft(requested, (Reason(code, f"{text}: {requested} units would be held", requested, requested),))
        return draft.hold(requested, code, f"{text}: holding {requested}")
    wanted = context.floor
    if rule == "forecast" and seen.proposal is not None:
        wanted = max(wanted, whole_units(seen.proposal.target) or 0)
    target = max(requested, wanted)
    reason = Reason(code, f"{text}: not below {requested}, because on_missing_metrics is {rule}", requested, target)
    return PlanDraft(target, (reason,))


def age_of(seen: Observation) -> str:
    """How old the newest known minute is, in words."""
    if seen.data_age is None:
        return ""
    minutes = int(seen.data_age.total_seconds() // 60)
    return f", the newest is {minutes} min old" if minutes >= 0 else f", the newest is {-minutes} min ahead of our clock"


def is_blind(policy: PoolPolicy, missing_since: datetime | None, now: datetime) -> bool:
    """Whether metrics have been missing for longer than the policy takes quietly."""
    return missing_since is not None and now - missing_since >= policy.missing_metrics_limit


def steered(context: GuardrailContext) -> bool:
    """Whether a number or a pause is ordered, for which demand need not be known."""
    return any(active(context.seen.overrides, kind, context.seen.now) for kind in (Kind.PIN, Kind.PREWARM, Kind.PAUSE))
