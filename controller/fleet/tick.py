"""Batches and the report of a tick."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from controller.decision.planning.plan import Plan, PlannedDecision
from controller.decision.planning.pool_state.state import PoolState

PlannedEntry = tuple[Plan, Plan | None, Mapping[str, Any]]
"""A plan, the plan before it, and its inputs for the record."""


@dataclass(slots=True)
class TickBatch:
    """Plans of one group of pools in a tick: as first made, those that need no write, and the states to store."""

    decisions: list[PlannedDecision] = field(default_factory=list)
    finished: list[PlannedEntry] = field(default_factory=list)
    states: dict[str, PoolState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TickReport:
    """Result of one tick: pools planned, writes carried out, and pools that were busy with an earlier step."""

    started_at: datetime
    seconds: float
    planned: int
    written: int
    busy: int


def urgency(decision: PlannedDecision) -> int:
    """Return the units that a decision adds: writes of a tick start with the largest raise, and decreases follow all raises."""
    return (decision.plan.target or 0) - (decision.plan.requested or 0)


def inputs_of(decision: PlannedDecision) -> Mapping[str, Any]:
    """Return the inputs of a plan for its record; they become text only when the plan is recorded."""
    return {"decision": decision}


class DecisionSink(Protocol):
    """Receiver of plans."""

    async def note(self, plans: Sequence[PlannedEntry]) -> None:
        """Record the plans that must be recorded; they are stored on return."""


class BatchMemory(Protocol):
    """Store of the states of many pools."""

    async def save_states(self, states: Mapping[str, PoolState]) -> None:
        """Store all states or none; they are stored on return."""
