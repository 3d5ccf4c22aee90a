"""Bounds of prewarm requests, with which an application requests warm units before its users arrive."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration
from config.model.schedule import MOST_UNITS

LEAST, MOST = timedelta(minutes=1), timedelta(days=1)


class Prewarm(BaseModel):
    """Bounds of `POST /v1/pools/NAME/prewarm`. Without them, prewarming the pool is disabled."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    max_units: Annotated[int, Field(ge=1, le=MOST_UNITS)] = Field(examples=[10])
    """Maximum units granted to prewarm requests; larger requests are cut to this."""
    max_duration: Duration = Field(default=timedelta(minutes=15), examples=["15m"])
    """Maximum duration of one request, from 1m to 1d."""
    per_hour: Annotated[int, Field(ge=1, le=3600)] = Field(default=12, examples=[12])
    """Rate limit: requests accepted in one burst, and refilled per hour."""

    @field_validator("max_duration")
    @classmethod
    def _duration_is_sane(cls, value: timedelta) -> timedelta:
        if not LEAST <= value <= MOST:
            raise PydanticCustomError("duration", "{span} is not from 1m to 1d", {"span": format_duration(value)})
        return value
