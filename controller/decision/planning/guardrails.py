"""Small pure steps between a proposal and a write. Each may move the target, or hold, and leaves a reason when it does.

They run in the order of `GUARDRAILS`: first announced events and a boost, then what only slows a fall, then limits, then the
floor and the ceiling, and last what forbids any write at all. A quota comes after the floor, because no provider sells what it
refuses. A pin comes after what slows a change and before the limits, a pause after all of them.
"""

from dataclasses import replace
from datetime import timedelta

from adapters.ports.lever import Phase
from controller.decision.costs.cost_model import usd_per_minute_left
from controller.decision.planning.external_capacity import setting_kept
from controller.decision.planning.observation import MOST_UNITS, Observation
from controller.decision.planning.overrides import Kind, active
from controller.decision.planning.plan import Guardrail, GuardrailContext, PlanDraft, raised_by, unchanged, whole_units
from controller.decision.planning.reasons import Reason, ReasonCode
from controller.decision.planning.scale_in_guardrails import after_restart, billing_step, scale_down_delay, unknown_minutes

FOREIGN_WRITE_QUIET = timedelta(hours=1)
"""How long somebody else's change is left alone before Stoker plans from it; a rollout or an incident is over by then."""

RETRY_FAILED = timedelta(minutes=15)
"""A failed allocation is not asked for again sooner: each try starts the user's code."""


def sends(draft: PlanDraft, context: GuardrailContext) -> bool:
    """Whether the draft, as it is, would have something written."""
    return not draft.held and context.seen.capacity is not None and not unchanged(draft.target, context.seen.capacity)


