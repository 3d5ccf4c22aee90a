"""What is answered to orders, as `/openapi.json` publishes it. See `controller.http.schemas.status`."""

from typing import Literal

from controller.http.schemas.series import Stands
from controller.http.schemas.status import Instant, Known, Order, Shape


class Orders(Shape):
    """The orders that hold for a pool."""

    pool: str
    overrides: list[Order]


class Taken(Orders):
    """An order was taken."""

    set: Order
    takes_effect: str


class Cleared(Orders):
    """Orders were ended."""

    cleared: list[Order]
    takes_effect: str


class Prewarmed(Orders):
    """What was granted to an application."""

    asked: int
    granted: int
    limited_by: list[str]
    """The keys of the policy that left less than was asked for."""
    until: Instant
    ready_at: Instant
    """When it is expected to be ready."""
    cost_usd: Known
    """Of the units that were not requested already."""
    mode: Literal["shadow", "active"]
    capacity: Stands | None
    """As it is now."""
    takes_effect: str
    set: Order | None
