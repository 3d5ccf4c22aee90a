"""The last day of demand of some pools, in memory: arrays by minute that roll on. Pure."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from controller.demand.plausibility import LOOK, NOTHING, unseen
from forecasting.demand import MINUTES_PER_DAY, DemandSeries

GAPS: Mapping[int, int] = {5: 180, 60: MINUTES_PER_DAY}
"""Points of an outage may be published after it, so unknown minutes are read again: by the interval in minutes, how many minutes
back. Where both are due the longer look replaces the shorter.
"""

SETTLING = 20
"""Newest minutes, with those that are asked for again each time."""


class RecentWindow:
    """`peak`, `busy` and `invocations` are float32[pools, 1440]; column `minute % 1440` holds a minute of the window that ends at
    `end_minute`, and no other. `newest`: int64[pools], the newest minute of which the peak is known; -1: none. It may be older
    than the window, or newer where the clock was put back before a restart.
    """

    def __init__(self, pools: int) -> None:
        self._rows = np.full((3, pools, MINUTES_PER_DAY), np.nan, np.float32)
        self.peak, self.busy, self.invocations = self._rows
        self.newest = np.full(pools, -1, np.int64)
        self.end_minute = 0
        self._unseen, self._unseen_at = np.zeros(pools, np.int64), -1

    @property
    def first_minute(self) -> int:
        """Where memory begins."""
        return self.end_minute - MINUTES_PER_DAY

    def holds(self, minute: int) -> bool:
        """Whether a minute has a column; the column of any other is that of another minute."""
        return max(0, self.first_minute) <= minute < self.end_minute

    def roll(self, end: int) -> None:
        """Move the window on to `end`; the minutes that enter are unknown until the source has answered."""
        entering: NDArray[np.int64] = np.arange(max(self.end_minute, end - MINUTES_PER_DAY), end) % MINUTES_PER_DAY
        self._rows[:, :, entering] = np.nan
        self.end_minute, self._unseen_at = max(self.end_minute, end), -1

    def lay(self, row: int, series: DemandSeries) -> NDArray[np.int64]:
        """Write the recorded minutes into the row, a peak that is unknown now included; the minutes that changed, oldest first.
        Minutes from before the last day all count as changed, those from after it do not.
        """
        at = series.recorded.nonzero()[0]
        if not len(at):
            return NOTHING
        minutes = series.first_minute + at
        beyond, stop = np.searchsorted(minutes, (self.first_minute, self.end_minute)).tolist()
        minutes = minutes[:stop]
        at, columns = at[beyond:stop], minutes[beyond:] % MINUTES_PER_DAY
        rows = np.array((series.peak, series.busy, series.invocations), np.float32)[:, at]
        changed = (rows.view(np.int32) != self._rows[:, row, columns].view(np.int32)).any(axis=0)  # by bits: NaN equals NaN
        self._rows[:, row, columns] = rows
        self._note_newest(row, series)
        if beyond:
            changed = np.concatenate((np.ones(beyond, bool), changed))
        out: NDArray[np.int64] = minutes[changed]
        return out

    def _note_newest(self, row: int, series: DemandSeries) -> None:
        """Keep `newest` in step after `series` was written into the row, which may have taken its peak away."""
        known, newest = series.known.nonzero()[0], int(self.newest[row])
        if len(known) and series.first_minute + int(known[-1]) >= newest:
            self.newest[row] = series.first_minute + int(known[-1])
        elif self.holds(newest) and np.isnan(self.peak[row, newest % MINUTES_PER_DAY]):
            self.newest[row] = self._last_known(row)

    def _last_known(self, row: int) -> int:
        left = np.flatnonzero(self.window(row, self.first_minute, self.end_minute).known)
        return self.first_minute + int(left[-1]) if len(left) else -1

    def withdraw(self, row: int, minutes: NDArray[np.int64]) -> list[int]:
        """Forget what is zero of `minutes`, which are sorted; those that were."""
        held = minutes[(minutes >= self.first_minute) & (minutes < self.end_minute)]
        zeros = held[self.peak[row, held % MINUTES_PER_DAY] == 0]
        if not len(zeros):
            return []
        self._rows[:, row, zeros % MINUTES_PER_DAY] = np.nan
        if self.newest[row] == zeros[-1]:
            self.newest[row] = self._last_known(row)
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
        """The first minute from `first` on up to `end` that is not recorded and follows one that is; None when there is none."""
        recorded = self.window(row, first, end).recorded
        begun = int(np.argmax(recorded)) if recorded.any() else len(recorded)
        gaps = np.flatnonzero(~recorded[begun:])
        return first + begun + int(gaps[0]) if len(gaps) else None

    def lately_idle(self, first: int, end: int) -> NDArray[np.bool_]:
        """bool[pools]: of which a minute is known to be idle within `first <= minute < end`."""
        minutes = np.arange(max(first, self.first_minute), max(first, min(end, self.end_minute)))
        idle: NDArray[np.bool_] = (self.peak[:, minutes % MINUTES_PER_DAY] == 0).any(axis=1)
        return idle

    def gaps_due(self, until: int) -> dict[int, int]:
        """Rows of the pools that lack a minute and whose turn it is, with how many minutes back a gap is looked for."""
        found: dict[int, int] = {}
        rows = np.arange(len(self.newest))
        for every, back in GAPS.items():
            due = rows[(until + rows) % every == 0]
            found |= dict.fromkeys(self.gappy(due, until - back, until - SETTLING).tolist(), back)
        return found

    def gappy(self, rows: NDArray[np.int64], first: int, end: int) -> NDArray[np.int64]:
        """Those of `rows` of which a minute is not recorded within `first <= minute < end`, as far as memory reaches."""
        minutes = np.arange(max(first, self.first_minute), max(first, min(end, self.end_minute)))
        at = np.ix_(rows, minutes % MINUTES_PER_DAY)
        return rows[(np.isnan(self.peak[at]) & np.isnan(self.invocations[at])).any(axis=1)]

    def unknown_minutes(self, row: int, settled: int) -> int:
        """See `belief.unknown_minutes`, of the minutes before `settled`."""
        if settled != self._unseen_at:
            minutes = np.arange(settled - LOOK, settled)
            known = ~np.isnan(self.peak[:, minutes % MINUTES_PER_DAY]) & (minutes < self.end_minute)
            self._unseen, self._unseen_at = unseen(known)[:, -1], settled
        return int(self._unseen[row])
