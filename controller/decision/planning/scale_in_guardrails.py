"""The guardrails that only slow a fall: while demand is not known, was wanted lately, or is paid for. Pure."""

from datetime import datetime, timedelta

from controller.decision.planning.plan import GuardrailContext, PlanDraft
from controller.decision.planning.reasons import ReasonCode

WISH_GAP = timedelta(minutes=5)
"""Wishes further apart than this belong to two runs: what was wanted in between is not known."""


def after_restart(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Nothing is lowered until demand has been read anew: what ran before the restart is not forgotten by it."""
    if context.seen.settled or draft.target >= context.requested:
        return draft
    text = f"just started: not below {context.requested} until demand is read in this run"
    return draft.adjust_target(context.requested, ReasonCode.RESTARTED, text)


def unknown_minutes(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Nothing is lowered by minutes that are missing: right after them a rule looks back on the few that are known."""
    if not context.seen.unknown_minutes or draft.target >= context.requested:
        return draft
    text = (f"demand of {context.seen.unknown_minutes} of the last minutes is unknown: not below {context.requested} until "
            "enough is known")
    return draft.adjust_target(context.requested, ReasonCode.UNKNOWN_MINUTES, text)


def scale_down_delay(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Down only to the highest of the wishes of the last while, and not at all while they are not known so far back."""
    delay, requested, now = context.policy.scale_down_delay, context.requested, context.seen.now
    if not delay or draft.target >= requested:
        return draft
    wishes, minutes = unbroken(context.state.recommendations, now), delay.total_seconds() / 60
    if not wishes or wishes[0][0] > now - delay:
        return draft.adjust_target(requested, ReasonCode.SCALE_DOWN_DELAY,
                                   f"what was wanted is not known for {minutes:g} min yet: not lowered")
    lowest = min(requested, max((units for at, units in wishes if at > now - delay), default=draft.target))
    return draft.adjust_target(max(draft.target, lowest), ReasonCode.SCALE_DOWN_DELAY,
                               f"{lowest} was wanted within the last {minutes:g} min")


def billing_step(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """What was raised is paid for to the end of its billing step: giving it back sooner saves nothing."""
    step, raised_at = context.seen.billing_step, context.state.raised_at
    if not step or raised_at is None or draft.target >= context.requested:
        return draft
    left = raised_at + step - context.seen.now
    if left <= timedelta(0):
        return draft
    return draft.adjust_target(context.requested, ReasonCode.BILLING_STEP,
                               f"paid for another {left.total_seconds():.0f} s of its billing step: not lowered yet")


def unbroken(wishes: tuple[tuple[datetime, int], ...], now: datetime) -> tuple[tuple[datetime, int], ...]:
    """`recommendations`, or nothing when they ended too long ago: a restart in between forgot some."""
    return wishes if wishes and now - wishes[-1][0] <= WISH_GAP else ()
