"""Requests that something else sends to keep a pool warm, and that are no demand."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Warmer(BaseModel):
    """A plugin or a timer that calls the function at one interval. Its requests are left out of demand."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    every: Duration = Field(examples=["5m"])
    """Its interval in whole minutes, from 1m to 1h."""
    requests: Annotated[int, Field(ge=1, le=10_000)] = Field(examples=[3])
    """How many requests it sends each time."""

    @property
    def minutes(self) -> int:
        """Its interval."""
        return self.every // MINUTE

    @field_validator("every")
    @classmethod
    def _is_whole_minutes(cls, value: timedelta) -> timedelta:
        if not MINUTE <= value <= HOUR or value % MINUTE:
            raise PydanticCustomError("duration", "{span} is not a whole number of minutes from 1m to 1h",
                                      {"span": format_duration(value)})
        return value
