"""How long idle instances of a service stayed, from counts of its active and its idle instances by minute. Pure."""

from datetime import timedelta

import numpy as np

from adapters.gcp.monitoring.demand_rows import DROWSY
from adapters.ports.lever import KeepAliveSeen
from adapters.ports.minute_rows import Minutes

LONGEST = 20
"""Minutes. Cloud Run keeps an idle instance for up to 15: what stayed longer was kept by a minimum."""

SOURCE = "instances that ended in the last 24 h"
MIDDLE, LOW, HIGH = 50, 10, 90


def idle_spans(active: Minutes, idle: Minutes) -> list[int]:
    """Minutes from the last minute in which an instance was needed to the one in which it ended, one for each that ended.

    float64[n] each, NaN where there is no point. The `k`-th instance was last needed when `k` were active; which of them ended is
    not known, and does not matter. A minute without a point is unknown, and no span goes through it; but where the last instances
    had been idle for `DROWSY` minutes, it shows that they have ended.
    """
    unknown = np.isnan(active) & np.isnan(idle)
    used = np.nan_to_num(active)
    total = used + np.nan_to_num(idle)
    spans: list[int] = []
    for at in np.flatnonzero((np.diff(total) < 0) & ~unknown[:-1]) + 1:
        since = max(0, int(at) - LONGEST)
        gap = np.flatnonzero(unknown[since:at])
        known = since + int(gap[-1]) + 1 if len(gap) else since
        asleep = at - known >= DROWSY and not used[at - DROWSY : at].any()
        if unknown[at] and not asleep:
            continue
        for unit in range(int(total[at]) + 1, int(total[at - 1]) + 1):
            needed = np.flatnonzero(used[known:at] >= unit)
            if len(needed):
                spans.append(int(at) - known - int(needed[-1]))
    return spans


def keep_alive_seen(spans: list[int]) -> KeepAliveSeen | None:
    """The median of what was observed, from its 10th to its 90th percentile; None where nothing was."""
    if not spans:
        return None
    low, typical, high = (timedelta(minutes=int(value)) for value in np.percentile(spans, [LOW, MIDDLE, HIGH], method="nearest"))
    return KeepAliveSeen(typical, low, high, len(spans), SOURCE)
