"""Announced events: when they are, and what they are expected to make of usual demand.

An event says when in one of four ways: once (`start`), again and again (`cron`), on public holidays, or by a calendar file. What
comes of it is `windows_of`: plain spans of time in UTC, each with the name that people know it by.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.cron import check_cron
from config.duration import Duration, format_duration
from config.holiday import check_holidays, holidays_between
from config.ics import occurrences
from config.schedule import A_DAY, LONGEST_WINDOW, MOST_UNITS, fires
from config.zones import zone

MOST_EVENTS = 200
"""To one pool; a calendar file counts as one."""

LARGEST_FACTOR = 1000.0
LONGEST_LEAD = timedelta(days=1)
INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
GAPS = 25
"""So many beginnings of a cron expression are looked at."""

EARLIEST, LATEST = 1970, 2200
WAYS = ("start", "cron", "holidays", "ics")
CLOSED = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class Window(NamedTuple):
    """One occurrence, in UTC: begins at `start`, is over at `end`. `name`: what people call it; `kind`: what it is one of."""

    start: datetime
    end: datetime
    name: str
    kind: str


class Holidays(BaseModel):
    """Public holidays of a country, or of a part of it."""

    model_config = CLOSED

    country: str = Field(min_length=2, max_length=20, examples=["DE"])
    """The country, by its two letters of ISO 3166."""
    subdivision: str | None = Field(default=None, min_length=1, max_length=40, examples=["BY"])
    """A part of it with holidays of its own, by its code within the country."""

    @model_validator(mode="after")
    def _they_are_known(self) -> Self:
        try:
            check_holidays(self.country, self.subdivision)
        except ValueError as error:
            raise PydanticCustomError("holidays", "{text}", {"text": str(error)}) from None
        return self


class Event(BaseModel):
    """Something announced that changes demand while it lasts: a launch, a batch, a public holiday."""

    model_config = CLOSED | ConfigDict(json_schema_extra={
        "allOf": [{"anyOf": [{"required": [way]} for way in WAYS]},
                  {"anyOf": [{"required": ["factor"]}, {"required": ["size"]}]}],
    })

    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["product launch"])
    """What reasons and the dashboard call it, and by what past occurrences are known as the same."""
    factor: Annotated[float, Field(gt=0, le=LARGEST_FACTOR, allow_inf_nan=False)] | None = Field(default=None, examples=[8])
    """Peak demand while it lasts, in multiples of what is usual at that time; below 1 for a quiet day."""
    size: Annotated[int, Field(ge=1, le=MOST_UNITS)] | None = Field(default=None, examples=[120])
    """Or peak demand while it lasts in units, whatever is usual."""
    lead: Duration = Field(default=timedelta(0), examples=["15m"])
    """Be warm so long before it begins, beyond the lead time of the capacity itself; at most 1d."""
    timezone: str = Field(default="UTC", examples=["Europe/Berlin"])
    """IANA time zone of `start`, `end`, `cron` and of whole days."""
    start: str | None = Field(default=None, examples=["2026-12-01T12:00"])
    """Once: when it begins, as 2026-12-01T12:00 or 2026-12-01."""
    end: str | None = Field(default=None, examples=["2026-12-01T14:00"])
    """Once: when it is over; a day without a time of day is included."""
    duration: Duration | None = Field(default=None, examples=["2h"])
    """Once, instead of an end, and with cron: how long it lasts, in elapsed time, from 1m to 31d."""
    cron: str | None = Field(default=None, examples=["0 9 1 * *"])
    """Again and again: when it begins, as five cron fields."""
    holidays: Holidays | None = None
    """Public holidays, each from midnight to midnight."""
    ics: str | None = Field(default=None, min_length=1, max_length=400, examples=["launches.ics"])
    """A calendar file, its path relative to the policy file."""
    summary: str | None = Field(default=None, min_length=1, max_length=200, examples=["webinar"])
    """Of the calendar file, only entries whose summary contains this, in whatever case."""

    _text: str = PrivateAttr(default="")
    _place: str = PrivateAttr(default="")

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, value: str | None) -> str | None:
        return None if value is None else told("cron", lambda: check_cron(value))

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return told("timezone", lambda: zone(value).key)

    @field_validator("start", "end")
    @classmethod
    def _is_an_instant(cls, value: str | None) -> str | None:
        return None if value is None else told("instant", lambda: check_instant(value))

    @field_validator("lead")
    @classmethod
    def _lead_is_sane(cls, value: timedelta) -> timedelta:
        if value > LONGEST_LEAD:
            raise PydanticCustomError("duration", "{span} is too long: at most 1d", {"span": format_duration(value)})
        return value

    @field_validator("duration")
    @classmethod
    def _duration_is_sane(cls, value: timedelta | None) -> timedelta | None:
        if value is not None and not timedelta(minutes=1) <= value <= LONGEST_WINDOW:
            raise PydanticCustomError("duration", "{span}: an event lasts from 1m to 31d", {"span": format_duration(value)})
        return value

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        for wrong, text, at in self._faults():
            if wrong:
                raise PydanticCustomError("event", "{text}", {"text": text, "at": at})
        return self

    def _faults(self) -> Iterator[tuple[bool, str, tuple[str, ...]]]:
        given = [way for way in WAYS if getattr(self, way) is not None]
        yield len(given) != 1, f"an event has exactly one of {', '.join(WAYS)}: {' and '.join(given) or 'none'} is given", ()
        yield (self.factor is None) == (self.size is None), "give exactly one of factor and size", ()
        yield self.summary is not None and self.ics is None, "summary chooses from a calendar file: it needs ics", ("summary",)
        spans = (self.end is not None) + (self.duration is not None)
        yield self.start is not None and spans != 1, "an event with a start has exactly one of end and duration", ("start",)
        yield self.cron is not None and self.duration is None, "an event with cron needs a duration", ("cron",)
        if self.cron is not None and self.duration is not None:
            gap = shortest_gap(self.cron)
            yield gap < timedelta(hours=1), "an event that comes again within the hour is not one", ("cron",)
            yield self.duration > 2 * gap, "it would begin again and again before it is over", ("duration",)
        yield self.end is not None and self.start is None, "only an event with a start has an end", ("end",)
        yield (self.duration is not None and (self.holidays is not None or self.ics is not None),
               "holidays and calendar entries have a length of their own: leave duration out", ("duration",))
        if self.start is not None and self.end is not None:
            first, last = instant(self.start, self.timezone), instant(self.end, self.timezone, last=True)
            yield last <= first, f"it is over before it begins: {self.end} is not after {self.start}", ("end",)
            yield last - first > LONGEST_WINDOW, "an event lasts from 1m to 31d", ("end",)

    @property
    def place(self) -> str:
        """Where the policy says it, as `file:line:column path`; its name when it was not read from a file."""
        return self._place or self.name

    def placed(self, place: str, text: str = "") -> Self:
        """The same event, knowing where it stands and what its calendar file says."""
        out = self.model_copy()
        out._place, out._text = place, text  # noqa: SLF001  (a copy of itself)
        return out


def told(kind: str, check: Callable[[], str]) -> str:
    """What `check` finds, its `ValueError` in the words of the policy file."""
    try:
        return check()
    except ValueError as error:
        raise PydanticCustomError(kind, "{text}", {"text": str(error)}) from None


@lru_cache(maxsize=1024)
def shortest_gap(expression: str) -> timedelta:
    """The shortest span between two of the next beginnings of a checked cron expression."""
    times = list(islice(fires(expression, "UTC", datetime(2026, 1, 1, tzinfo=UTC)), GAPS))
    return min((later - sooner for sooner, later in pairwise(times)), default=LONGEST_WINDOW)


def check_instant(text: str) -> str:
    """`text` itself; `ValueError` unless it names a day, or a day and a time of it."""
    if INSTANT.fullmatch(text):
        try:
            year = datetime.fromisoformat(text).year
        except ValueError:
            year = 0
        if EARLIEST <= year <= LATEST:
            return text
    raise ValueError(f"{text!r:.60} is not an instant such as 2026-12-01T12:00, 2026-12-01 or 2026-12-01T12:00+01:00")


def instant(text: str, timezone: str, *, last: bool = False) -> datetime:
    """A checked instant in UTC. A day alone is its first moment, as the `last` the first of the day after."""
    at = datetime.fromisoformat(text)
    if last and len(text) == len("2026-12-01"):
        at += A_DAY
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone(timezone))).astimezone(UTC)


def day_of(day: date, timezone: str) -> tuple[datetime, datetime]:
    """First moment of a day on the wall of a zone, and of the day after: 23, 24 or 25 hours."""
    begin, end = (datetime.combine(each, time(), zone(timezone)).astimezone(UTC) for each in (day, day + A_DAY))
    return begin, end


@lru_cache(maxsize=4096)
def windows_of(event: Event, first: datetime, end: datetime) -> tuple[Window, ...]:
    """The windows of an event that touch the span from `first` to `end` (UTC), in order. Cached: many pools share an event."""
    found = {Window(*span) for span in spans_of(event, first, end)}  # an hour that a clock passes twice may name one twice
    return tuple(sorted(window for window in found if window.start < end and window.end > first and window.start < window.end))


@lru_cache(maxsize=4096)
def beginnings(expression: str, timezone: str, first: datetime, end: datetime) -> tuple[datetime, ...]:
    """When a checked cron expression fires after `first` and before `end`. Cached: pools that share no event share its hours."""
    return tuple(takewhile(lambda at: at < end, fires(expression, timezone, first)))


def spans_of(event: Event, first: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str, str]]:
    """Those windows, perhaps some more, in any order."""
    name = event.name
    if event.start is not None:
        begin = instant(event.start, event.timezone)
        over = begin + event.duration if event.duration else instant(event.end or event.start, event.timezone, last=True)
        yield begin, over, name, name
    elif event.cron is not None:
        span = event.duration or timedelta(0)
        for at in beginnings(event.cron, event.timezone, first - span - timedelta(minutes=1), end):
            yield at, at + span, name, name
    elif event.holidays is not None:
        for day, called in holidays_between(event.holidays.country, event.holidays.subdivision, first.date() - A_DAY,
                                            end.date() + A_DAY):
            yield *day_of(day, event.timezone), f"{name}: {called}", name
    else:
        for begin, over, called in occurrences(event._text, first, end, event.timezone, event.summary):  # noqa: SLF001
            yield begin, over, f"{name}: {called}" if called else name, f"{name}: {called}"
