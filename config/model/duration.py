"""Durations in the notation of policy files: `30s`, `5m`, `10h`, `2d`, `1h30m`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
NAMED = {
    "w": ("w", "week", "weeks"), "d": ("d", "day", "days"), "h": ("h", "hr", "hrs", "hour", "hours"),
    "m": ("m", "min", "mins", "minute", "minutes"), "s": ("s", "sec", "secs", "second", "seconds"),
}
PATTERN = r"^(?=.)(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$"
ALLOWED = "a span such as 30s, 5m, 10h, 2d or 1h30m"


def parse_duration(text: str) -> timedelta:
    """Return the duration in `text`. Raise `ValueError` when it is not one. A bare 0 needs no unit."""
    if text == "0":
        return timedelta(0)
    match = re.fullmatch(PATTERN, text, re.ASCII)
    if match is None:
        near = near_duration(text)
        raise ValueError(f"{text!r:.60} is not {ALLOWED}" if near is None else f"{text!r:.60} is not {ALLOWED}: write {near}")
    parts = [part for part in match.groups() if part]
    return timedelta(seconds=sum(int(part[:-1]) * UNITS[part[-1]] for part in parts))


def near_duration(text: str) -> str | None:
    """Return the notation of a duration in another form: with words, fractions, spaces, a colon or as ISO 8601.

    None when `text` is no such duration.
    """
    plain = text.strip().lower()
    clock = re.fullmatch(r"(\d{1,4}):(\d\d)(?::(\d\d))?", plain, re.ASCII)
    if clock is not None:
        return format_duration(timedelta(hours=int(clock[1]), minutes=int(clock[2]), seconds=int(clock[3] or 0)))
    if re.fullmatch(r"p(\d+[wd])?(t(\d+h)?(\d+m)?(\d+s)?)?", plain, re.ASCII):
        plain = re.sub("[pt]", " ", plain)
    parts = list(re.finditer(r"(\d{1,6}(?:\.\d{1,6})?)\s*([a-z]+)[\s,]*", plain, re.ASCII))
    units = [next((unit for unit in NAMED if part[2] in NAMED[unit]), None) for part in parts]
    if not parts or None in units or "".join(part[0] for part in parts) != plain.lstrip():
        return None
    seconds = {**UNITS, "w": 604_800}
    span = sum(float(part[1]) * seconds[unit] for part, unit in zip(parts, units, strict=True) if unit is not None)
    return format_duration(timedelta(seconds=round(span))) if span >= 1 else None


def format_duration(span: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads as `span`.

    Raise `ValueError` unless it is a whole number of seconds, 0 or more.
    """
    rest = span // timedelta(seconds=1)
    if rest < 0 or timedelta(seconds=rest) != span:
        raise ValueError(f"{span} is not a whole number of seconds, zero or more")
    text = ""
    for unit, seconds in UNITS.items():
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _read(value: object) -> object:
    """Return a duration for text, for the number 0 or for a duration. Raise a validation error for any other value."""
    if isinstance(value, timedelta):
        if value < timedelta(0) or value.microseconds:
            raise PydanticCustomError("duration", "a span is a whole number of seconds, zero or more")
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise PydanticCustomError("duration", "{text}", {"text": str(error)}) from None
    if value == 0 and type(value) is int:
        return timedelta(0)
    raise PydanticCustomError("duration", "{text}", {"text": f"{value!r:.40} has no unit: write {ALLOWED}"})


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": PATTERN}, {"const": 0}], "examples": ["30s", "5m", "1h30m"]}),
]
"""A field that is read and written in the notation of policy files."""