def announced(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """An event that was announced raises what is proposed, or lowers it to what recent demand still asks for."""
    event = context.seen.announced
    if event is None:
        return draft
    wanted = max(draft.target, raised_by(event, context))
    if event.share is not None and event.justified is not None and any(each.code is ReasonCode.PROPOSED
                                                                       for each in draft.reasons):
        enough = [whole_units(event.share * draft.target), whole_units(event.justified)]
        wanted = min(draft.target, max(draft.target if units is None else units for units in enough))
    return replace(draft, target=wanted, reasons=(*draft.reasons, Reason(ReasonCode.EVENT, event.text, draft.target, wanted)))


def boosted(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """An operator wants more than is proposed. Only a proposal is raised: what is there would grow tick after tick."""
    boost = active(context.seen.overrides, Kind.BOOST, context.seen.now)
    if boost is None or not any(reason.code is ReasonCode.PROPOSED for reason in draft.reasons):
        return draft
    return draft.adjust_target(boost.boosted(draft.target), ReasonCode.BOOSTED, boost.text)


def step_limit(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """No further from what is requested than the policy allows in one tick."""
    up, down = context.policy.max_step_up, context.policy.max_step_down
    if up is not None and draft.target > context.requested + up:
        return draft.adjust_target(context.requested + up, ReasonCode.STEP_LIMIT, f"at most {up} up in one tick")
    if down is not None and draft.target < context.requested - down:
        return draft.adjust_target(context.requested - down, ReasonCode.STEP_LIMIT, f"at most {down} down in one tick")
    return draft


def prewarmed(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """An application knows of users coming: not fewer than it was granted, at once; bounds of money and units hold it."""
    order, now = active(context.seen.overrides, Kind.PREWARM, context.seen.now), context.seen.now
    wanted = 0 if order is None else order.prewarmed(now)
    if order is None or draft.target >= wanted:
        return draft
    return draft.adjust_target(wanted, ReasonCode.PREWARMED, f"prewarm request for {wanted} units: {order.text}")


def pinned(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """An operator wants exactly so many, at once: no delay and no step limit slows it, bounds of money and units hold it."""
    pin = active(context.seen.overrides, Kind.PIN, context.seen.now)
    if pin is None or pin.units is None:
        return draft
    reason = Reason(ReasonCode.PINNED, pin.text, draft.target, pin.units)  # told also where it agrees: it is what rules
    return replace(draft, target=pin.units, reasons=(*draft.reasons, reason))


def budget(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Never more than could be held to the end of the month within the budget: no cliff, the limit eases as days pass unspent."""
    limit, price, now = context.policy.budget_usd_per_month, context.seen.usd_per_unit_minute, context.seen.now
    if limit is None or not price:
        return draft
    affordable = int(min(usd_per_minute_left(limit, context.state.spent_usd, now) / price, MOST_UNITS))
    if draft.target <= affordable:
        return draft
    text = f"{context.state.spent_usd:.2f} of {limit:g} USD spent this month: at most {affordable} units until its end"
    return draft.adjust_target(affordable, ReasonCode.BUDGET, text)


def fleet_budget(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Not more than the whole fleet's money leaves to this pool: not below floors and orders, and what is held goes slowly."""
    for bound in context.seen.bounds:
        if bound.code is ReasonCode.FLEET_BUDGET and draft.target > bound.high:
            draft = draft.adjust_target(bound.high, bound.code, bound.text)
    return draft


def floor(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Not below what the operator asked for."""
    if draft.target >= context.floor:
        return draft
    if context.floor > context.policy.min:
        return draft.adjust_target(context.floor, ReasonCode.SCHEDULE,
                                   f"schedule {context.schedule} keeps at least {context.floor}")
    return draft.adjust_target(context.floor, ReasonCode.FLOOR, f"the floor is {context.floor}")


def ceiling(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Not above what the operator allows."""
    if draft.target <= context.ceiling:
        return draft
    if context.ceiling < context.policy.max:
        return draft.adjust_target(context.ceiling, ReasonCode.SCHEDULE,
                                   f"schedule {context.schedule} allows at most {context.ceiling}")
    return draft.adjust_target(context.ceiling, ReasonCode.CEILING, f"the ceiling is {context.ceiling}")


def quota(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Do not ask for more than the provider would accept; what is there already is not given up for it."""
    allowed = context.seen.allowed
    if allowed is None:
        return draft
    most = max(allowed, context.requested, 0)
    if draft.target <= most:
        return draft
    limit = context.seen.limit
    text = f"the provider allows at most {allowed} units" if limit is None else limit.sentence(allowed)
    return draft.adjust_target(most, ReasonCode.QUOTA, text)


def paused(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """An operator wants nothing to be changed; what would be is told."""
    pause = active(context.seen.overrides, Kind.PAUSE, context.seen.now)
    if pause is None:
        return draft
    wanted = "" if draft.target == context.requested else f", {draft.target} would be requested"
    return draft.hold(context.requested, ReasonCode.PAUSED, f"{pause.text}: holding {context.requested}{wanted}")


def foreign_owner(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Another autoscaler governs the resource: two controllers on one number fight."""
    owner = context.seen.capacity.foreign_owner if context.seen.capacity else None
    if owner is None:
        return draft
    text = f"{owner} controls this resource: remove it, or remove the pool from the policy"
    return draft.hold(context.requested, ReasonCode.FOREIGN_OWNER, text)


def is_gone(context: GuardrailContext) -> bool:
    """Whether nothing is left of what Stoker had set although the policy asks for a floor."""
    return bool(context.state.written and not context.requested and context.floor)


def foreign_write(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Somebody else changed what Stoker set: say so, and leave it alone for a while unless the policy says to reassert. A setting
    that is gone is no value to leave alone: where the policy asks for a floor, what is planned is set at once.
    """
    since, written = context.state.foreign_since, context.state.written
    if context.policy.on_foreign_write == "reassert" or context.seen.standby is not None:
        return draft
    if is_gone(context) and sends(draft, context):
        text = f"the {written} units that Stoker had set are gone: setting them again, the current floor is {context.floor}"
        return replace(draft, reasons=(*draft.reasons, Reason(ReasonCode.SETTING_GONE, text, draft.target, draft.target)))
    if since is None:  # right after our write: a reading that lags, or somebody who was quick; neither is written over
        if written is None or written == context.requested or not sends(draft, context):
            return draft
        text = f"{written} was requested less than 2 min ago and {context.requested} is shown: no write until the cause is clear"
        return draft.hold(context.requested, ReasonCode.FOREIGN_WRITE, text)
    quiet_until = since + FOREIGN_WRITE_QUIET
    if context.seen.now >= quiet_until:
        return draft
    text = (f"another party set {context.requested} (Stoker had set {context.state.written}): "
            f"no write until {quiet_until:%H:%M} UTC")
    return draft.hold(context.requested, ReasonCode.FOREIGN_WRITE, text)


def allocation_failed(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """The provider gave up on what was asked (the code's own start fails, say): say so, and try again only after a while."""
    capacity = context.seen.capacity
    if capacity is None or capacity.phase is not Phase.FAILED or draft.target == 0:
        return draft
    now, since = context.seen.now, capacity.changed_at
    if since is None or since > now + RETRY_FAILED:  # our clock is far behind the provider's: go by our own
        since = context.state.written_at
    if since is None or now >= since + RETRY_FAILED:
        return draft
    return draft.hold(context.requested, ReasonCode.ALLOCATION_FAILED, f"allocation failed: {capacity.detail}")


def blocked(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """The provider would refuse a write now, or it would be unwise."""
    capacity = context.seen.capacity
    if capacity is None or capacity.blocked is None or not sends(draft, context):
        return draft
    return draft.hold(context.requested, ReasonCode.BLOCKED, str(capacity.blocked))


def in_turn(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """No more change than is left of this tick, over the fleet and at the provider; the rest comes with the next.

    Of what failed, a part is asked for no sooner than the whole: only giving all of it back starts nothing.
    """
    for bound in context.seen.bounds:
        if bound.code is ReasonCode.FLEET_BUDGET:
            continue
        if bound.low == bound.high:
            return draft.hold(bound.low, bound.code, bound.text)
        draft = draft.adjust_target(min(max(draft.target, bound.low), bound.high), bound.code, bound.text)
    return allocation_failed(draft, context) if context.seen.bounds else draft


def ordered(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """An operator's order outlives the daemon: what is there stays for the next one."""
    for kind, code in ((Kind.PAUSE, ReasonCode.PAUSED), (Kind.PIN, ReasonCode.PINNED), (Kind.BOOST, ReasonCode.BOOSTED)):
        if (order := active(context.seen.overrides, kind, context.seen.now)) is not None:
            return draft.hold(context.requested, code, order.text)
    return draft


def standing_by(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Another daemon is to write, and not this one: what this one would ask for is told."""
    why = context.seen.standby
    if why is None or not sends(draft, context):
        return draft
    return draft.hold(context.requested, ReasonCode.STANDBY, f"standby, because {why}: {draft.target} would be requested")


GUARDRAILS: tuple[Guardrail, ...] = (
    announced,
    boosted,
    after_restart,
    unknown_minutes,
    scale_down_delay,
    billing_step,
    step_limit,
    prewarmed,
    pinned,
    budget,
    fleet_budget,
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

LEAVING: tuple[Guardrail, ...] = (ceiling, setting_kept, ordered, standing_by, foreign_owner, foreign_write, blocked)
"""What still binds when the daemon ends."""


def guardrails_for(seen: Observation) -> tuple[Guardrail, ...]:
    """The steps that a plan goes through."""
    return GUARDRAILS if seen.leaving is None else LEAVING
