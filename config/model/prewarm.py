"""How far an application may have a pool warmed ahead of the users that it knows are coming."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration
from config.model.schedule import MOST_UNITS

LEAST, MOST = timedelta(minutes=1), timedelta(days=1)


class Prewarm(BaseModel):
    """Bounds of `POST /v1/pools/NAME/prewarm`. Without them nobody may prewarm the pool."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    max_units: Annotated[int, Field(ge=1, le=MOST_UNITS)] = Field(examples=[10])
    """Most units that are kept warm for an application, however many it asks for."""
    max_duration: Duration = Field(default=timedelta(minutes=15), examples=["15m"])
    """Longest that one call keeps them warm, from 1m to 1d."""
    per_hour: Annotated[int, Field(ge=1, le=3600)] = Field(default=12, examples=[12])
    """Calls that are taken at once, and then as many an hour."""

    @field_validator("max_duration")
    @classmethod
    def _duration_is_sane(cls, value: timedelta) -> timedelta:
        if not LEAST <= value <= MOST:
            raise PydanticCustomError("duration", "{span} is not from 1m to 1d", {"span": format_duration(value)})
        return value
