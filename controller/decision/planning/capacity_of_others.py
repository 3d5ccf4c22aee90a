"""Capacity of a pool's resource that other parties own: what they keep warm, and a setting that existed before Stoker. Pure."""

from dataclasses import replace

from adapters.ports.lever import Capacity
from controller.decision.costs.cost_model import MINUTES_A_MONTH
from controller.decision.planning.plan import GuardrailContext, PlanDraft, unchanged
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import Reason, ReasonCode

DELETION = (". If a CloudFormation stack manages the setting, its next deployment then fails. "
            "To prevent this, set keep_setting: true or min: 1")
LEAST_KEPT = 1
"""Units of a setting that `keep_setting` keeps, where a target of 0 would delete it."""


def setting_kept(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Lower an existing setting to `LEAST_KEPT` and not to 0 where `keep_setting` is true, because another tool owns it. This
    also applies where a schedule's ceiling is 0.
    """
    if not context.policy.keep_setting or draft.target or not context.requested:
        return draft
    return draft.adjust_target(LEAST_KEPT, ReasonCode.SETTING_KEPT, f"keep_setting: the setting stays, at {LEAST_KEPT}")


def with_remarks(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """Return the draft with remarks in front of its reasons; they do not change the target."""
    capacity = context.capacity
    at = draft.reasons[0].before if draft.reasons else draft.target
    remarks: list[Reason] = []
    if capacity.others:
        text = others_text(capacity, context.seen.capacity.usd_per_unit_minute)
        remarks.append(Reason(ReasonCode.KEPT_BY_OTHERS, text, at, at))
    if deletes(context) and not draft.held and not draft.target and not unchanged(0, capacity):
        text = f"a target of 0 deletes the setting, which others created{DELETION}"
        remarks.append(Reason(ReasonCode.DELETES_SETTING, text, at, at))
    return replace(draft, reasons=(*remarks, *draft.reasons)) if remarks else draft


def others_text(capacity: Capacity, usd_per_unit_minute: float) -> str:
    """Return the units that settings of others keep warm in addition, the setting, and their price in USD a month."""
    usd = capacity.others * usd_per_unit_minute * MINUTES_A_MONTH
    return f"{capacity.others} more kept warm by {capacity.others_by}, not by Stoker ({usd:.2f} USD a month)"


def deletes(context: GuardrailContext) -> bool:
    """Return whether a target of 0 would delete a setting that Stoker did not create."""
    return context.capacity.deletes_at_zero and is_anothers(context.state)


def is_anothers(state: PoolState) -> bool:
    """Return whether the setting was created by others: it existed before Stoker, or others have set it since."""
    return bool(state.original_requested) or (state.foreign_since is not None and bool(state.foreign_requested))
