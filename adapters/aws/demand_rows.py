"""From Lambda's metrics to demand: which minutes are known, and how much work was in flight in each. Arrays only, no I/O."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.minutes import SILENCE, Minutes, bridged, filled
from forecasting.demand import DemandSeries

LATE = 10
"""Minutes after which a region that has a point nearly every minute counts as broken or late."""

LONGEST_REQUEST = 15
"""Minutes; Lambda ends what runs longer."""


@dataclass(frozen=True, slots=True)
class Points:
    """One alias's metrics by minute from `first` on, float64[n] each, NaN where CloudWatch has no point."""

    first: int
    invocations: Minutes
    concurrency: Minutes
    duration_ms: Minutes
    throttles: Minutes


def proved(region: NDArray[np.int64], first: int, end: int) -> NDArray[np.bool_]:
    """bool[end - first]: minutes in which telemetry is proved alive, so that an absent point means that nothing happened.

    Lambda publishes nothing for an alias that is idle, and nothing for anybody while telemetry is down. What tells the two apart
    are the minutes `region` (sorted) that have a point of the whole region: proved is a minute between two of them, itself
    included, that are at most `SILENCE` apart. The newest minutes, for which the region has no point yet, are never proved, and
    a region in which nothing at all runs proves nothing.
    """
    return bridged(region, first, end)


def alive(region: NDArray[np.int64], end: int) -> bool | None:
    """Whether telemetry works at minute `end`: True with a recent point of the region, False when a region that hardly missed a
    minute has gone silent, None when it is too quiet to tell.
    """
    if not len(region):
        return None
    newest = int(region[-1])
    if end - 1 - newest <= LATE:
        return True
    return False if np.count_nonzero(region > newest - 60) >= 45 else None


def demand(points: Points, proof: NDArray[np.bool_], usual_ms: float | None, newest: int | None = None) -> DemandSeries:
    """Rows of demand. `usual_ms`: mean duration of a request where none is known of the time itself. `newest`: the newest minute
    of which the region has a point.

    An absent point of a proved minute is a zero, but for the newest one of an alias that was at work lately: points are not all
    published in the same second, and its own may be on the way. The minute after will tell.

    `peak` is the most that ran at once plus what was throttled away meanwhile. `busy` is invocations times their duration;
    CloudWatch books a request's whole duration in the minute in which it started, so what exceeds the peak is carried on into
    the minutes after. A minute with invocations but without the peak that other minutes have is not published whole yet: unknown.
    """
    invocations, throttles = _zero_for_nan(points.invocations), _zero_for_nan(points.throttles)
    some = ~(np.isnan(points.invocations) & np.isnan(points.concurrency) & np.isnan(points.throttles))
    minutes_each = filled(points.duration_ms, usual_ms) / 60_000
    work, refused = invocations * minutes_each, np.where(throttles > 0, _zero_for_nan(throttles * minutes_each), 0.0)
    peak = np.where(np.isnan(points.concurrency) & (invocations == 0), 0.0, points.concurrency)
    if np.isnan(points.concurrency).all():
        peak = np.where(invocations > 0, np.maximum(1.0, np.ceil(_zero_for_nan(work))), peak)
    busy = _carried(np.where(np.isnan(work), peak, work), peak)
    wanted = peak + np.where(throttles > 0, np.maximum(1.0, np.ceil(refused)), 0.0)
    busy = np.minimum(busy + refused, wanted)
    known = (some | _believed(proof, some, None if newest is None else newest - points.first)) & ~np.isnan(wanted)
    columns = (np.where(known, column, np.nan).astype(np.float32) for column in (wanted, busy, invocations + throttles))
    return DemandSeries(points.first, *columns)


def _believed(proof: NDArray[np.bool_], some: NDArray[np.bool_], newest: int | None) -> NDArray[np.bool_]:
    """`proof` without row `newest` where one of the rows before has a point."""
    if newest is None or not 0 <= newest < len(proof) or not some[max(0, newest - SILENCE) : newest].any():
        return proof
    believed = proof.copy()
    believed[newest] = False
    return believed


def _zero_for_nan(values: Minutes) -> Minutes:
    return np.where(np.isnan(values), 0.0, values)


def _carried(work: Minutes, cap: Minutes) -> Minutes:
    """`work` within `cap`; what is over goes on in the next minutes, as long as something runs in them."""
    if not (work > cap).any():
        return np.where(np.isnan(cap), np.nan, work)
    rest, out = 0.0, []
    for wanted, most in zip(work.tolist(), cap.tolist(), strict=True):
        if not most > 0:  # nothing runs, or it is not known what does
            rest = 0.0
            out.append(0.0)
            continue
        done = min(wanted + rest, most)
        rest = min(wanted + rest - done, LONGEST_REQUEST * most)
        out.append(done)
    return np.array(out)
