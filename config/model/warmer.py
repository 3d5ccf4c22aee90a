"""Settings of another tool's requests that keep a pool warm and are not demand."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Warmer(BaseModel):
    """A plugin or a timer that calls the function at a fixed interval. Its requests are not counted as demand."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    every: Duration = Field(examples=["5m"])
    """Interval between its bursts of requests, in whole minutes, from 1m to 1h."""
    requests: Annotated[int, Field(ge=1, le=10_000)] = Field(examples=[3])
    """Number of requests in each burst."""

    @property
    def minutes(self) -> int:
        """Interval in minutes."""
        return self.every // MINUTE

    @field_validator("every")
    @classmethod
    def _is_whole_minutes(cls, value: timedelta) -> timedelta:
        if not MINUTE <= value <= HOUR or value % MINUTE:
            raise PydanticCustomError("duration", "{span} is not a whole number of minutes from 1m to 1h",
                                      {"span": format_duration(value)})
        return value
