"""What is answered to orders, as `/openapi.json` publishes it. See `controller.http.schemas.status`."""

from typing import Literal

from controller.http.schemas.series import Stands
from controller.http.schemas.status import Instant, Known, Order, Shape


class Orders(Shape):
    """The active overrides of a pool."""

    pool: str
    overrides: list[Order]


class Taken(Orders):
    """The stored override."""

    set: Order
    takes_effect: str


class Cleared(Orders):
    """The ended overrides."""

    cleared: list[Order]
    takes_effect: str


class Prewarmed(Orders):
    """The granted prewarm request."""

    asked: int
    granted: int
    limited_by: list[str]
    """Keys of the policy that limited the granted units."""
    until: Instant
    ready_at: Instant
    """Time when the units are expected to be ready."""
    cost_usd: Known
    """Units in addition to those requested already."""
    mode: Literal["shadow", "active"]
    capacity: Stands | None
    """As it is now."""
    takes_effect: str
    set: Order | None
