"""Demand from Lambda's metrics: which minutes are known, and the work in flight in each. Arrays only, no I/O."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from adapters.aws.cloudwatch.proven_minutes import LATE
from adapters.aws.cloudwatch.run_on import least_at_work, may_still_run, spread
from adapters.pinging.own_traffic import Own
from adapters.ports.minute_rows import SILENCE, Mask, Minutes, filled
from forecasting.demand import DemandSeries

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


class Unread(NamedTuple):
    """Minutes without a point of requests, which were not read now, bool[n]; and the usual work per unit of a peak."""

    minutes: Mask
    share: float = 1.0


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
           peakless: bool = False, own: Own | None = None, runs_on: bool = False, unread: Unread | None = None) -> DemandSeries:
    """Return the demand of an alias.

    `proof`, `counted`: see `RegionActivity`. `usual_ms`: mean duration of a request, used where none is known. `newest`: newest
    minute with a point of the region. `peakless`: the alias never has `ConcurrentExecutions`. `own`: own pings, which are removed
    from requests and work; the peak still contains them (see `adapters.pinging.own_traffic`). `runs_on`: requests are so long
    that those of earlier minutes may run in a minute. `unread`: minutes whose requests are unknown because they were not read.

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
    not_read = np.zeros(len(peak), bool) if unread is None else unread.minutes & (peak > 0)
    most = np.where(recorded & ~not_read, _most(peak, invocations, own), np.nan)
    # without its requests, the peak of a minute does not tell how much earlier work ran until then
    peak_of_counted = np.where(not_read, np.nan, peak)
    busy = _at_work(points, _zero_for_nan(np.where(np.isnan(work), peak, work)), peak_of_counted, most, counted, own,
                    runs_on=runs_on and not peakless)
    if unread is not None:
        busy = np.where(not_read, np.minimum(peak, unread.share * peak), busy)
    wanted = peak + np.where(throttles > 0, np.maximum(1.0, np.ceil(refused)), 0.0)
    busy = np.minimum(busy + refused, wanted)
    known = recorded & ~np.isnan(wanted)
    counted_requests = recorded & ~not_read
    requests = invocations + throttles if own is None else \
        np.maximum(_zero_for_nan(points.invocations) + throttles - own.pings, 0.0)
    columns = (np.where(where, column, np.nan).astype(np.float32) for where, column in (
        (known, wanted), (known, busy), (counted_requests, requests)))
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


def share_of(series: DemandSeries, counted: Mask, usual: float) -> float:
    """Return the work per unit of the peaks of the `counted` minutes; `usual` without any demand in them."""
    known = series.known & counted
    total = float(series.peak[known].sum())
    return float(np.nansum(series.busy[known])) / total if total > 0 else usual


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
