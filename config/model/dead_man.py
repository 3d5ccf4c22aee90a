"""Dead-man settings: what the provider does with a pool's warm capacity when its daemon stops without a shutdown."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration


class DeadMan(BaseModel):
    """Scheduled change at the provider that the daemon postpones while it runs."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    after: Duration = Field(examples=["30m"])
    """Longest time from the daemon's last renewal until the provider starts the scheduled change; from 10m to 1d."""
    follow: Duration = Field(default=timedelta(hours=3), examples=["3h"])
    """How long the provider then follows the capacity planned for those hours, before it sets the floor; at most 6h."""
    to: Literal["floor"] = Field(default="floor", examples=["floor"])
    """What remains at the end: the floor in force then, at least 1 unit."""

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
            text = "{span} is longer than the 6h for which capacity is planned"
            raise PydanticCustomError("duration", text, {"span": format_duration(value)})
        return value
