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
    """So long after the daemon was last heard of, at most, the provider goes on without it; from 10m to 1d."""
    follow: Duration = Field(default=timedelta(hours=3), examples=["3h"])
    """For so long from then on it follows what was planned for those hours, before it goes to the floor; at most 6h."""
    to: Literal["floor"] = Field(default="floor", examples=["floor"])
    """What is left in the end: the floor in force then, and never nothing."""

    @field_validator("after")
    @classmethod
    def _is_sane(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=10) <= value <= timedelta(days=1):
            raise PydanticCustomError("duration", "{span} is not from 10m to 1d", {"span": format_duration(value)})
        return value

    @field_validator("follow")
    @classmethod
    def _is_planned(cls, value: timedelta) -> timedelta:
        if value > timedelta(hours=6):
            raise PydanticCustomError("duration", "{span} is more than the 6h that are planned", {"span": format_duration(value)})
        return value
