"""Responses with decisions and their reasons, published in `/openapi.json`. See `controller.http.schemas.status`."""

from typing import Literal

from controller.http.schemas.shape import Instant, Known, Shape
from controller.http.schemas.status import Json, OverrideInForce, Proposal, Reason


class RuleShape(Shape):
    """A rule: its signals at the decision, the units that it asks for, and its weight."""

    rule: str
    text: str
    signals: dict[str, int]
    units: int
    weight: int
    share: float


class Plan(Shape):
    """A decision with its inputs."""

    pool: str
    at: str
    action: Literal["write", "would-write", "keep", "hold"]
    target: int | None
    mode: Literal["shadow", "active"]
    actual_requested: int | None = None
    actual_ready: int | None = None
    """The reading that the plan used, in active mode."""
    simulated_requested: int | None = None
    simulated_ready: int | None = None
    """The simulated capacity that the plan used, in shadow mode."""
    proposal: Proposal | None
    reasons: list[Reason]
    text: str
    inputs: Json
    """All inputs of the plan; `stoker replay` repeats it."""


class Recorded(Plan):
    """A stored decision."""

    id: int
    cursor: str


class Decisions(Shape):
    """A page of decisions, newest first."""

    items: list[Recorded]
    next: str | None
    """Value of `before` for the next page."""


class LayerDecision(Shape):
    """The decision of the layer above the base of a pool."""

    recorded: bool
    record: Recorded | Plan


class Why(Shape):
    """One decision with all its data. `overrides`: in force now; none for a recorded decision."""

    pool: str
    asked_for: Instant
    recorded: bool
    record: Recorded | Plan
    overrides: list[OverrideInForce]
    rules: list[RuleShape]
    """All rules with weight in the proposal, the highest weight first; the ensemble is the mean of `units` by `weight`."""
    pings: LayerDecision | None = None
    """Only for a pool with layers: the decision of the pings above its base, of the same time."""
    actual_ping_blackout_seconds_since_start: Known = None
    actual_ping_blackout_requests_since_start: Known = None
    """As in `/status`; only for the plan of the last tick."""
