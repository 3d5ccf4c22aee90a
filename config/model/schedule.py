"""Schedules: recurring time windows with their own floor or ceiling, as a cron expression, a time zone and a duration."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from cronsim import CronSim
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError, PydanticUndefined
from pydantic_core.core_schema import ValidationInfo

from config.model.cron import check_cron
from config.model.duration import Duration, format_duration
from config.model.zones import zone

MOST_UNITS = 1_000_000
"""Largest floor, ceiling or event size of a pool; above the limits of all providers."""
LONGEST_WINDOW = timedelta(days=31)
A_DAY = timedelta(days=1)


class Schedule(BaseModel):
    """A floor, a ceiling or both during recurring time windows. It bounds the forecast and does not replace it."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True,
        json_schema_extra={"anyOf": [{"required": ["min"]}, {"required": ["max"]}]},
    )

    name: str | None = Field(default=None, min_length=1, max_length=80, examples=["office hours"])
    """Its name in reasons and on the dashboard; the cron expression and time zone when absent."""
    cron: str = Field(examples=["0 8 * * mon-fri"])
    """Start of each window: minute, hour, day of month, month, day of week (names or numbers)."""
    timezone: str = Field(default="UTC", examples=["Europe/Paris"])
    """IANA time zone of the cron expression, including its daylight saving time."""
    duration: Duration = Field(examples=["10h"])
    """Length of each window in elapsed time, from 1m to 31d."""
    min: int | None = Field(default=None, ge=0, le=MOST_UNITS, examples=[3])
    """Floor while the window is open, if higher than the pool's own."""
    max: int | None = Field(default=None, ge=0, le=MOST_UNITS, validate_default=True, examples=[20])
    """Ceiling while the window is open, if lower than the pool's own. Either min or max must be given."""

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, value: str) -> str:
        try:
            return check_cron(value)
        except ValueError as error:
            raise PydanticCustomError("cron", "{text}", {"text": str(error)}) from None

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            return zone(value).key
        except ValueError as error:
            raise PydanticCustomError("timezone", "{text}", {"text": str(error)}) from None

    @field_validator("duration")
    @classmethod
    def _duration_is_sane(cls, value: timedelta) -> timedelta:
        if not timedelta(minutes=1) <= value <= LONGEST_WINDOW:
            raise PydanticCustomError("duration", "{span}: a window lasts from 1m to 31d", {"span": format_duration(value)})
        return value

    @field_validator("max")
    @classmethod
    def _bounds_agree(cls, value: int | None, info: ValidationInfo) -> int | None:
        low = info.data.get("min", PydanticUndefined)
        if value is None and low is None:
            raise PydanticCustomError("bounds", "a schedule needs min, max or both")
        if value is not None and isinstance(low, int) and value < low:
            raise PydanticCustomError("bounds", "max {high} is below min {low}", {"high": value, "low": low})
        return value

    @property
    def label(self) -> str:
        """Name, or the cron expression and time zone without one."""
        return self.name or f"{self.cron} {self.timezone}"

    def active(self, now: datetime) -> bool:
        """Return whether a window is open at `now` (aware). The start is part of the window, the end is not."""
        instant = now.astimezone(UTC)
        starts = window_starts(self.cron, self.timezone, instant.date())
        latest = bisect_right(starts, instant)
        return latest > 0 and instant < starts[latest - 1] + self.duration


def fires(expression: str, timezone: str, since: datetime, reverse: bool = False) -> Iterator[datetime]:
    """Yield the instants (UTC) at which a checked cron expression fires after `since` (UTC), or before it with `reverse`."""
    for at in CronSim(expression, since.astimezone(zone(timezone)), reverse):
        yield at.astimezone(UTC)


@lru_cache(maxsize=65_536)
def window_starts(expression: str, timezone: str, day: date) -> tuple[datetime, ...]:
    """Return the last window start before a UTC day and all starts within it, in order. Cached: called every minute."""
    midnight = datetime.combine(day, time(), UTC)
    starts: list[datetime] = []
    for at in fires(expression, timezone, midnight, reverse=True):
        starts.append(at)
        break
    for at in fires(expression, timezone, midnight - timedelta(seconds=1)):
        if at >= midnight + A_DAY:
            break
        starts.append(at)
    return tuple(sorted(starts))  # in the repeated hour of a clock change, CronSim may yield an instant before its start


def schedule_bounds(schedules: Sequence[Schedule], now: datetime) -> tuple[int | None, int | None, str | None]:
    """Return floor, ceiling and the name of the schedule that sets them at `now` (aware); None when no open window sets one.

    With several open windows, the highest floor and the lowest ceiling apply. If two schedules set one each, both are named.
    """
    low: int | None = None
    high: int | None = None
    floor_name: str | None = None
    ceiling_name: str | None = None
    for schedule in schedules:
        if not schedule.active(now):
            continue
        if schedule.min is not None and (low is None or schedule.min > low):
            low, floor_name = schedule.min, schedule.label
        if schedule.max is not None and (high is None or schedule.max < high):
            high, ceiling_name = schedule.max, schedule.label
    names = dict.fromkeys(name for name in (floor_name, ceiling_name) if name is not None)
    return low, high, " and ".join(names) or None
