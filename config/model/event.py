"""Announced events: when they occur, and their expected effect on baseline demand.

An event is timed in one of four ways: once (`start`), repeatedly (`cron`), on public holidays, or by a calendar file.
`windows_of` returns its windows: spans of time in UTC, each with a name.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise, takewhile
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator
from pydantic_core import PydanticCustomError

from config.model.cron import check_cron
from config.model.duration import Duration, format_duration
from config.model.holiday import check_holidays, holidays_between
from config.model.ics import occurrences
from config.model.schedule import A_DAY, LONGEST_WINDOW, MOST_UNITS, fires
from config.model.zones import zone

MOST_EVENTS = 200
"""Per pool; a calendar file counts as one."""

LARGEST_FACTOR = 1000.0
LONGEST_LEAD = timedelta(days=1)
INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?)?", re.ASCII)
GAPS = 25
"""Number of start times of a cron expression that are checked."""

EARLIEST, LATEST = 1970, 2200
TIMINGS = ("start", "cron", "holidays", "ics")
"""Keys that time an event; exactly one is set."""
CLOSED = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True)


class Window(NamedTuple):
    """One occurrence from `start` to `end`, in UTC. `name`: its own name; `kind`: the name of its event."""

    start: datetime
    end: datetime
    name: str
    kind: str


class Holidays(BaseModel):
    """Public holidays of a country, or of a part of it."""

    model_config = CLOSED

    country: str = Field(min_length=2, max_length=20, examples=["DE"])
    """The country, as its ISO 3166 two-letter code."""
    subdivision: str | None = Field(default=None, min_length=1, max_length=40, examples=["BY"])
    """A part of the country that has other holidays, as its code within the country."""

    @model_validator(mode="after")
    def _they_are_known(self) -> Self:
        try:
            check_holidays(self.country, self.subdivision)
        except ValueError as error:
            raise PydanticCustomError("holidays", "{text}", {"text": str(error)}) from None
        return self


class Event(BaseModel):
    """An announced change of demand for a limited time: a launch, a batch, a public holiday."""

    model_config = CLOSED | ConfigDict(json_schema_extra={
        "allOf": [{"anyOf": [{"required": [key]} for key in TIMINGS]},
                  {"anyOf": [{"required": ["factor"]}, {"required": ["size"]}]}],
    })

    name: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["product launch"])
    """Its name in reasons and on the dashboard; past occurrences are matched by it."""
    factor: Annotated[float, Field(gt=0, le=LARGEST_FACTOR, allow_inf_nan=False)] | None = Field(default=None, examples=[8])
    """Peak demand during the event, as a multiple of the baseline at that time; below 1 for a quiet day."""
    size: Annotated[int, Field(ge=1, le=MOST_UNITS)] | None = Field(default=None, examples=[120])
    """Peak demand during the event in units, instead of factor."""
    lead: Duration = Field(default=timedelta(0), examples=["15m"])
    """How long before the start capacity must be warm, in addition to its lead time; at most 1d."""
    timezone: str = Field(default="UTC", examples=["Europe/Berlin"])
    """IANA time zone of `start`, `end`, `cron` and of whole days."""
    start: str | None = Field(default=None, examples=["2026-12-01T12:00"])
    """Single event: its start, as 2026-12-01T12:00 or 2026-12-01."""
    end: str | None = Field(default=None, examples=["2026-12-01T14:00"])
    """Single event: its end; a day without a time of day is included."""
    duration: Duration | None = Field(default=None, examples=["2h"])
    """Length in elapsed time, from 1m to 31d: required with cron, and instead of end with start."""
    cron: str | None = Field(default=None, examples=["0 9 1 * *"])
    """Repeated event: its start times, as five cron fields."""
    holidays: Holidays | None = None
    """Public holidays, each from midnight to midnight."""
    ics: str | None = Field(default=None, min_length=1, max_length=400, examples=["launches.ics"])
    """A calendar file, its path relative to the policy file."""
    summary: str | None = Field(default=None, min_length=1, max_length=200, examples=["webinar"])
    """Use only calendar entries whose summary contains this text; case is ignored."""

    _text: str = PrivateAttr(default="")
    _place: str = PrivateAttr(default="")

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, value: str | None) -> str | None:
        return None if value is None else checked("cron", lambda: check_cron(value))

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return checked("timezone", lambda: zone(value).key)

    @field_validator("start", "end")
    @classmethod
    def _is_an_instant(cls, value: str | None) -> str | None:
        return None if value is None else checked("instant", lambda: check_instant(value))

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
        timings = [key for key in TIMINGS if getattr(self, key) is not None]
        yield len(timings) != 1, f"give exactly one of {', '.join(TIMINGS)}: {' and '.join(timings) or 'none'} is given", ()
        yield (self.factor is None) == (self.size is None), "give exactly one of factor and size", ()
        yield (self.summary is not None and self.ics is None,
               "summary selects entries of a calendar file: add ics or remove summary", ("summary",))
        spans = (self.end is not None) + (self.duration is not None)
        yield self.start is not None and spans != 1, "an event with a start has exactly one of end and duration", ("start",)
        yield self.cron is not None and self.duration is None, "an event with cron needs a duration", ("cron",)
        if self.cron is not None and self.duration is not None:
            gap = shortest_gap(self.cron)
            yield gap < timedelta(hours=1), "the event recurs within 1 h: leave at least 1 h between starts", ("cron",)
            yield self.duration > 2 * gap, "it is longer than two intervals of cron: shorten it", ("duration",)
        yield self.end is not None and self.start is None, "end needs start: add start or remove end", ("end",)
        yield (self.duration is not None and (self.holidays is not None or self.ics is not None),
               "holidays and calendar entries have their own length: remove duration", ("duration",))
        if self.start is not None and self.end is not None:
            first, last = instant(self.start, self.timezone), instant(self.end, self.timezone, last=True)
            yield last <= first, f"end {self.end} is not after start {self.start}", ("end",)
            yield last - first > LONGEST_WINDOW, "an event lasts from 1m to 31d", ("end",)

    @property
    def place(self) -> str:
        """Place in the policy as `file:line:column path`; the name when the event was not read from a file."""
        return self._place or self.name

    def placed(self, place: str, text: str = "") -> Self:
        """Return a copy with its place in the policy and the text of its calendar file."""
        out = self.model_copy()
        out._place, out._text = place, text  # noqa: SLF001  (a copy of itself)
        return out


def checked(kind: str, check: Callable[[], str]) -> str:
    """Return the result of `check`; raise its `ValueError` as a validation error of `kind`."""
    try:
        return check()
    except ValueError as error:
        raise PydanticCustomError(kind, "{text}", {"text": str(error)}) from None


@lru_cache(maxsize=1024)
def shortest_gap(expression: str) -> timedelta:
    """Return the shortest span between two of the next `GAPS` start times of a checked cron expression."""
    times = list(islice(fires(expression, "UTC", datetime(2026, 1, 1, tzinfo=UTC)), GAPS))
    return min((later - sooner for sooner, later in pairwise(times)), default=LONGEST_WINDOW)


def check_instant(text: str) -> str:
    """Return `text`. Raise `ValueError` unless it is a day, or a day and a time."""
    if INSTANT.fullmatch(text):
        try:
            year = datetime.fromisoformat(text).year
        except ValueError:
            year = 0
        if EARLIEST <= year <= LATEST:
            return text
    raise ValueError(f"{text!r:.60} is not an instant such as 2026-12-01T12:00, 2026-12-01 or 2026-12-01T12:00+01:00")


def instant(text: str, timezone: str, *, last: bool = False) -> datetime:
    """Return a checked instant in UTC. A day alone is its first moment; with `last`, the first moment of the next day."""
    at = datetime.fromisoformat(text)
    if last and len(text) == len("2026-12-01"):
        at += A_DAY
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone(timezone))).astimezone(UTC)


def day_of(day: date, timezone: str) -> tuple[datetime, datetime]:
    """Return the first moments of a day in a time zone and of the next day: 23, 24 or 25 hours apart."""
    start, end = (datetime.combine(each, time(), zone(timezone)).astimezone(UTC) for each in (day, day + A_DAY))
    return start, end


@lru_cache(maxsize=4096)
def windows_of(event: Event, first: datetime, end: datetime) -> tuple[Window, ...]:
    """Return the windows of an event that overlap `first` to `end` (UTC), in order. Cached: many pools share an event."""
    windows = {Window(*span) for span in spans_of(event, first, end)}  # the repeated hour at a clock change may yield one twice
    return tuple(sorted(window for window in windows if window.start < end and window.end > first and window.start < window.end))


@lru_cache(maxsize=4096)
def start_times(expression: str, timezone: str, first: datetime, end: datetime) -> tuple[datetime, ...]:
    """Return when a checked cron expression fires after `first` and before `end`. Cached: events of pools share start times."""
    return tuple(takewhile(lambda at: at < end, fires(expression, timezone, first)))


def spans_of(event: Event, first: datetime, end: datetime) -> Iterator[tuple[datetime, datetime, str, str]]:
    """Yield the windows that overlap the span, in any order; some may lie outside it."""
    name = event.name
    if event.start is not None:
        start = instant(event.start, event.timezone)
        over = start + event.duration if event.duration else instant(event.end or event.start, event.timezone, last=True)
        yield start, over, name, name
    elif event.cron is not None:
        span = event.duration or timedelta(0)
        for at in start_times(event.cron, event.timezone, first - span - timedelta(minutes=1), end):
            yield at, at + span, name, name
    elif event.holidays is not None:
        for day, holiday in holidays_between(event.holidays.country, event.holidays.subdivision, first.date() - A_DAY,
                                             end.date() + A_DAY):
            yield *day_of(day, event.timezone), f"{name}: {holiday}", name
    else:
        for start, over, summary in occurrences(event._text, first, end, event.timezone, event.summary):  # noqa: SLF001
            yield start, over, f"{name}: {summary}" if summary else name, f"{name}: {summary}"
