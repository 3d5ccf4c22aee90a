"""How much counters rose between two readings of a page: each label set by itself, then summed.

The sum of counters is no counter. When one unit of several ends, its label set leaves the page and the sum falls. Taken for a
restart, that would count everything that the other units ever served as the requests of one minute.
"""

from collections.abc import Mapping
from math import nan

from adapters.web.exposition import Labels, Value

CLOCK_SKEW_SECONDS = 60.0
"""By which the clock of a unit may be ahead of ours."""


def increase(before: Mapping[Labels, Value], after: Mapping[Labels, Value], since: float, until: float) -> float:
    """Return by how much all label sets rose between the readings at `since` and `until` (seconds since the epoch).

    A new label set counts if it is known to have begun at zero between them; otherwise it is left out, since it may have counted
    for months. One that is gone is left out. NaN where that leaves nothing, or where a counter changed without counting.
    """
    risen = [_risen(before.get(labels), value, since, until) for labels, value in after.items()]
    known = [each for each in risen if each is not None]
    return sum(known) if known else nan


def _risen(before: Value | None, after: Value, since: float, until: float) -> float | None:
    """None where it is unknown when the label set began; NaN where its value is of another process, or of no counter."""
    began, anew = after.created, before is None or before.created != after.created
    if began is not None and anew and since <= began <= until + CLOCK_SKEW_SECONDS:
        return after.value
    if before is None:
        return None
    if began is None or before.created is None:
        return after.value - before.value if after.value >= before.value else after.value
    return after.value - before.value if not anew and after.value >= before.value else nan
