"""Limits on how much the whole fleet may change in one tick, and cost in an hour and a month."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Usd = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class Limits(BaseModel):
    """Limits on changes and cost of all pools together. Pools in shadow are limited as if all were active."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    pools_per_tick: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, examples=[20])
    """Maximum pools changed in one tick (1 minute), up or down. The others wait for the next tick; increases go first."""
    units_per_tick: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(default=None, examples=[500])
    """Maximum warm units added and removed in one tick (1 minute), together."""
    usd_per_hour: Usd | None = Field(default=None, examples=[12.5])
    """Maximum hourly cost of the requested warm capacity of the fleet, in USD; floors still apply."""
    usd_per_month: Usd | None = Field(default=None, examples=[6000])
    """Maximum cost of the fleet's warm capacity in a calendar month (UTC), in USD; floors still apply."""

    metric_reads_usd_per_month: Usd | None = Field(default=None, examples=[500])
    """Maximum cost of reading metrics at list price, in USD per month. Above it, the pools that save least per USD of reading are
    read once a quarter of an hour.
    """

    @property
    def in_usd(self) -> bool:
        """Whether the hourly or the monthly cost is limited."""
        return self.usd_per_hour is not None or self.usd_per_month is not None
