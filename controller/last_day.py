"""The last day of demand of some pools, in memory: arrays by minute that roll on. Pure."""

import numpy as np
from numpy.typing import NDArray

from controller.belief import LOOK, unseen
from forecasting.demand import MINUTES_PER_DAY, DemandSeries


class LastDay:
    """`peak`, `busy` and `invocations` are float32[pools, 1440]; column `minute % 1440` holds a minute of the window that ends at
    `end_minute`. `newest`: int64[pools], the newest minute of which anything is known, be it older than a day; -1: none.
    """

    def __init__(self, pools: int) -> None:
        self.peak, self.busy, self.invocations = (np.full((pools, MINUTES_PER_DAY), np.nan, np.float32) for _ in range(3))
        self.newest = np.full(pools, -1, np.int64)
        self.end_minute = 0
        self._unseen, self._unseen_at = np.zeros(pools, np.int64), -1

    @property
    def first_minute(self) -> int:
        """Where memory begins."""
        return self.end_minute - MINUTES_PER_DAY

    def roll(self, end: int) -> None:
        """Move the window on to `end`; the minutes that enter are unknown until the source has answered."""
        entering: NDArray[np.int64] = np.arange(max(self.end_minute, end - MINUTES_PER_DAY), end) % MINUTES_PER_DAY
        for table in (self.peak, self.busy, self.invocations):
            table[:, entering] = np.nan
        self.end_minute, self._unseen_at = max(self.end_minute, end), -1

    def lay(self, row: int, series: DemandSeries) -> int | None:
        """Lay the known minutes over the row; the oldest minute that was new or other than before, None when none was."""
        known = series.known
        minutes = series.first_minute + np.flatnonzero(known)
        if not len(minutes):
            return None
        self.newest[row] = max(self.newest[row], int(minutes[-1]))
        kept = minutes >= self.first_minute
        columns, at = minutes[kept] % MINUTES_PER_DAY, (minutes - series.first_minute)[kept]
        new = self.peak[row, columns] != series.peak[at]  # what was unknown differs from everything
        self.peak[row, columns], self.busy[row, columns] = series.peak[at], series.busy[at]
        self.invocations[row, columns] = series.invocations[at]
        if not kept.all():
            return int(minutes[0])
        return int(minutes[kept][np.argmax(new)]) if new.any() else None

    def withdraw(self, row: int, minutes: NDArray[np.int64]) -> list[int]:
        """Forget what is zero of `minutes`, which are sorted; those that were."""
        held = minutes[minutes >= self.first_minute]
        zeros = held[self.peak[row, held % MINUTES_PER_DAY] == 0]
        if not len(zeros):
            return []
        for table in (self.peak, self.busy, self.invocations):
            table[row, zeros % MINUTES_PER_DAY] = np.nan
        if self.newest[row] == zeros[-1]:
            left = self.first_minute + np.flatnonzero(self.window(row, self.first_minute, self.end_minute).known)
            self.newest[row] = left[-1] if len(left) else -1
        return [int(minute) for minute in zeros]

    def window(self, row: int, first: int, end: int) -> DemandSeries:
        """What memory holds of `first <= minute < end`; unknown where it does not reach."""
        out = DemandSeries.empty(first, end - first)
        low, high = max(first, self.first_minute), min(end, self.end_minute)
        if low < high:
            columns, here = np.arange(low, high) % MINUTES_PER_DAY, slice(low - first, high - first)
            out.peak[here], out.busy[here] = self.peak[row, columns], self.busy[row, columns]
            out.invocations[here] = self.invocations[row, columns]
        return out

    def first_gap(self, row: int, first: int, end: int) -> int | None:
        """The first unknown minute from `first` on up to `end` that follows a known one; None when there is none."""
        known = self.window(row, first, end).known
        begun = int(np.argmax(known)) if known.any() else len(known)
        gaps = np.flatnonzero(~known[begun:])
        return first + begun + int(gaps[0]) if len(gaps) else None

    def lately_idle(self, first: int, end: int) -> NDArray[np.bool_]:
        """bool[pools]: of which a minute is known to be idle within `first <= minute < end`."""
        minutes = np.arange(max(first, self.first_minute), max(first, min(end, self.end_minute)))
        idle: NDArray[np.bool_] = (self.peak[:, minutes % MINUTES_PER_DAY] == 0).any(axis=1)
        return idle

    def gappy(self, first: int, end: int) -> NDArray[np.bool_]:
        """bool[pools]: of which a minute is unknown within `first <= minute < end`, as far as memory reaches."""
        minutes = np.arange(max(first, self.first_minute), max(first, min(end, self.end_minute)))
        unknown: NDArray[np.bool_] = np.isnan(self.peak[:, minutes % MINUTES_PER_DAY])
        return unknown.any(axis=1, out=np.zeros(len(unknown), bool))

    def unseen(self, row: int, settled: int) -> int:
        """See `belief.unseen`, of the minutes before `settled`."""
        if settled != self._unseen_at:
            minutes = np.arange(settled - LOOK, settled)
            known = ~np.isnan(self.peak[:, minutes % MINUTES_PER_DAY]) & (minutes < self.end_minute)
            self._unseen, self._unseen_at = unseen(known)[:, -1], settled
        return int(self._unseen[row])
