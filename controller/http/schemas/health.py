"""Responses of the health endpoints, published in `/openapi.json`. See `controller.http.schemas.status`."""

from typing import Literal

from controller.http.schemas.shape import Instant, Known, Shape


class Health(Shape):
    """The event loop runs."""

    status: Literal["ok"]
    started_at: str
    policy_refused: str | None
    """Why the last reload of the policy was refused: the one before stays in use. Null if it was not."""


class Ages(Shape):
    """Age of the data of a pool."""

    data_age_seconds: Known
    forecast_age_seconds: Known
    capacity_age_seconds: Known
    last_write: Instant


class Readiness(Shape):
    """Whether the data is fresh enough."""

    status: Literal["ready", "not ready"]
    reasons: list[str]
    """One sentence each; at most 20."""
    reasons_total: int
    pools: dict[str, Ages]
    lease: dict[str, str | int | None] | None = None
