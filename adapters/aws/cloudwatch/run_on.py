"""In which minutes requests ran whose work is booked in the minute in which they began. Arrays only, no I/O."""

import math

import numpy as np

from adapters.ports.minute_rows import Mask, Minutes

LONGEST_REQUEST = 15
"""Minutes; Lambda ends what runs longer."""

LONG_MS = 30_000.0
"""Requests whose mean is beyond this run on into later minutes to an extent that counts."""


def least_at_work(peak: Minutes, begun: Minutes) -> Minutes:
    """Requests that must have run through the whole of each minute: those at a later minute's peak that had begun before it.
    `peak`, `begun`: of all requests, NaN where unknown.
    """
    counts = np.nan_to_num(begun)
    upto = np.cumsum(counts)
    older = np.full(len(peak), -np.inf)  # at the next minute's peak, beyond all that began up to it
    older[:-1] = np.where(np.isnan(peak[1:]), -np.inf, peak[1:] - upto[1:])
    least: Minutes = np.maximum(np.maximum.accumulate(older[::-1])[::-1] + upto - counts, 0.0)
    return least


def lately(begun: Mask) -> Mask:
    """bool[n]: minutes so soon after one in which a request began that it may still run."""
    at = np.arange(len(begun))
    soon: Mask = at - np.maximum.accumulate(np.where(begun, at, -LONGEST_REQUEST)) < LONGEST_REQUEST
    return soon


def spread(work: Minutes, least: Minutes, most: Minutes, idle: Mask) -> Minutes:
    """`work`, booked where it began, over the minutes in which it was done: at least `least` and at most `most` in each, and as
    early as that allows. NaN where `most` is unknown; work goes on in such a minute, too. It has ended where a minute is `idle`.
    """
    least = np.fmin(least, most)
    if not (least > 0).any() and not (work > most).any() and not np.isnan(most).any():
        return work
    out: list[float] = []
    rest = room = 0.0
    columns = (each.tolist() for each in (work, least, most, _kept_for_later(work, least), idle))
    for booked, low, high, later, is_idle in zip(*columns, strict=True):
        whole, unknown = rest + booked, math.isnan(high)
        room = room + booked if unknown else high or room
        done = min(room, whole) if unknown else min(high, max(low, whole - later))
        rest = 0.0 if is_idle else min(max(0.0, whole - done), LONGEST_REQUEST * room)
        out.append(math.nan if unknown else done)
    return np.array(out)


def _kept_for_later(work: Minutes, least: Minutes) -> Minutes:
    """How much of what is booked up to a minute must be left after it, so that later minutes have their `least`."""
    kept, later = np.zeros(len(work)), 0.0
    booked, low = work.tolist(), least.tolist()
    for at in range(len(work) - 1, 0, -1):
        later = max(0.0, later + low[at] - booked[at])
        kept[at - 1] = later
    return kept
