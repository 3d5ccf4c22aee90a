"""Idle time of a service's instances before they ended, from counts of active and idle instances by minute. Pure."""

from datetime import timedelta

import numpy as np

from adapters.gcp.monitoring.proven_minutes import IDLE_LONG
from adapters.ports.lever import KeepAliveSeen
from adapters.ports.minute_rows import Minutes

LONGEST = 20
"""Longest idle time in minutes. Cloud Run keeps an idle instance for up to 15 min; a minimum keeps it longer."""

SOURCE = "instances that ended in the last 24 h"
MIDDLE, LOW, HIGH = 50, 10, 90


def idle_spans(active: Minutes, idle: Minutes) -> list[int]:
    """Return, for each instance that ended, the minutes from the last minute in which it was needed to its end.

    `active`, `idle`: float64[n], NaN where there is no point. The `k`-th instance was last needed when `k` were active; which
    instance ended is unknown and has no effect. A minute without a point is unknown, and no span contains one. Exception: when
    the last instances were idle for `IDLE_LONG` minutes before it, they have ended.
    """
    unknown = np.isnan(active) & np.isnan(idle)
    used = np.nan_to_num(active)
    total = used + np.nan_to_num(idle)
    spans: list[int] = []
    for at in np.flatnonzero((np.diff(total) < 0) & ~unknown[:-1]) + 1:
        since = max(0, int(at) - LONGEST)
        gap = np.flatnonzero(unknown[since:at])
        known = since + int(gap[-1]) + 1 if len(gap) else since
        idle_long = at - known >= IDLE_LONG and not used[at - IDLE_LONG : at].any()
        if unknown[at] and not idle_long:
            continue
        for unit in range(int(total[at]) + 1, int(total[at - 1]) + 1):
            needed = np.flatnonzero(used[known:at] >= unit)
            if len(needed):
                spans.append(int(at) - known - int(needed[-1]))
    return spans


def keep_alive_seen(spans: list[int]) -> KeepAliveSeen | None:
    """Return the median, P10 and P90 of the observed spans; None without any."""
    if not spans:
        return None
    low, typical, high = (timedelta(minutes=int(value)) for value in np.percentile(spans, [LOW, MIDDLE, HIGH], method="nearest"))
    return KeepAliveSeen(typical, low, high, len(spans), SOURCE)
