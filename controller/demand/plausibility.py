"""Plausibility of a source's answer: impossible values and sudden silence become unknown. Pure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import Unreachable
from adapters.ports.minute_rows import SILENCE, STEADY, Mask, sudden
from controller.decision.planning.observation import MOST_UNITS
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of
from forecasting.plausible import doubts, without

MOST_REQUESTS = 1e9
"""Requests per minute above which a value is impossible."""

CONTEXT = STEADY + SILENCE
"""Minutes before an answer from which it is decided whether silence in it is sudden."""

LATE, GAP, RUN = 2, 3, 5
"""Minutes that prevent a scale-in: `LATE` newest ones missing, or a gap of `GAP` until `RUN` known minutes follow it.

The shortest candidates look back 5 min.
"""

NOTHING = np.empty(0, np.int64)
LOOK = 30
"""Minutes from which `unseen` is calculated for one decision."""


def possible(name: str, item: Telemetry, day: Callable[[str, int], DemandSeries]) -> Telemetry:
    """Return `item` without impossible minutes: negative, infinite, above any provider's limit, or contradicting themselves.

    They become unknown, not zero: a single one would distort the scores of all candidates. `day`: returns the rows of a pool in
    memory before a minute.
    """
    series = item.series
    wrong = ((series.peak < 0) | (series.peak > MOST_UNITS) | (series.busy < 0) | (series.busy > MOST_UNITS)
             | (series.invocations < 0) | (series.invocations > MOST_REQUESTS))
    doubtful = doubts(series, lambda: day(name, series.first_minute))
    if doubtful is not None:
        wrong |= doubtful.any
    if not wrong.any():
        return item
    at = int(np.argmax(wrong))
    values = f"{series.invocations[at]:g} requests, {series.peak[at]:g} units at most and {series.busy[at]:g} on average"
    error = item.error or Unreachable(f"{name}: the source reports impossible demand in {int(wrong.sum())} minutes from "
                                      f"{instant_of(series.first_minute + at):%Y-%m-%d %H:%M} UTC on, which count as unknown; "
                                      f"in the first, {values}: correct the metric")
    return replace(item, series=without(series, wrong), error=error)


def unlikely(item: Telemetry, before: DemandSeries) -> Telemetry:
    """Return `item` without zeros that result from sudden silence, because only the points of this pool may be missing.

    `before`: the `CONTEXT` minutes before the answer. While such silence lasts, `quiet` of the answer is set.
    """
    series, absent = item.series, item.absent
    if absent is None or not len(series):
        return item
    silent = absent & series.known
    if not silent.any():
        return item
    idle = (before.peak == 0) & (before.invocations == 0)
    doubted = sudden(np.concatenate((before.recorded & ~idle, ~absent)), np.concatenate((idle, silent)), len(idle))[len(idle) :]
    if not (doubted & silent).any():
        return item
    since = series.first_minute + int(np.flatnonzero(~absent)[-1]) + 1 if not absent.all() else series.first_minute
    sudden_stop = (f"no point since {instant_of(since):%H:%M} UTC, after an hour without a silent minute: it counts as idle once "
                   f"it lasts {SILENCE} min")
    return replace(item, series=without(series, doubted & silent), quiet=item.quiet or (sudden_stop if doubted[-1] else ""))


def lost_of(item: Telemetry, end: int) -> NDArray[np.int64]:
    """Return the minutes before `end` that were read and have no data now: a stored zero of them is wrong."""
    if item.absent is None or item.error is not None:
        return NOTHING
    lost = ~item.series.recorded[: max(0, end - item.series.first_minute)]
    return item.series.first_minute + np.flatnonzero(lost) if lost.any() else NOTHING


def complete(peak: Floats, busy: Floats) -> Mask:
    """Return the minutes of float32[..., n] that have all that rules read: bool[..., n].

    The peak must be known, and the work too unless the pool had none in the day before: some sources never report it. Without
    this, work that is missing would lower the base as if there were none.
    """
    work, at = ~np.isnan(busy), np.broadcast_to(np.arange(busy.shape[-1]), busy.shape)
    last = np.maximum.accumulate(np.where(work, at, -MINUTES_PER_DAY), axis=-1)
    return ~np.isnan(peak) & (work | (at - last >= MINUTES_PER_DAY))


def unseen(known: Mask) -> NDArray[np.int64]:
    """Return the missing minutes that prevent a scale-in at each of n minutes: int[..., n], else 0.

    They are the newest `LATE` or more, or a gap of `GAP` or more that is followed by fewer than `RUN` known minutes: a candidate
    that reads so few minutes depends on the missing ones.
    """
    at = np.broadcast_to(np.arange(known.shape[-1]), known.shape)
    newest = np.maximum.accumulate(np.where(known, at, -1), axis=-1)
    earlier = np.concatenate((np.full((*known.shape[:-1], 1), -1), newest[..., :-1]), axis=-1)
    starts = np.maximum.accumulate(np.where(known & (earlier < at - 1), at, 0), axis=-1)
    gap = np.where(starts > 0, starts - 1 - np.take_along_axis(earlier, starts, axis=-1), 0)
    late = at - newest
    return np.where(late >= LATE, late, np.where((gap >= GAP) & (newest - starts + 1 < RUN), gap, 0))
