"""What the policy says of a lease that several daemons share, so that one of them acts and another takes over."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration

SHORTEST, LONGEST = timedelta(seconds=24), timedelta(seconds=90)
"""Half of the shortest is longer than a write may be under way; the longest still hands over within two minutes."""


class LeaseSettings(BaseModel):
    """What is true of a lease wherever it is kept."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    kind: str
    """Where the lease is kept."""
    ttl: Duration = Field(default=timedelta(seconds=30), examples=["30s"])
    """A leader that has not been heard of for so long is followed by another; from 24s to 90s."""
    on_store_away: Literal["hold", "continue"] = Field(default="hold", examples=["hold"])
    """While the lease store gives no answer: hold what is there, or let whoever led last go on writing."""

    @field_validator("ttl")
    @classmethod
    def _ttl_is_sane(cls, value: timedelta) -> timedelta:
        if not SHORTEST <= value <= LONGEST:
            raise PydanticCustomError("duration", "{span} is not from {least} to {most}", {
                "span": format_duration(value), "least": format_duration(SHORTEST), "most": format_duration(LONGEST)})
        return value


class SqliteLeaseSettings(LeaseSettings):
    """A file on one machine."""

    kind: Literal["sqlite"]
    path: str = Field(min_length=1, examples=["/var/lib/stoker/lease.db"])
    """The file that the daemons of one machine share; not on a network file system."""


class DynamoLeaseSettings(LeaseSettings):
    """A table of DynamoDB."""

    kind: Literal["dynamodb"]
    region: str = Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$", examples=["us-east-1"])
    """The table's AWS region."""
    table: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$", examples=["stoker-lease"])
    """The table, with the string keys `group` and `item`; one for each policy."""


LEASE_KINDS: dict[str, type[LeaseSettings]] = {"sqlite": SqliteLeaseSettings, "dynamodb": DynamoLeaseSettings}
