"""Spans of time as people write them: `30s`, `5m`, `10h`, `2d`, `1h30m`."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
PATTERN = r"^(?=.)(\d{1,6}d)?(\d{1,6}h)?(\d{1,6}m)?(\d{1,6}s)?$"
ALLOWED = "a span such as 30s, 5m, 10h, 2d or 1h30m"


def parse_duration(text: str) -> timedelta:
    """The span that `text` says; `ValueError` when it says none. A bare 0 needs no unit."""
    if text == "0":
        return timedelta(0)
    match = re.fullmatch(PATTERN, text, re.ASCII)
    if match is None:
        raise ValueError(f"{text!r} is not {ALLOWED}")
    parts = [part for part in match.groups() if part]
    return timedelta(seconds=sum(int(part[:-1]) * UNITS[part[-1]] for part in parts))


def format_duration(span: timedelta) -> str:
    """The shortest text that `parse_duration` reads as `span`, which must be whole seconds and not negative."""
    left = span // timedelta(seconds=1)
    if left < 0 or timedelta(seconds=left) != span:
        raise ValueError(f"{span} is not a whole number of seconds, zero or more")
    text = ""
    for unit, seconds in UNITS.items():
        count, left = divmod(left, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _read(value: object) -> object:
    """Text and the number 0 become a span; a span stays one; anything else is refused with what is allowed."""
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
"""A field that reads and writes a span as people write it."""
