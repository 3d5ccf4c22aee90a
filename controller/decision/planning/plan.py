"""What a plan is, and the draft that guardrails change; plans are made in `planner`. Pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from adapters.ports.lever import Capacity, Phase
from config.model.policy import PoolPolicy
from controller.decision.planning.observation import MOST_UNITS, Bound, EventDemand, Observation, Proposal
from controller.decision.planning.pool_state import PoolState
from controller.decision.planning.reasons import Reason, ReasonCode


class Action(StrEnum):
    """What a plan asks of the lever."""

    WRITE = "write"
    """Ask for the target."""
    KEEP = "keep"
    """What is requested already is the target."""
    HOLD = "hold"
    """Something forbids acting; what is there stays."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The outcome of one tick for one pool. `target` is None only when capacity is unknown and is held."""

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
    """The number that a write carries; None where no lease is kept, and while another leads."""

    @property
    def text(self) -> str:
        """One sentence for people."""
        return "; ".join(reason.text for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan in the making, passed from guardrail to guardrail."""

    target: int
    reasons: tuple[Reason, ...] = ()
    held: bool = False

    def adjust_target(self, target: int, code: ReasonCode, text: str) -> "PlanDraft":
        """The same draft with another target and the reason for it; itself when nothing moves."""
        if target == self.target:
            return self
        return PlanDraft(target, (*self.reasons, Reason(code, text, self.target, target)), self.held)

    def hold(self, requested: int, code: ReasonCode, text: str) -> "PlanDraft":
        """Give up: what is there stays, whatever was wanted."""
        return PlanDraft(requested, (*self.reasons, Reason(code, text, self.target, requested)), held=True)


@dataclass(frozen=True, slots=True)
class GuardrailContext:
    """What a guardrail may look at. `schedule`: the name of the one that set the floor or the ceiling."""

    policy: PoolPolicy
    state: PoolState
    seen: Observation
    requested: int
    floor: int
    ceiling: int
    schedule: str | None = None


Guardrail = Callable[[PlanDraft, GuardrailContext], PlanDraft]


def unchanged(target: int, capacity: Capacity) -> bool:
    """Whether there is nothing to send. What failed is asked for again with the same number, or it would stay failed for ever."""
    return target == capacity.requested and (capacity.phase is not Phase.FAILED or target == 0)


def whole_units(value: float) -> int | None:
    """`value` as a lawful number of units; None when it is no number at all."""
    if math.isnan(value):
        return None
    return math.ceil(min(max(value, 0.0), MOST_UNITS) - 1e-9)


def raised_by(event: EventDemand | None, context: GuardrailContext) -> int:
    """Units that announced events ask for, within the ceiling; a size that is beyond it is no reason to go there."""
    units = None if event is None or event.units is None else whole_units(event.units)
    return min(units or 0, context.ceiling)


LimitCheck = Callable[[Plan], tuple[Bound, ...]]
"""Asked before a write: what the whole fleet leaves of a plan now; nothing where the plan may be carried out as it is."""


DEFERRED_CODES = frozenset({ReasonCode.NOT_READ, ReasonCode.WRITE_TURN})
"""That a pool waits until the provider may be asked is shown; it decides nothing."""

REMARKS = frozenset({ReasonCode.SHORT_HISTORY, ReasonCode.KEEP_ALIVE})
"""Why what is proposed is as it is."""


def deciding_code(plan: Plan) -> ReasonCode:
    """The last reason, which decided; remarks on the proposal decide nothing."""
    return next((reason.code for reason in reversed(plan.reasons) if reason.code not in REMARKS), ReasonCode.PROPOSED)
