"""Plans, and the draft that guardrails change; `planner` makes plans. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from adapters.ports.lever import Capacity, Phase
from config.model.policy import PoolPolicy
from controller.decision.planning.observation import MOST_UNITS, Bound, EventDemand, Observation, Proposal
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.decision.selection.layers.top_basis import PingBasis
from controller.decision.selection.leads.lead_basis import LeadBasis


class Action(StrEnum):
    """What a plan does with the lever."""

    WRITE = "write"
    """Request the target."""
    KEEP = "keep"
    """The target is requested already."""
    HOLD = "hold"
    """A write is forbidden; capacity stays as it is."""


WOULD_WRITE = "would-write"
"""Name of a write in shadow mode: nothing is sent to the provider."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Result of one tick for one pool. `target` is None only while capacity is unknown and Stoker has written nothing."""

    pool: str
    at: datetime
    action: Action
    target: int | None
    requested: int | None
    ready: int | None
    proposal: Proposal | None
    reasons: tuple[Reason, ...]
    state: PoolState
    fencing: int | None = None
    """Fencing number of the write; None without a lease, and while another daemon leads."""
    mode: Literal["shadow", "active"] = "active"
    """In shadow mode, `requested` and `ready` are simulated."""

    @property
    def action_name(self) -> str:
        """The action as records, logs and answers name it: a write in shadow mode is `WOULD_WRITE`."""
        return WOULD_WRITE if self.action is Action.WRITE and self.mode == "shadow" else self.action.value

    @property
    def lead(self) -> LeadBasis | None:
        """The leading signal of the proposal that has recently cost least, followed or not; None without one."""
        basis = None if self.proposal is None else self.proposal.basis
        return None if isinstance(basis, PingBasis | None) else basis.lead

    @property
    def text(self) -> str:
        """The reasons as one sentence."""
        return "; ".join(reason.text for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class PlannedDecision:
    """A plan with its inputs, for the record."""

    policy: PoolPolicy
    state: PoolState
    seen: Observation
    plan: Plan
    lead_time: timedelta | None = None
    answer: Capacity | None = None
    """The provider's answer to the write."""
    intended: Plan | None = None
    """The plan as it was made, where it could not be carried out and `plan` is a hold; else None."""

    @property
    def at_quota(self) -> bool:
        """Whether a limit of the provider reduced the target."""
        return any(reason.code is ReasonCode.QUOTA for reason in self.plan.reasons)

    def failed(self, text: str, target: int | None) -> "PlannedDecision":
        """Return the decision for a plan that could not be carried out: a hold at `target`, with the plan as `intended`."""
        reason = Reason(ReasonCode.WRITE_FAILED, text, self.plan.target, self.plan.requested)
        held = replace(self.plan, action=Action.HOLD, target=target, reasons=(*self.plan.reasons, reason))
        return replace(self, plan=held, intended=self.intended or self.plan)


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan in the making, passed from guardrail to guardrail."""

    target: int
    reasons: tuple[Reason, ...] = ()
    held: bool = False

    def adjust_target(self, target: int, code: ReasonCode, text: str) -> "PlanDraft":
        """Return the draft with another target and a reason; the same draft where the target is unchanged. `text`: the limit and
        the inputs that it was calculated from.
        """
        return self if target == self.target else self.note(code, text, target, f"{self.target} -> {target}")

    def note(self, code: ReasonCode, text: str, target: int | None = None, change: str = "") -> "PlanDraft":
        """Return the draft with a reason, also where `target` (default: the current one) changes nothing."""
        after = self.target if target is None else target
        return PlanDraft(after, (*self.reasons, Reason(code, text, self.target, after, change)), self.held)

    def decide(self, target: int, code: ReasonCode, text: str) -> "PlanDraft":
        """Return the draft with a target and its reason, which states the target also where it is unchanged."""
        return self.note(code, text, target, f"stays {target}" if target == self.target else f"{self.target} -> {target}")

    def hold(self, requested: int, code: ReasonCode, text: str) -> "PlanDraft":
        """Return a draft that writes nothing: capacity stays as `requested`, and no later guardrail applies."""
        before = "" if requested == self.target else f"{self.target} -> "
        return replace(self.note(code, text, requested, f"{before}held at {requested}"), held=True)


@dataclass(frozen=True, slots=True)
class GuardrailContext:
    """Input of a guardrail. `schedule`: name of the schedule that set the floor or the ceiling."""

    policy: PoolPolicy
    state: PoolState
    seen: Observation
    capacity: Capacity
    floor: int
    ceiling: int
    schedule: str | None = None

    @property
    def requested(self) -> int:
        """Units requested now."""
        return self.capacity.requested


Guardrail = Callable[[PlanDraft, GuardrailContext], PlanDraft]

LimitCheck = Callable[[PlannedDecision], tuple[Bound, ...]]
"""Returns the bounds that the fleet's limits put on a decision before its write; empty where they do not restrict it."""


def unchanged(target: int, capacity: Capacity) -> bool:
    """Return whether there is nothing to write. A failed allocation is requested again with the same number, because it would
    stay failed otherwise.
    """
    return target == capacity.requested and (capacity.phase is not Phase.FAILED or target == 0)


def whole_units(value: float) -> int | None:
    """Return `value` rounded up to units from 0 to `MOST_UNITS`; None for NaN."""
    if math.isnan(value):
        return None
    return math.ceil(min(max(value, 0.0), MOST_UNITS) - 1e-9)


def raised_by(event: EventDemand | None, context: GuardrailContext) -> int:
    """Return the units that announced events require, at most the ceiling; 0 where they require none."""
    units = None if event is None or event.units is None else whole_units(event.units)
    return min(units or 0, context.ceiling)


DEFERRED_CODES = frozenset({ReasonCode.NOT_READ, ReasonCode.WRITE_TURN})
"""Reasons of pools that wait for a call to the provider. They are displayed and decide nothing."""

REMARKS = frozenset({ReasonCode.SHORT_HISTORY, ReasonCode.KEEP_ALIVE})
"""Reasons that explain a proposal."""


def deciding_code(plan: Plan) -> ReasonCode:
    """Return the code of the last reason that is not a remark on the proposal."""
    return next((reason.code for reason in reversed(plan.reasons) if reason.code not in REMARKS), ReasonCode.PROPOSED)
