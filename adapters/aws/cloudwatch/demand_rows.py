"""Demand from Lambda's metrics: which minutes are known, and the work in flight in each. Arrays only, no I/O."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from adapters.aws.cloudwatch.run_on import least_at_work, may_still_run, spread
from adapters.pinging.own_traffic import Own
from adapters.ports.minute_rows import SILENCE, STEADY, UNSETTLED, Mask, Minutes, edges, filled, sudden
from forecasting.demand import DemandSeries

T = TypeVar("T", bound=np.generic)
LATE = 10
"""Minutes without a point of the region after which its metrics count as missing."""

BUSY = 45
"""Minutes: a region that had a point in at least this many of the last 60 min, and has none now, has stopped."""

UNCOUNTED = 60
"""Minutes with requests and without `ConcurrentExecutions` after which that metric counts as never published."""


@dataclass(frozen=True, slots=True)
class Points:
    """Metrics of one alias by minute from `first` on, float64[n] each, NaN where CloudWatch has no point."""

    first: int
    invocations: Minutes
    concurrency: Minutes
    duration_ms: Minutes
    throttles: Minutes


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


def of_users(points: Points, own: Own | None) -> tuple[Minutes, Minutes]:
    """Return the served requests and their mean duration in ms, without own pings: float64[n] each, NaN where unknown.

    Pings are much shorter than most requests, so the duration is the sum of the minute without the time of the pings, divided by
    the requests of users.
    """
    if own is None:
        return points.invocations, points.duration_ms
    users = np.maximum(points.invocations - own.pings, 0)
    total = np.maximum(points.invocations * points.duration_ms - 1000 * own.seconds, 0)
    return users, np.divide(total, users, out=np.full(len(users), np.nan), where=users > 0)


def demand(points: Points, proof: Mask, counted: Mask, usual_ms: float | None, newest: int | None = None, *,
           peakless: bool = False, own: Own | None = None, runs_on: bool = False) -> DemandSeries:
    """Return the demand of an alias.

    `proof`, `counted`: see `RegionActivity`. `usual_ms`: mean duration of a request, used where none is known. `newest`: newest
    minute with a point of the region. `peakless`: the alias never has `ConcurrentExecutions`. `own`: own pings, which are removed
    from requests and work; the peak still contains them (see `adapters.pinging.own_traffic`). `runs_on`: requests are so long
    that those of earlier minutes may run in a minute.

    An absent point of a proved minute is zero, except for the newest minute of an alias that ran recently: points of a minute are
    not published at the same time, and the alias's may follow. The next minute decides.

    `peak` is the maximum of concurrent requests plus throttled ones. `busy` is invocations times duration; CloudWatch counts a
    request's whole duration in the minute of its start, after its end, so work is distributed over the following minutes within
    their peaks (see `adapters.aws.cloudwatch.run_on`). Where `Invocations` is missing although requests run, `busy` has the same
    share of the peak as before, unless requests of earlier minutes may still run; the same applies where all `Invocations` are
    own pings. A minute with invocations but without a peak is not yet published completely: its requests are known and its peak
    is not, unless the alias is `peakless`. A minute with only a duration or a count of throttles is unknown.
    """
    counts, durations = of_users(points, own)
    invocations, throttles = _zero_for_nan(counts), _zero_for_nan(points.throttles)
    has_point = present(points)
    minutes_each = filled(durations, usual_ms) / 60_000
    work = invocations * minutes_each  # a throttled request needs at most one unit
    refused = np.where(throttles > 0, _zero_for_nan(throttles * np.minimum(minutes_each, 1.0)), 0.0)
    peak = np.where(np.isnan(points.concurrency) & (_zero_for_nan(points.invocations) == 0), 0.0, points.concurrency)
    if peakless:
        peak = np.where(invocations > 0, np.maximum(1.0, np.ceil(_zero_for_nan(work))), _zero_for_nan(peak))
    proof = _without_newest(proof, has_point, None if newest is None else newest - points.first) & np.isnan(points.duration_ms)
    recorded = has_point | (proof & np.isnan(points.throttles))
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
    """Return the part of `work` that ran in each minute; where `Invocations` are missing, the usual share of the peak."""
    pinged = np.zeros(len(peak), bool) if own is None else own.pings > 0
    started = ~np.isnan(points.invocations)
    if own is not None:
        started &= ~(pinged & (points.invocations <= own.pings))
    least, running_on = np.zeros(len(peak)), np.zeros(len(peak), bool)
    if runs_on:
        running_on = may_still_run(started)
        least = np.where(running_on, least_at_work(peak, points.invocations), 0.0)
    busy = spread(work, least, most, most + peak == 0)
    return _shared(busy, peak, started & ~pinged, (peak > 0) & (busy == 0) & _uncounted(started, counted, running_on))


def _most(peak: Minutes, users: Minutes, own: Own | None) -> Minutes:
    """Return the maximum of concurrent requests of users; the peak in minutes without own pings."""
    if own is None:
        return peak
    return np.where(own.at_once > 0, np.minimum(peak, np.maximum(peak - own.at_once, 0.0) + users), peak)


def present(points: Points) -> Mask:
    """Return bool[n]: minutes in which the alias ran or throttled requests."""
    return ~(np.isnan(points.invocations) & np.isnan(points.concurrency)) | (points.throttles > 0)


def has_no_peak(points: Points) -> bool | None:
    """Return whether the alias has requests and never a peak; None with too few minutes to decide."""
    if not np.isnan(points.concurrency).all():
        return False
    return True if np.count_nonzero(points.invocations > 0) >= UNCOUNTED else None


def _without_newest(proof: Mask, has_point: Mask, newest: int | None) -> Mask:
    """Return `proof` without row `newest` when one of the `SILENCE` rows before it has a point."""
    if newest is None or not 0 <= newest < len(proof) or not has_point[max(0, newest - SILENCE) : newest].any():
        return proof
    settled = proof.copy()
    settled[newest] = False
    return settled


def _zero_for_nan(values: Minutes) -> Minutes:
    return np.where(np.isnan(values), 0.0, values)


def _uncounted(started: Mask, counted: Mask, running_on: Mask) -> Mask:
    """Return bool[n]: minutes without a count of requests in which some must have started, if any run in them.

    Either requests `started` in every recent minute, or in none of the previous one, or the metric is missing in the whole
    region. The last two cases prove nothing where earlier requests may be `running_on`.
    """
    at, before = np.arange(len(started)), np.concatenate(([True], started[:-1]))
    points, span = np.concatenate(([0], np.cumsum(started))), np.minimum(at, SILENCE)
    always = (span >= SILENCE - LATE // 2) & (points[at] - points[at - span] == span)
    missing: Mask = ~started & (always | ((~before | ~counted) & ~running_on))
    return missing


def _shared(busy: Minutes, peak: Minutes, started: Mask, uncounted: Mask) -> Minutes:
    """Return `busy`; in rows that are `uncounted`, the peak times its busy share in the last row with requests that `started`."""
    if not uncounted.any():
        return busy
    last = np.maximum.accumulate(np.where(started & (peak > 0), np.arange(len(busy)), -1))
    share = np.where(last >= 0, busy[last] / np.where(peak[last] > 0, peak[last], 1.0), 1.0)
    return np.where(uncounted, share * peak, busy)
