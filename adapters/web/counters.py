"""Increase of counters between two reads of a page: computed for each label set, then summed.

The sum of counters is not a counter. When one of several units stops, its label set leaves the page and the sum falls. If that
counted as a restart, all earlier requests of the other units would count as the requests of one minute.
"""

from collections.abc import Mapping
from math import nan

from adapters.web.exposition import Labels, Value

CLOCK_SKEW_SECONDS = 60.0
"""Maximum by which the clock of a unit may be ahead of this machine's."""


def increase(before: Mapping[Labels, Value], after: Mapping[Labels, Value], since: float, until: float) -> float:
    """Return the increase of all label sets between the reads at `since` and `until` (seconds since the epoch).

    A new label set counts if it is known to have started at zero between them; otherwise it is left out, because it may have
    counted for months. A label set that is gone is left out. NaN when none remains, or when a counter changed without counting.
    """
    increases = [_increase(before.get(labels), value, since, until) for labels, value in after.items()]
    known = [each for each in increases if each is not None]
    return sum(known) if known else nan


def _increase(before: Value | None, after: Value, since: float, until: float) -> float | None:
    """Return one increase; None when the start of the label set is unknown, NaN when it has another start or is not a counter."""
    restarted = before is None or before.created != after.created
    if after.created is not None and restarted and since <= after.created <= until + CLOCK_SKEW_SECONDS:
        return after.value
    if before is None:
        return None
    if after.created is None or before.created is None:
        return after.value - before.value if after.value >= before.value else after.value
    return after.value - before.value if not restarted and after.value >= before.value else nan
