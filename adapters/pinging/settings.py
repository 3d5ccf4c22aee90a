"""Policy settings of pings, for all levers that ping."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from config.model.duration import Duration, format_duration

SHORTEST = timedelta(minutes=1)
"""Minimum pause: a single unit that a user holds cannot be distinguished from a stopped one."""

LONGEST = timedelta(hours=1)
"""Maximum pause: no measurement shows a longer idle life of a unit."""


def _is_a_pause(value: timedelta) -> timedelta:
    if not SHORTEST <= value <= LONGEST:
        spans = {"span": value, "least": SHORTEST, "most": LONGEST}
        raise PydanticCustomError("duration", "{span} is not between {least} and {most}",
                                  {name: format_duration(span) for name, span in spans.items()})
    return value


Pause = Annotated[Duration, AfterValidator(_is_a_pause)]
"""Time between two rounds of pings."""
