"""How much the whole fleet may change and cost at once, whatever its pools want."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Usd = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]


class Limits(BaseModel):
    """What one bad forecast, policy or day may do at most. Pools in shadow are planned as if all were active."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    pools_per_tick: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(default=None, examples=[20])
    """Most pools whose capacity is changed in one tick (a minute), up or down; the others wait for the next, raises first."""
    units_per_tick: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(default=None, examples=[500])
    """Most warm units added and taken away in one tick, together."""
    usd_per_hour: Usd | None = Field(default=None, examples=[12.5])
    """Most that the warm capacity requested may cost an hour over the fleet, in USD; floors still hold."""
    usd_per_month: Usd | None = Field(default=None, examples=[6000])
    """Most that warm capacity may cost in a calendar month (UTC) over the fleet, in USD; floors still hold."""

    @property
    def in_usd(self) -> bool:
        """Whether money is limited at all."""
        return self.usd_per_hour is not None or self.usd_per_month is not None
