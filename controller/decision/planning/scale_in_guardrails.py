"""Guardrails that only slow a decrease: demand is unknown, was higher recently, or capacity is paid for. Pure."""

from datetime import datetime, timedelta

from controller.decision.planning.plan import GuardrailContext, PlanDraft
from controller.decision.planning.pool_state.state import Timed
from controller.decision.planning.reason_codes import ReasonCode

RECOMMENDATION_GAP = timedelta(minutes=5)
"""Largest gap between recommendations of one run; the recommendations in a larger gap are unknown."""


def after_restart(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower nothing after a start until demand has been read in this run."""
    if context.seen.demand.settled or draft.target >= context.requested:
        return draft
    text = f"just started, not below {context.requested} requested until demand is read in this run"
    return draft.adjust_target(context.requested, ReasonCode.RESTARTED, text)


def unknown_minutes(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower nothing while recent minutes of demand are missing: rules would use the few that are known."""
    unknown = context.seen.demand.unknown_minutes
    if not unknown or draft.target >= context.requested:
        return draft
    text = f"demand of {unknown} of the last minutes is unknown, not below {context.requested} requested until enough is known"
    return draft.adjust_target(context.requested, ReasonCode.UNKNOWN_MINUTES, text)


def scale_down_delay(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower the target only to the highest recommendation within the scale-down delay; lower nothing while recommendations are
    unknown for a part of it.
    """
    delay, requested, now = context.policy.scale_down_delay, context.requested, context.seen.now
    if not delay or draft.target >= requested:
        return draft
    known, minutes = unbroken(context.state.recommendations, now), delay.total_seconds() / 60
    if not known or known[0][0] > now - delay:
        return draft.adjust_target(requested, ReasonCode.SCALE_DOWN_DELAY,
                                   f"recommendations of the last {minutes:g} min are incomplete, not below {requested} requested")
    highest, last = max(((units, at) for at, units in known if at > now - delay), default=(draft.target, now))
    return draft.adjust_target(max(draft.target, min(requested, highest)), ReasonCode.SCALE_DOWN_DELAY,
                               f"{highest} was recommended at {last:%H:%M}, within the last {minutes:g} min, and {requested} are "
                               "requested")


def billing_step(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower nothing before the end of the billing step of the last raise: the units are paid for until then."""
    step, raised_at = context.seen.capacity.billing_step, context.state.raised_at
    if not step or raised_at is None or draft.target >= context.requested:
        return draft
    left = raised_at + step - context.seen.now
    if left <= timedelta(0):
        return draft
    return draft.adjust_target(context.requested, ReasonCode.BILLING_STEP,
                               f"{context.requested} requested units are paid for another {left.total_seconds():.0f} s of their "
                               "billing step")


def unbroken(recommendations: Timed, now: datetime) -> Timed:
    """Return the recommendations; none if the last is older than `RECOMMENDATION_GAP`, because later ones are unknown."""
    return recommendations if recommendations and now - recommendations[-1][0] <= RECOMMENDATION_GAP else ()
