"""Settings of the lease that several daemons share: one is the leader, the others are standbys."""

from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration

SHORTEST, LONGEST = timedelta(seconds=24), timedelta(seconds=90)
"""Half of the shortest is longer than the longest write. With the longest, a standby still takes over within 2 minutes."""


class LeaseSettings(BaseModel):
    """Settings of a lease in any store."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)

    kind: str
    """Kind of lease store."""
    ttl: Duration = Field(default=timedelta(seconds=30), examples=["30s"])
    """A standby takes over when the leader has not renewed the lease for this long; from 24s to 90s."""
    on_store_away: Literal["hold", "continue"] = Field(default="hold", examples=["hold"])
    """While the lease store is unreachable: hold the capacity, or let the last leader continue writing."""

    @field_validator("ttl")
    @classmethod
    def _ttl_is_sane(cls, value: timedelta) -> timedelta:
        if not SHORTEST <= value <= LONGEST:
            raise PydanticCustomError("duration", "{span} is not from {least} to {most}", {
                "span": format_duration(value), "least": format_duration(SHORTEST), "most": format_duration(LONGEST)})
        return value


class SqliteLeaseSettings(LeaseSettings):
    """Lease in a SQLite file on one machine."""

    kind: Literal["sqlite"]
    path: str = Field(min_length=1, examples=["/var/lib/stoker/lease.db"])
    """Path of the file that the daemons on one machine share; not on a network file system."""


class DynamoLeaseSettings(LeaseSettings):
    """Lease in a DynamoDB table."""

    kind: Literal["dynamodb"]
    region: str = Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-[0-9]+$", examples=["us-east-1"])
    """AWS region of the table."""
    table: str = Field(pattern=r"^[A-Za-z0-9_.-]{3,255}$", examples=["stoker-lease"])
    """Name of the table, with the string keys `group` and `item`; one table for each policy."""


LEASE_KINDS: dict[str, type[LeaseSettings]] = {"sqlite": SqliteLeaseSettings, "dynamodb": DynamoLeaseSettings}
