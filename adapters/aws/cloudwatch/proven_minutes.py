"""Minutes in which CloudWatch is proven to work, so that an absent point means zero requests. Arrays only, no I/O."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.ports.minute_rows import SILENCE, STEADY, UNSETTLED, Mask, Minutes, edges, sudden

T = TypeVar("T", bound=np.generic)
LATE = 10
"""Minutes without a point of the region after which its metrics count as missing."""

BUSY = 45
"""Minutes: a region that had a point in at least this many of the last 60 min, and has none now, has stopped."""

SILENCE_BACK = 2 * SILENCE + STEADY
"""Minutes before a window that are read to decide whether a silence in it is sudden."""


class RegionActivity:
    """Metrics of a region that distinguish idleness from missing metrics. Each float64[n] by minute from `first` on, NaN without
    a point.

    `invoked`: `Invocations` of the whole region. `claimed`: its `ClaimedAccountConcurrency`. `called`: AWS's count of
    GetMetricData calls, which Stoker makes every minute; without points when it was not read or does not exist.
    """

    def __init__(self, first: int, invoked: Minutes, claimed: Minutes, called: Minutes) -> None:
        self.first, self._requests = first, np.nan_to_num(invoked)
        self._invoked, self._claimed, self._called = (~np.isnan(each) for each in (invoked, claimed, called))
        self.newest = _last(self._invoked | self._claimed, first)
        """Newest minute in which a function ran in the region, or concurrency was claimed; None without any."""

    def proved(self, first: int, end: int, *, trusting: bool = False) -> Mask:
        """Return bool[end - first]: minutes in which metrics were published, so that an absent point means zero.

        Lambda publishes nothing for an idle alias, and nothing for any alias while its metrics are missing. A point of the region
        proves its own minute only. Where nothing ran in the region, a point of its claimed concurrency proves the minute, and so
        does a count of calls when a later minute has one too; with `trusting`, no proof is needed. None of these three proves
        that Lambda publishes metrics: a silence that is sudden in the whole region stays unknown.
        """
        invoked, quiet = self._invoked, self._claimed.copy()
        called = _last(self._called, 0)
        quiet[:called] |= self._called[:called]
        if trusting:
            quiet[:-UNSETTLED] = True
        quiet &= ~invoked
        alive = invoked | (quiet & ~sudden(invoked, quiet))
        return self._within(alive & ~edges(invoked, alive), first, end)

    def counted(self, first: int, end: int) -> Mask:
        """Return bool[end - first]: minutes in which the region has a point of `Invocations`."""
        return self._within(self._invoked, first, end)

    def requests(self, first: int, end: int) -> Minutes:
        """Return the requests of the whole region, float64[end - first]."""
        return self._within(self._requests, first, end)

    def silent(self, end: int) -> bool:
        """Return whether the region has no point in the last `LATE` minutes before `end`."""
        return self.newest is None or end - 1 - self.newest > LATE

    def stopped(self, end: int) -> bool:
        """Return whether the region is silent at minute `end`, after an hour with points in at least `BUSY` minutes."""
        if self.newest is None or not self.silent(end):
            return False
        return bool(self._within(self._invoked, self.newest + 1 - STEADY, self.newest + 1).sum() >= BUSY)

    def alive(self, end: int, calling: int, runners: int) -> bool | None:
        """Return whether metrics are published at minute `end`; None when it is unknown.

        `calling`: minutes for which Stoker has made calls. `runners`: functions that ran in the region in the hour before it
        became silent. True with a recent point of the region or of the calls. False when the count of calls, which continue, has
        no points either, or when a region in which several functions ran has `stopped`. Otherwise the region may be idle, its
        only function may have stopped, or its metrics may be missing.
        """
        called = _last(self._called, self.first)
        if not self.silent(end) or (called is not None and end - 1 - called <= LATE):
            return True
        if called is not None and calling > 2 * LATE and end - called < calling:
            return False
        return False if runners > 1 and self.stopped(end) else None

    def _within(self, column: NDArray[T], first: int, end: int) -> NDArray[T]:
        """Return the part of a column for `first <= minute < end`, with zeros where it was not read."""
        out = np.zeros(end - first, column.dtype)
        low, high = max(first, self.first), min(end, self.first + len(column))
        if low < high:
            out[low - first : high - first] = column[low - self.first : high - self.first]
        return out


def independent(requests: Minutes) -> int:
    """Return the number of rows of float64[rows, minutes] with requests; proportional rows count as one, because a function that
    another one always calls becomes silent with it.
    """
    active = requests[requests.sum(axis=1) > 0]
    shares = active / active.sum(axis=1, keepdims=True)
    return len(np.unique(np.round(shares, 9), axis=0)) if len(active) else 0


def _last(mask: Mask, first: int) -> int | None:
    """Return the last minute of a mask that starts at `first`; None when there is none."""
    rows = np.flatnonzero(mask)
    return first + int(rows[-1]) if len(rows) else None
