"""What of a pool's resource is not Stoker's: what settings of others keep warm, and a setting that was there before. Pure."""

from dataclasses import replace

from adapters.ports.lever import Capacity
from controller.decision.costs.cost_model import MINUTES_A_MONTH
from controller.decision.planning.plan import GuardrailContext, PlanDraft, unchanged
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.reasons import Reason, ReasonCode

DELETION = ": the next deployment of a CloudFormation stack that owns it fails; keep_setting: true or min: 1 keeps it"
LEAST_KEPT = 1
"""Units at which a setting is kept that 0 would delete."""


def setting_kept(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """The operator wants the setting to stay once it is there, because something else owns it: it is lowered to the least. A
    schedule's ceiling of 0 does not delete it either.
    """
    if not context.policy.keep_setting or draft.target or not context.requested:
        return draft
    return draft.adjust_target(LEAST_KEPT, ReasonCode.SETTING_KEPT, f"keep_setting: the setting stays, at {LEAST_KEPT}")


def remarked(draft: PlanDraft, context: GuardrailContext) -> PlanDraft:
    """The same with what is to be known beside the decision; it moves nothing."""
    capacity = context.seen.capacity
    if capacity is None:
        return draft
    at = draft.reasons[0].before if draft.reasons else draft.target
    said: list[Reason] = []
    if capacity.others:
        said.append(Reason(ReasonCode.KEPT_BY_OTHERS, others_text(capacity, context.seen.usd_per_unit_minute), at, at))
    if deletes(context) and not draft.held and not draft.target and not unchanged(0, capacity):
        said.append(Reason(ReasonCode.DELETES_SETTING, f"a target of 0 deletes the setting, which others created{DELETION}", at,
                           at))
    return replace(draft, reasons=(*said, *draft.reasons)) if said else draft


def others_text(capacity: Capacity, usd_per_unit_minute: float) -> str:
    """What settings of others keep warm beyond what Stoker asked for, by which setting, and at what price."""
    usd = capacity.others * usd_per_unit_minute * MINUTES_A_MONTH
    return f"{capacity.others} more kept warm by {capacity.others_by}, not by Stoker ({usd:.2f} USD a month)"


def deletes(context: GuardrailContext) -> bool:
    """Whether a target of 0 would delete a setting that Stoker did not create."""
    capacity = context.seen.capacity
    return capacity is not None and capacity.deletes_at_zero and is_anothers(context.state)


def is_anothers(state: PoolState) -> bool:
    """Whether the setting that is there was created by others: it was there before Stoker, or they have set it since."""
    return bool(state.original_requested) or (state.foreign_since is not None and bool(state.foreign_requested))
