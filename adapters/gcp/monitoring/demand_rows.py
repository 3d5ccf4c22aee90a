"""Demand from Cloud Run's metrics: which minutes are known, and how many instances each needed. Arrays only, no I/O.

The number of active instances does not measure demand: Cloud Run spreads requests over all instances, so a minimum that Stoker
sets makes each of them a little active. A minimum does not change the number of requests and their duration.
"""

from dataclasses import dataclass, replace

import numpy as np

from adapters.pinging.own_traffic import Own
from adapters.ports.estimated_peaks import burst, spread_before_end
from adapters.ports.minute_rows import Mask, Minutes, filled
from forecasting.demand import DemandSeries


@dataclass(frozen=True, slots=True)
class Points:
    """Metrics of one service by minute from `first` on, float64[n] each, NaN where there is no point."""

    first: int
    requests: Minutes
    latency_ms: Minutes
    pending: Minutes


def of_users(points: Points, own: Own | None) -> Points:
    """Return the metrics without own pings."""
    if own is None:
        return points
    users = np.maximum(points.requests - own.pings, 0)
    total = np.maximum(points.requests * points.latency_ms - 1000 * own.seconds, 0)
    mean = np.divide(total, users, out=np.full(len(users), np.nan), where=users > 0)
    return replace(points, requests=users, latency_ms=np.where(own.pings > 0, mean, points.latency_ms))


def demand(points: Points, proof: Mask, concurrency: float, usual_ms: float | None) -> DemandSeries:
    """Return demand in instances, each of which takes `concurrency` concurrent requests before Cloud Run starts another.

    `usual_ms`: duration of a request when no minute has one. Cloud Run counts a request, and its duration, in the minute in
    which it ends; here its work is spread over the minutes in which it ran. Average requests in flight are arrivals times latency
    (Little's law). No metric that is independent of Stoker's minimum gives their maximum within the minute. It is estimated for
    independent arrivals: `L + z sqrt(L)` for an average of `L`, where z grows with the number of requests that can follow each
    other within the minute. Requests that wait for an instance are added to the average, because no other metric counts them
    while they wait. `busy` is at least the share of time with any request, since an instance is active with 1 request as with 80.
    """
    some = ~np.isnan(points.requests)
    recorded = present(points) | proof
    requests = np.where(some, points.requests, 0.0)
    seconds = filled(points.latency_ms, usual_ms) / 1000
    in_flight = spread_before_end(requests, np.where(requests > 0, seconds, 0.0))
    known = recorded & ~np.isnan(in_flight)
    in_flight = np.where(known, in_flight, 0.0)
    spread = burst(in_flight, seconds)
    concurrent = np.minimum(in_flight + spread, requests + np.ceil(in_flight))
    concurrent = np.maximum(concurrent, in_flight + np.nan_to_num(points.pending))
    peak = np.maximum(np.ceil(concurrent / concurrency - 1e-9), 0.0)
    busy = np.minimum(np.maximum(in_flight / concurrency, 1 - np.exp(-in_flight)), peak)
    columns = (np.where(where, column, np.nan).astype(np.float32) for where, column in (
        (known, peak), (known, busy), (recorded, requests)))
    return DemandSeries(points.first, *columns)


def present(points: Points) -> Mask:
    """Return bool[n]: minutes in which requests ended, or waited for an instance."""
    return ~np.isnan(points.requests) | (points.pending > 0)
