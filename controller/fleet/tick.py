"""What one pass over pools brings together, and in which order it is carried on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from controller.decision.planning.decision_record import PlannedDecision
from controller.decision.planning.observation import DemandView
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state import PoolState
from controller.fleet.reconciler import Reconciler

PlannedEntry = tuple[Plan, Plan | None, Mapping[str, Any]]
"""A plan, the one before it, and what it was made from."""


@dataclass(slots=True)
class TickBatch:
    """What planning a region's pools brings together: plans as they are made, those that are done, and states to store."""

    planned: list[PlannedEntry] = field(default_factory=list)
    states: dict[str, PoolState] = field(default_factory=dict)
    made: list[tuple[PlannedDecision, DemandView]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TickReport:
    """What one tick did: pools planned, writes carried out, and pools that were still busy with an earlier step."""

    started_at: datetime
    seconds: float
    planned: int
    written: int
    busy: int


def urgency(wanted: tuple[Plan, DemandView]) -> int:
    """The order in which writes of a tick begin: the largest raise first, falls after all raises."""
    plan, _ = wanted
    return (plan.target or 0) - (plan.requested or 0)


def inputs_of(reconciler: Reconciler, plan: Plan) -> Mapping[str, Any]:
    """What `plan` was made from, whole, and what the provider said to its write; turned into text only when it is recorded."""
    if reconciler.made is None:
        return {}
    answer = reconciler.capacity if plan.action is Action.WRITE else None
    return {"made": replace(reconciler.made, lead_time=reconciler.lead_time, answer=answer)}
