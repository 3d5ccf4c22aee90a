"""From Lambda's metrics to demand: which minutes are known, and how much work was in flight in each. Arrays only, no I/O."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.aws.cloudwatch.run_on import lately, least_at_work, spread
from adapters.pinging.own_traffic import Own
from adapters.ports.minute_rows import SILENCE, STEADY, UNSETTLED, Mask, Minutes, edges, filled, sudden
from forecasting.demand import DemandSeries

T = TypeVar("T", bound=np.generic)
LATE = 10
"""Minutes without any point of the region after which its metrics are missing."""

BUSY = 45
"""Of the last hour's minutes: a region that had a point in so many of them and has none any more has stopped."""

UNCOUNTED = 60
"""Minutes with requests and without `ConcurrentExecutions` from which on that metric counts as never published."""


@dataclass(frozen=True, slots=True)
class Points:
    """One alias's metrics by minute from `first` on, float64[n] each, NaN where CloudWatch has no point."""

    first: int
    invocations: Minutes
    concurrency: Minutes
    duration_ms: Minutes
    throttles: Minutes


SILENCE_BACK = 2 * SILENCE + STEADY
"""Minutes before a window that tell whether a silence in it is sudden."""


class Life:
    """What tells idleness from missing metrics in a region. Each float64[n] by minute from `first` on, NaN without a point.

    `invoked`: `Invocations` of the whole region. `claimed`: its `ClaimedAccountConcurrency`. `called`: the count that AWS keeps
    of GetMetricData calls, which Stoker makes every minute; without any point where it was not asked for or does not exist.
    """

    def __init__(self, first: int, invoked: Minutes, claimed: Minutes, called: Minutes) -> None:
        self.first, self._requests = first, np.nan_to_num(invoked)
        self._invoked, self._claimed, self._called = (~np.isnan(each) for each in (invoked, claimed, called))
        self.newest = _last(self._invoked | self._claimed, first)
        """The newest minute in which anything ran in the region, or was claimed there."""

    def proved(self, first: int, end: int, *, trusting: bool = False) -> Mask:
        """bool[end - first]: minutes in which metrics were alive, so that an absent point means that nothing happened.

        Lambda publishes nothing for an alias that is idle, and nothing for any alias while its metrics are missing. A minute is
        proved by a point of the region in that minute, and in no other. Where nothing ran in the region, its claimed concurrency
        proves it, and so does the count of calls once a later minute has one too; `trusting`, the operator does. None of these
        three proves that Lambda publishes: a silence that is sudden in the whole region stays unknown.
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
        """bool[end - first]: minutes in which `Invocations` was alive."""
        return self._within(self._invoked, first, end)

    def requests(self, first: int, end: int) -> Minutes:
        """Requests of the whole region, float64[end - first]."""
        return self._within(self._requests, first, end)

    def silent(self, end: int) -> bool:
        """Whether nothing has run in the region for so long, counted back from minute `end`, that its points should be there."""
        return self.newest is None or end - 1 - self.newest > LATE

    def stopped(self, end: int) -> bool:
        """Whether the region is silent at minute `end` after an hour with hardly a silent minute."""
        if self.newest is None or not self.silent(end):
            return False
        return bool(self._within(self._invoked, self.newest + 1 - STEADY, self.newest + 1).sum() >= BUSY)

    def alive(self, end: int, calling: int, runners: int) -> bool | None:
        """Whether metrics work at minute `end`. `calling`: for how many minutes Stoker has called. `runners`: how many functions
        ran in the region in the hour before it fell silent.

        True with a recent point of the region or of the calls. False when the calls, which go on, have lost their points too, or
        when a region in which several functions ran has `stopped`. None when it is quiet, or its one function has ended, or its
        metrics are missing, and nothing tells which.
        """
        called = _last(self._called, self.first)
        if not self.silent(end) or (called is not None and end - 1 - called <= LATE):
            return True
        if called is not None and calling > 2 * LATE and end - called < calling:
            return False
        return False if runners > 1 and self.stopped(end) else None

    def _within(self, column: NDArray[T], first: int, end: int) -> NDArray[T]:
        """The part of a column that is about `first <= minute < end`; of what was not asked for there is nothing."""
        out = np.zeros(end - first, column.dtype)
        low, high = max(first, self.first), min(end, self.first + len(column))
        if low < high:
            out[low - first : high - first] = column[low - self.first : high - self.first]
        return out


def independent(requests: Minutes) -> int:
    """How many rows of float64[rows, minutes] have requests, where those in step count as one: a function that another one calls
    each time falls silent with it, and is no second witness.
    """
    some = requests[requests.sum(axis=1) > 0]
    shares = some / some.sum(axis=1, keepdims=True)
    return len(np.unique(np.round(shares, 9), axis=0)) if len(some) else 0


def _last(mask: Mask, first: int) -> int | None:
    """The last minute of a mask from `first` on; None when there is none."""
    rows = np.flatnonzero(mask)
    return first + int(rows[-1]) if len(rows) else None


def of_users(points: Points, own: Own | None) -> tuple[Minutes, Minutes]:
    """Requests that were served, and their mean duration in ms, without own pings: float64[n] each, NaN where unknown.

    Pings are much shorter than most requests, so the mean of a minute with pings says little about users; what remains of its
    sum after the pings' own time does.
    """
    if own is None:
        return points.invocations, points.duration_ms
    users = np.maximum(points.invocations - own.pings, 0)
    total = np.maximum(points.invocations * points.duration_ms - 1000 * own.seconds, 0)
    return users, np.divide(total, users, out=np.full(len(users), np.nan), where=users > 0)


def demand(points: Points, proof: Mask, counted: Mask, usual_ms: float | None, newest: int | None = None, *,
           peakless: bool = False, own: Own | None = None, runs_on: bool = False) -> DemandSeries:
    """Rows of demand. `proof`, `counted`: see `Life`. `usual_ms`: mean duration of a request where none is known of the time
    itself. `newest`: the newest minute of which the region has a point. `peakless`: the alias never has the metric of its peak.
    `own`: pings, which requests and work are returned without; the peak still holds them (see `adapters.pinging.own_traffic`).
    `runs_on`: requests last so long that what runs in a minute may have begun in earlier ones.

    An absent point of a proved minute is a zero, but for the newest one of an alias that was at work lately: points are not all
    published in the same second, and its own may be on the way. The minute after will tell.

    `peak` is the most that ran at once plus what was throttled away meanwhile. `busy` is invocations times their duration;
    CloudWatch books a request's whole duration in the minute in which it started, once it has ended, so work is spread over the
    minutes after as their peaks allow (see `adapters.aws.cloudwatch.run_on`). Where `Invocations` is missing although something
    runs, `busy` is the same share of the peak as it last was, unless it may be what began before and runs on; the same applies
    where all `Invocations` are own pings. A minute with invocations but without a peak is not published whole: its requests are
    known and its peak is not, unless the alias is `peakless`. A minute with a duration or a count of throttles, and nothing else,
    is unknown.
    """
    counts, durations = of_users(points, own)
    invocations, throttles = _zero_for_nan(counts), _zero_for_nan(points.throttles)
    some = present(points)
    minutes_each = filled(durations, usual_ms) / 60_000
    work = invocations * minutes_each  # a request that was refused wants one unit at most
    refused = np.where(throttles > 0, _zero_for_nan(throttles * np.minimum(minutes_each, 1.0)), 0.0)
    peak = np.where(np.isnan(points.concurrency) & (_zero_for_nan(points.invocations) == 0), 0.0, points.concurrency)
    if peakless:
        peak = np.where(invocations > 0, np.maximum(1.0, np.ceil(_zero_for_nan(work))), _zero_for_nan(peak))
    proof = _believed(proof, some, None if newest is None else newest - points.first) & np.isnan(points.duration_ms)
    recorded = some | (proof & np.isnan(points.throttles))
    most = np.where(recorded, _most(peak, invocations, own), np.nan)
    busy = _at_work(points, _zero_for_nan(np.where(np.isnan(work), peak, work)), peak, most, counted, own,
                    runs_on=runs_on and not peakless)
    wanted = peak + np.where(throttles > 0, np.maximum(1.0, np.ceil(refused)), 0.0)
    busy = np.minimum(busy + refused, wanted)
    known = recorded & ~np.isnan(wanted)
    requests = invocations + throttles if own is None else \
        np.maximum(_zero_for_nan(points.invocations) + throttles - own.pings, 0.0)
    columns = (np.where(where, column, np.nan).astype(np.float32) for where, column in (
        (known, wanted), (known, busy), (recorded, requests)))
    return DemandSeries(points.first, *columns)


def _at_work(points: Points, work: Minutes, peak: Minutes, most: Minutes, counted: Mask, own: Own | None, *,
             runs_on: bool) -> Minutes:
    """How much of `work` was done in each minute; where `Invocations` are missing, the usual share of the peak."""
    pinged = np.zeros(len(peak), bool) if own is None else own.pings > 0
    begun = ~np.isnan(points.invocations)
    if own is not None:
        begun &= ~(pinged & (points.invocations <= own.pings))
    least, running_on = np.zeros(len(peak)), np.zeros(len(peak), bool)
    if runs_on:
        running_on = lately(begun)
        least = np.where(running_on, least_at_work(peak, points.invocations), 0.0)
    busy = spread(work, least, most, most + peak == 0)
    return _shared(busy, peak, begun & ~pinged, (peak > 0) & (busy == 0) & _uncounted(begun, counted, running_on))


def _most(peak: Minutes, users: Minutes, own: Own | None) -> Minutes:
    """The most requests of users that can have run at once; the peak, where there were no own pings."""
    if own is None:
        return peak
    return np.where(own.at_once > 0, np.minimum(peak, np.maximum(peak - own.at_once, 0.0) + users), peak)


def present(points: Points) -> Mask:
    """bool[n]: minutes in which the alias was at work, or turned requests away."""
    return ~(np.isnan(points.invocations) & np.isnan(points.concurrency)) | (points.throttles > 0)


def has_no_peak(points: Points) -> bool | None:
    """Whether the alias has requests and never a peak; None where too little is known to tell."""
    if not np.isnan(points.concurrency).all():
        return False
    return True if np.count_nonzero(points.invocations > 0) >= UNCOUNTED else None


def _believed(proof: Mask, some: Mask, newest: int | None) -> Mask:
    """`proof` without row `newest` where one of the rows before has a point."""
    if newest is None or not 0 <= newest < len(proof) or not some[max(0, newest - SILENCE) : newest].any():
        return proof
    believed = proof.copy()
    believed[newest] = False
    return believed


def _zero_for_nan(values: Minutes) -> Minutes:
    return np.where(np.isnan(values), 0.0, values)


def _uncounted(begun: Mask, counted: Mask, running_on: Mask) -> Mask:
    """bool[n]: minutes without a count of requests in which some must have begun, if anything runs in them: always one had
    `begun`, or none had in the minute before either, or the metric is missing in the whole region. The last two prove nothing
    where what began before may be `running_on`.
    """
    at, before = np.arange(len(begun)), np.concatenate(([True], begun[:-1]))
    points, lately = np.concatenate(([0], np.cumsum(begun))), np.minimum(at, SILENCE)
    always = (lately >= SILENCE - LATE // 2) & (points[at] - points[at - lately] == lately)
    missing: Mask = ~begun & (always | ((~before | ~counted) & ~running_on))
    return missing


def _shared(busy: Minutes, peak: Minutes, begun: Mask, uncounted: Mask) -> Minutes:
    """`busy`, but in rows that are `uncounted` the share of the peak that it was when a request was last counted as `begun`."""
    if not uncounted.any():
        return busy
    last = np.maximum.accumulate(np.where(begun & (peak > 0), np.arange(len(busy)), -1))
    share = np.where(last >= 0, busy[last] / np.where(peak[last] > 0, peak[last], 1.0), 1.0)
    return np.where(uncounted, share * peak, busy)
