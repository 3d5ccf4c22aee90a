"""What becomes of a pool's warm capacity when its daemon dies without a word."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.duration import Duration, format_duration


class DeadMan(BaseModel):
    """An order that the provider is given ahead, and that is put off again and again while the daemon lives."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    after: Duration = Field(examples=["30m"])
    """So long after the daemon was last heard of, at most, capacity comes down; from 10m to 1d."""
    to: Literal["floor"] = Field(default="floor", examples=["floor"])
    """To the floor in force then, and never to nothing."""

    @field_validator("after")
    @classmethod
    def _is_sane(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=10) <= value <= timedelta(days=1):
            raise PydanticCustomError("duration", "{span} is not from 10m to 1d", {"span": format_duration(value)})
        return value
