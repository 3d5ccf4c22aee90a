"""What policies say of pings, whatever they go to."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from config.duration import Duration, format_duration

SHORTEST = timedelta(minutes=1)
"""No pause is shorter: a lone unit that a user holds looks like a dead one, however often that happens."""

LONGEST = timedelta(hours=1)
"""No measurement has seen an idle unit live longer than about that."""


def _is_a_pause(value: timedelta) -> timedelta:
    if not SHORTEST <= value <= LONGEST:
        spans = {"span": value, "least": SHORTEST, "most": LONGEST}
        raise PydanticCustomError("duration", "{span} is not between {least} and {most}",
                                  {name: format_duration(span) for name, span in spans.items()})
    return value


Pause = Annotated[Duration, AfterValidator(_is_a_pause)]
"""A span between two rounds of pings."""
