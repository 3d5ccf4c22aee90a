"""Distribution of work over the minutes in which it ran: CloudWatch counts it in the minute of the start. Arrays only, no I/O."""

import math

import numpy as np

from adapters.ports.minute_rows import Mask, Minutes

LONGEST_REQUEST = 15
"""Minutes; Lambda stops longer requests."""

LONG_MS = 30_000.0
"""Mean duration in ms above which requests run into later minutes to a relevant extent."""


def least_at_work(peak: Minutes, started: Minutes) -> Minutes:
    """Return the least number of requests that ran through the whole of each minute: those at a later minute's peak that started
    before it. `peak`, `started`: of all requests, NaN where unknown.
    """
    counts = np.nan_to_num(started)
    total = np.cumsum(counts)
    older = np.full(len(peak), -np.inf)  # part of the next minute's peak above all requests that started up to it
    older[:-1] = np.where(np.isnan(peak[1:]), -np.inf, peak[1:] - total[1:])
    least: Minutes = np.maximum(np.maximum.accumulate(older[::-1])[::-1] + total - counts, 0.0)
    return least


def may_still_run(started: Mask) -> Mask:
    """Return bool[n]: minutes less than `LONGEST_REQUEST` after one in which a request started, which may still run."""
    at = np.arange(len(started))
    recent: Mask = at - np.maximum.accumulate(np.where(started, at, -LONGEST_REQUEST)) < LONGEST_REQUEST
    return recent


def spread(work: Minutes, least: Minutes, most: Minutes, idle: Mask) -> Minutes:
    """Return `work`, which is counted at its start, by the minutes in which it ran: at least `least` and at most `most` in each
    minute, and as early as possible.

    NaN where `most` is unknown; work continues in such a minute. All work has ended in an `idle` minute.
    """
    least = np.fmin(least, most)
    if not (least > 0).any() and not (work > most).any() and not np.isnan(most).any():
        return work
    out: list[float] = []
    remaining = room = 0.0
    columns = (each.tolist() for each in (work, least, most, _reserved_for_later(work, least), idle))
    for booked, low, high, later, is_idle in zip(*columns, strict=True):
        total, unknown = remaining + booked, math.isnan(high)
        room = room + booked if unknown else high or room
        done = min(room, total) if unknown else min(high, max(low, total - later))
        remaining = 0.0 if is_idle else min(max(0.0, total - done), LONGEST_REQUEST * room)
        out.append(math.nan if unknown else done)
    return np.array(out)


def _reserved_for_later(work: Minutes, least: Minutes) -> Minutes:
    """Return the work counted up to each minute that must remain after it, so that later minutes have their `least`."""
    reserved, later = np.zeros(len(work)), 0.0
    booked, low = work.tolist(), least.tolist()
    for at in range(len(work) - 1, 0, -1):
        later = max(0.0, later + low[at] - booked[at])
        reserved[at - 1] = later
    return reserved
