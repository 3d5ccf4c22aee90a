"""Responses of the override endpoints, published in `/openapi.json`. See `controller.http.schemas.status`."""

from typing import Literal

from controller.http.schemas.series import CapacityReading
from controller.http.schemas.shape import Instant, Known, Shape
from controller.http.schemas.status import OverrideEntry, OverrideInForce


class Overrides(Shape):
    """The active overrides of a pool."""

    pool: str
    overrides: list[OverrideInForce]


class OverrideStored(Overrides):
    """The stored override."""

    set: OverrideInForce
    takes_effect: str


class OverridesCleared(Overrides):
    """The ended overrides."""

    cleared: list[OverrideEntry]
    takes_effect: str


class PrewarmResult(Overrides):
    """The granted prewarm request."""

    asked: int
    granted: int
    limited_by: list[str]
    """Keys of the policy that limited the granted units."""
    until: Instant
    ready_at: Instant
    """Time when the units are expected to be ready."""
    bill_usd: Known
    """Bill of the units in addition to the requested ones."""
    mode: Literal["shadow", "active"]
    capacity: CapacityReading | None
    """Current capacity."""
    takes_effect: str
    set: OverrideInForce | None
