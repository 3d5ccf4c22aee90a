"""Guardrails: small pure steps between a proposal and a write. Each may change the target or hold, and then adds a reason.

They run in the order of `GUARDRAILS`: events and boosts, then steps that slow a decrease, then limits, then floor and ceiling,
and last the steps that forbid a write. The quota follows the floor, because a provider refuses more than its quota. A pin follows
the steps that slow a change and precedes the limits. A pause follows all limits.
"""

from datetime import timedelta

from adapters.ports.lever import Phase
from controller.decision.costs.cost_model import usd_per_minute_left
from controller.decision.planning.capacity_of_others import setting_kept
from controller.decision.planning.observation import MOST_UNITS, Observation
from controller.decision.planning.overrides_in_force import Kind, active
from controller.decision.planning.plan import Guardrail, GuardrailContext, PlanDraft, raised_by, unchanged, whole_units
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.scale_in_guardrails import after_restart, billing_step, scale_down_delay, unknown_minutes
from controller.decision.selection.layers.top_basis import PingBasis
from controller.decision.selection.rule_values import ProposalBasis

FOREIGN_WRITE_QUIET = timedelta(hours=1)
"""Time without writes after a foreign write; a rollout or an incident is over by then."""

RETRY_FAILED = timedelta(minutes=15)
"""Time before a failed allocation is requested again: each attempt starts the user's code."""


def sends(draft: PlanDraft, context: GuardrailContext) -> bool:
    """Return whether the draft would cause a write."""
    return not draft.held and not unchanged(draft.target, context.capacity)


def has_proposal(draft: PlanDraft) -> bool:
    """Return whether the draft starts from a proposal."""
    return any(reason.code is ReasonCode.PROPOSED for reason in draft.reasons)


