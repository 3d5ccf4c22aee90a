"""From Cloud Run's metrics to demand: which minutes are known, and how many instances were wanted in each. Arrays only, no I/O.

Active instances are no measure of demand: requests are spread evenly over all instances, so a floor of ours makes every one of
them a little active. What a floor cannot change is how many requests came and how long they took.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.ports.minute_rows import STEADY, UNSETTLED, Mask, Minutes, edges, filled, sudden
from forecasting.demand import DemandSeries

DROWSY = 5
"""Minutes without any instance at work, before all are gone, by which a project that fell asleep is told from an outage."""

LATE = 10
"""Minutes after which telemetry that must have points counts as broken or late."""

LONGEST_REQUEST = 60
"""Minutes; Cloud Run ends what runs longer."""


@dataclass(frozen=True, slots=True)
class Points:
    """One service's metrics by minute from `first` on, float64[n] each, NaN where there is no point."""

    first: int
    requests: Minutes
    latency_ms: Minutes
    pending: Minutes


@dataclass(frozen=True, slots=True)
class Control:
    """Whether anything at all had an instance in the project: sorted int64[n] `minutes` with a point, and bool[n] `drowsy` where
    no instance had been at work for `DROWSY` minutes on end, so that silence after it is sleep.
    """

    minutes: NDArray[np.int64]
    drowsy: NDArray[np.bool_]

    @classmethod
    def of(cls, first: int, active: Minutes, idle: Minutes) -> "Control":
        """From the counts of instances by minute from `first` on, float64[n] each, NaN where there is no point."""
        at = np.flatnonzero(~np.isnan(active) | ~np.isnan(idle))
        order = np.arange(len(at))
        quiet_for = order - np.maximum.accumulate(np.where(np.nan_to_num(active[at]) > 0, order, -1))
        begun = at[np.maximum(order - DROWSY + 1, 0)]
        return cls(at + first, (quiet_for >= DROWSY) & (at - begun == DROWSY - 1))

    def after(self, earlier: "Control | None") -> "Control":
        """These points, with what was seen earlier: its last point, and what was known of those that are in both."""
        if earlier is None or not len(earlier.minutes):
            return self
        drowsy = self.drowsy | np.isin(self.minutes, earlier.minutes[earlier.drowsy])
        if len(self.minutes) and self.minutes[0] <= earlier.minutes[-1]:
            return Control(self.minutes, drowsy)
        return Control(np.concatenate((earlier.minutes[-1:], self.minutes)), np.concatenate((earlier.drowsy[-1:], drowsy)))


def proved(control: Control, first: int, end: int, *, warm_since: int | None, trusting: bool = False) -> Mask:
    """bool[end - first]: minutes in which telemetry is proved alive, so that an absent point means that nothing happened.

    A minute is proved by a point of the project in that minute, and in no other. Silence is believed where the project fell
    asleep: instances that idle for minutes and then are gone, as Cloud Run does after the last request; but not from minute
    `warm_since` on, since when something has been kept warm (None: nothing is), for that has points. Silence that begins while
    something is at work proves nothing, however long, unless the policy is `trusting`: then what is sudden stays unknown.
    """
    back = first - 2 * STEADY
    minutes, there = np.arange(back, end), np.zeros(end - back, bool)
    there[control.minutes[(control.minutes >= back) & (control.minutes < end)] - back] = True
    asleep = np.zeros(len(minutes), bool)
    if len(control.minutes):
        before = np.searchsorted(control.minutes, minutes, "right") - 1
        asleep = (before >= 0) & control.drowsy[np.maximum(before, 0)] & ~there
        asleep &= minutes < (end if warm_since is None else warm_since)
    trusted = ~there & ~asleep & trusting & (minutes < end - UNSETTLED)
    alive = there | asleep | (trusted & ~sudden(there, trusted | asleep))
    proof: Mask = alive & ~edges(there, alive)
    return proof[first - back :]


def alive(control: Control, end: int, *, kept_warm: bool) -> bool | None:
    """Whether telemetry works at minute `end`: True with a recent point, False when there is none although some instance has been
    `kept_warm` for long, None when nothing need have been running.
    """
    if len(control.minutes) and end - 1 - int(control.minutes[-1]) <= LATE:
        return True
    return False if kept_warm else None


def demand(points: Points, proof: Mask, concurrency: float, usual_ms: float | None) -> DemandSeries:
    """Rows of demand in instances, of which each takes `concurrency` requests at once before Cloud Run starts another.

    Cloud Run counts a request, and its duration, in the minute in which it ends: its work is laid back over the minutes that it
    ran in. Requests in flight are arrivals times latency (Little's law). Their most at once is not told by any metric that our
    own floor leaves alone; it is estimated for arrivals that come independently of each other, which gives `L + z sqrt(L)` for
    an average of `L`, with z growing with the number of requests that can follow each other within the minute. Requests that
    waited for an instance come on top of the average: as long as they wait, nothing else counts them. `busy` is never below the
    share of time with any request at all, since an instance is at work with one as with eighty.
    """
    some = ~np.isnan(points.requests)
    recorded = present(points) | proof
    requests = np.where(some, points.requests, 0.0)
    seconds = filled(points.latency_ms, usual_ms) / 1000
    in_flight = _laid_back(requests, np.where(requests > 0, seconds, 0.0))
    known = recorded & ~np.isnan(in_flight)
    in_flight = np.where(known, in_flight, 0.0)
    turns = np.maximum(60 / np.maximum(np.where(np.isnan(seconds), 60.0, seconds), 0.001), np.e)
    spread = np.sqrt(2 * np.log(turns) * in_flight)
    at_once = np.minimum(in_flight + spread, requests + np.ceil(in_flight))
    at_once = np.maximum(at_once, in_flight + np.nan_to_num(points.pending))
    peak = np.maximum(np.ceil(at_once / concurrency - 1e-9), 0.0)
    busy = np.minimum(np.maximum(in_flight / concurrency, 1 - np.exp(-in_flight)), peak)
    columns = (np.where(where, column, np.nan).astype(np.float32) for where, column in (
        (known, peak), (known, busy), (recorded, requests)))
    return DemandSeries(points.first, *columns)


def present(points: Points) -> Mask:
    """bool[n]: minutes in which requests ended, or waited for an instance."""
    return ~np.isnan(points.requests) | (points.pending > 0)


def _laid_back(requests: Minutes, seconds: Minutes) -> Minutes:
    """Average requests in flight, when `requests` ended in each minute after `seconds` each."""
    work = requests * seconds / 60
    lengths = np.clip(np.nan_to_num(seconds) / 60, 0, LONGEST_REQUEST)
    out = work.copy()
    for row in np.flatnonzero(lengths > 1):
        minutes = math.ceil(float(lengths[row]))
        out[row] -= work[row]
        out[max(0, int(row) - minutes + 1) : row + 1] += work[row] / minutes
    return out
