"""Assumptions of a backtest, and of the daemon until it has measured the values."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration


class Assume(BaseModel):
    """Assumptions of a backtest, and of the daemon until it has measured the values."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    metric_delay: Duration = Field(default=timedelta(minutes=2), examples=["2m"])
    """Time from an event until its metric can be read."""
    lead_time: Duration = Field(default=timedelta(minutes=2), examples=["2m"])
    """Time from a capacity request until the capacity is ready."""
    keep_alive: Duration | None = Field(default=None, examples=["6m"])
    """How long an on-demand unit stays warm after use, for every lever; the lever's own value when absent."""
    billing_step: Duration | None = Field(default=None, examples=["5m"])
    """Units are billed from the request in steps of this length. When absent, the lever's own step: 5m with provisioned
    concurrency, no steps otherwise.
    """

    @field_validator("metric_delay", "lead_time", "keep_alive", "billing_step")
    @classmethod
    def _is_sane(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and value > timedelta(hours=6):
            raise PydanticCustomError("duration", "{span} is too long: at most 6h", {"span": format_duration(value)})
        return value
