"""The use of limits in responses, published in `/openapi.json`. See `controller.http.schemas.status`."""

from controller.http.schemas.shape import Known, Shape


class LimitUse(Shape):
    """A limit of the policy, and its current use."""

    limit: float
    used: float


class Limits(Shape):
    """The limits that the policy sets; empty before the first tick."""

    pools_per_tick: LimitUse | None = None
    units_per_tick: LimitUse | None = None
    usd_per_hour: LimitUse | None = None
    usd_per_month: LimitUse | None = None
    usd_per_hour_wanted: Known = None
    usd_per_hour_left: Known = None
    pools_lowered: int | None = None
    pools_waiting: int | None = None