def announced(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Raise a proposal to what an announced event requires, or lower it to what recent demand still requires."""
    event = context.seen.demand.announced
    if event is None:
        return draft
    target = max(draft.target, raised_by(event, context))
    if event.share is not None and event.justified is not None and has_proposal(draft):
        needed = [whole_units(event.share * draft.target), whole_units(event.justified)]
        target = min(draft.target, max(draft.target if units is None else units for units in needed))
    return draft.decide(target, ReasonCode.EVENT, event.text)


def in_flight(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Raise a proposal to what its rules ask for once they include the reports of the current minute. Those never lower it: a
    minute that has not ended proves no decrease.
    """
    present, proposal = context.seen.demand.in_flight, context.seen.demand.proposal
    if present is None or proposal is None or not has_proposal(draft) or isinstance(proposal.basis, PingBasis | None):
        return draft
    if present <= proposal.basis.peak:
        return draft
    basis = proposal.basis.detach()
    if not isinstance(basis, ProposalBasis) or (units := basis.with_present(present).target) <= draft.target:
        return draft
    text = f"{present} in flight in the current minute, {basis.peak:g} in the last known one: the rules ask for {units}"
    return draft.adjust_target(units, ReasonCode.IN_FLIGHT, text)


def boosted(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Raise a proposal by an operator's boost. Only proposals are raised: current capacity would grow at each tick."""
    boost = active(context.seen.overrides, Kind.BOOST, context.seen.now)
    if boost is None or not has_proposal(draft):
        return draft
    return draft.adjust_target(boost.boosted(draft.target), ReasonCode.BOOSTED, boost.text)


def step_limit(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Limit the change in one tick to `max_step_up` and `max_step_down`."""
    up, down = context.policy.max_step_up, context.policy.max_step_down
    if up is not None and draft.target > context.requested + up:
        return draft.adjust_target(context.requested + up, ReasonCode.STEP_LIMIT,
                                   f"max_step_up {up} from {context.requested} requested")
    if down is not None and draft.target < context.requested - down:
        return draft.adjust_target(context.requested - down, ReasonCode.STEP_LIMIT,
                                   f"max_step_down {down} from {context.requested} requested")
    return draft


def prewarmed(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Raise the target to the units of a granted prewarm at once. Limits of money and units still apply."""
    prewarm, now = active(context.seen.overrides, Kind.PREWARM, context.seen.now), context.seen.now
    units = 0 if prewarm is None else prewarm.prewarmed(now)
    if prewarm is None or draft.target >= units:
        return draft
    return draft.adjust_target(units, ReasonCode.PREWARMED, f"prewarm request for {units} units, {prewarm.text}")


def pinned(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Set the target to an operator's pin at once: delays and step limits do not apply, limits of money and units do."""
    pin = active(context.seen.overrides, Kind.PIN, context.seen.now)
    if pin is None or pin.units is None:
        return draft
    return draft.decide(pin.units, ReasonCode.PINNED, pin.text)  # also where it changes nothing: the pin decides


def budget(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Limit the target to units that the rest of the monthly budget can pay until the end of the month. The limit rises while
    less is spent.
    """
    limit, price, now = context.policy.budget_usd_per_month, context.seen.capacity.usd_per_unit_minute, context.seen.now
    if limit is None or not price:
        return draft
    affordable = int(min(usd_per_minute_left(limit, context.state.spent_usd, now) / price, MOST_UNITS))
    if draft.target <= affordable:
        return draft
    text = (f"budget: {context.state.spent_usd:.2f} of {limit:g} USD spent this month, which leaves {affordable} units at "
            f"{price:.4g} USD a minute until its end")
    return draft.adjust_target(affordable, ReasonCode.BUDGET, text)


def shared_limits(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Limit the target to the share in a limit: of a pool in the fleet's budget, whose floors and overrides are part of the
    share, and of a layer in the budget and the ceiling of its pool.
    """
    for bound in context.seen.bounds:
        if bound.is_share and draft.target > bound.high:
            draft = draft.adjust_target(bound.high, bound.code, bound.text)
    return draft


def floor(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Raise the target to the floor of the policy or of a schedule."""
    if draft.target >= context.floor:
        return draft
    if context.floor > context.policy.min:
        return draft.adjust_target(context.floor, ReasonCode.SCHEDULE, f"floor {context.floor} of schedule {context.schedule}")
    return draft.adjust_target(context.floor, ReasonCode.FLOOR, f"the floor `min: {context.floor}` of the policy")


def ceiling(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower the target to the ceiling of the policy or of a schedule."""
    if draft.target <= context.ceiling:
        return draft
    if context.ceiling < context.policy.max:
        text = f"ceiling {context.ceiling} of schedule {context.schedule}"
        return draft.adjust_target(context.ceiling, ReasonCode.SCHEDULE, text)
    return draft.adjust_target(context.ceiling, ReasonCode.CEILING, f"the ceiling `max: {context.ceiling}` of the policy")


def quota(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower the target to what the provider accepts, but not below the units requested already."""
    allowed = context.seen.capacity.allowed
    if allowed is None:
        return draft
    highest = max(allowed, context.requested, 0)
    if draft.target <= highest:
        return draft
    limit = context.seen.capacity.limit
    text = f"the provider allows at most {allowed} units" if limit is None else limit.sentence(allowed)
    text += f", {context.requested} are requested already" if highest > allowed else ""
    return draft.adjust_target(highest, ReasonCode.QUOTA, text)


def paused(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity while an operator's pause is in force; the reason states the target before it."""
    pause = active(context.seen.overrides, Kind.PAUSE, context.seen.now)
    if pause is None:
        return draft
    return draft.hold(context.requested, ReasonCode.PAUSED, pause.text)


def standing_by(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity while another daemon may write; the reason states the target before it."""
    why = context.seen.standby
    if why is None or not sends(draft, context):
        return draft
    return draft.hold(context.requested, ReasonCode.STANDBY, f"standby, because {why}")


def foreign_owner(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity while another autoscaler controls the resource: two controllers of one number would oscillate."""
    owner = context.capacity.foreign_owner
    if owner is None:
        return draft
    text = f"{owner} controls this resource: remove it, or remove the pool from the policy"
    return draft.hold(context.requested, ReasonCode.FOREIGN_OWNER, text)


def is_gone(context: GuardrailContext) -> bool:
    """Return whether all units that Stoker had set are gone although the floor is above 0."""
    return bool(context.state.written and not context.requested and context.floor)


def foreign_write(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity for `FOREIGN_WRITE_QUIET` after a foreign write, unless the policy says `reassert`. A setting that is gone
    is set again at once where the floor is above 0.
    """
    since, written = context.state.foreign_since, context.state.written
    if context.policy.on_foreign_write == "reassert" or context.seen.standby is not None:
        return draft
    if is_gone(context) and sends(draft, context):
        text = f"the {written} units that Stoker had set are gone, the floor is {context.floor}"
        return draft.note(ReasonCode.SETTING_GONE, f"{text}: requesting {draft.target} again")
    if since is None:  # right after a write of our own: the reading lags, or another party was faster; overwrite neither
        if written is None or written == context.requested or not sends(draft, context):
            return draft
        text = f"{written} was requested less than 2 min ago and {context.requested} is shown, no write until the cause is clear"
        return draft.hold(context.requested, ReasonCode.FOREIGN_WRITE, text)
    quiet_until = since + FOREIGN_WRITE_QUIET
    if context.seen.now >= quiet_until:
        return draft
    text = (f"another party set {context.requested} at {since:%H:%M} UTC (Stoker had set {context.state.written}), "
            f"no write until {quiet_until:%H:%M} UTC")
    return draft.hold(context.requested, ReasonCode.FOREIGN_WRITE, text)


def allocation_failed(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity for `RETRY_FAILED` after the provider failed to allocate units, such as a failing start of the code."""
    capacity = context.capacity
    if capacity.phase is not Phase.FAILED or draft.target == 0:
        return draft
    now, since = context.seen.now, capacity.changed_at
    if since is None or since > now + RETRY_FAILED:  # this daemon's clock is far behind the provider's: use our own time
        since = context.state.written_at
    if since is None or now >= since + RETRY_FAILED:
        return draft
    text = f"allocation failed ({capacity.detail}), requested again from {since + RETRY_FAILED:%H:%M} UTC on"
    return draft.hold(context.requested, ReasonCode.ALLOCATION_FAILED, text)


def blocked(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity while the provider would refuse a write, or a write would be harmful."""
    if context.capacity.blocked is None or not sends(draft, context):
        return draft
    return draft.hold(context.requested, ReasonCode.BLOCKED, str(context.capacity.blocked))


def in_turn(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Limit the change to what the tick limits of the fleet and the provider allow; the rest follows at later ticks.

    A part of a failed allocation is requested no sooner than the whole: only a decrease to 0 starts no units.
    """
    for bound in context.seen.bounds:
        if bound.is_share:
            continue
        if bound.low == bound.high:
            return draft.hold(bound.low, bound.code, bound.text)
        draft = draft.adjust_target(min(max(draft.target, bound.low), bound.high), bound.code, bound.text)
    return allocation_failed(draft, context) if context.seen.bounds else draft


def overridden(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Hold capacity at shutdown while a pause, pin or boost is in force: overrides outlast the daemon."""
    for kind, code in ((Kind.PAUSE, ReasonCode.PAUSED), (Kind.PIN, ReasonCode.PINNED), (Kind.BOOST, ReasonCode.BOOSTED)):
        if (override := active(context.seen.overrides, kind, context.seen.now)) is not None:
            return draft.hold(context.requested, code, override.text)
    return draft


GUARDRAILS: tuple[Guardrail, ...] = (
    announced,
    in_flight,
    boosted,
    after_restart,
    unknown_minutes,
    scale_down_delay,
    billing_step,
    step_limit,
    prewarmed,
    pinned,
    budget,
    shared_limits,
    floor,
    ceiling,
    quota,
    setting_kept,
    paused,
    standing_by,
    foreign_owner,
    foreign_write,
    allocation_failed,
    blocked,
    in_turn,
)

LEAVING: tuple[Guardrail, ...] = (ceiling, setting_kept, overridden, standing_by, foreign_owner, foreign_write, blocked)
"""Guardrails while the daemon shuts down."""


def guardrails_for(seen: Observation) -> tuple[Guardrail, ...]:
    """Return the guardrails of a plan, in order."""
    return GUARDRAILS if seen.leaving is None else LEAVING
