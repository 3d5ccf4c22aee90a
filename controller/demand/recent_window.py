"""Window over the last day of demand of several pools: arrays by minute, in memory. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from controller.demand.plausibility import LOOK, NOTHING, unseen
from forecasting.demand import MINUTES_PER_DAY, DemandSeries

GAPS: Mapping[int, int] = {5: 180, 60: MINUTES_PER_DAY}
"""Minutes back within which unknown minutes are read again, by interval in minutes: points may be published after an outage.

Where both are due, only the longer span is read.
"""

SETTLING = 20
"""Newest minutes, including those that every collection reads again."""


class RecentWindow:
    """Window over the day that ends at `end_minute`.

    `peak`, `busy` and `invocations` are float32[pools, 1440]; column `minute % 1440` holds that minute of the window. `newest`:
    int64[pools], the newest minute with a known peak; -1: none. It may be older than the window, or newer where the clock was set
    back before a restart.
    """

    def __init__(self, pools: int) -> None:
        self._rows = np.full((3, pools, MINUTES_PER_DAY), np.nan, np.float32)
        self.peak, self.busy, self.invocations = self._rows
        self.newest = np.full(pools, -1, np.int64)
        self.end_minute = 0
        self._unseen, self._unseen_at = np.zeros(pools, np.int64), -1

    @property
    def first_minute(self) -> int:
        """First minute of the window."""
        return self.end_minute - MINUTES_PER_DAY

    def holds(self, minute: int) -> bool:
        """Return whether a minute is in the window."""
        return max(0, self.first_minute) <= minute < self.end_minute

    def roll(self, end: int) -> None:
        """Move the end of the window to `end`. New minutes are unknown."""
        entering: NDArray[np.int64] = np.arange(max(self.end_minute, end - MINUTES_PER_DAY), end) % MINUTES_PER_DAY
        self._rows[:, :, entering] = np.nan
        self.end_minute, self._unseen_at = max(self.end_minute, end), -1

    def write(self, row: int, series: DemandSeries) -> NDArray[np.int64]:
        """Write recorded minutes into a row, including peaks that have become unknown; return the changed minutes, oldest first.

        Minutes before the window all count as changed, minutes after it do not.
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
        """Update `newest` after `series` was written into the row: its peak may have become unknown."""
        known, newest = series.known.nonzero()[0], int(self.newest[row])
        if len(known) and series.first_minute + int(known[-1]) >= newest:
            self.newest[row] = series.first_minute + int(known[-1])
        elif self.holds(newest) and np.isnan(self.peak[row, newest % MINUTES_PER_DAY]):
            self.newest[row] = self._last_known(row)

    def _last_known(self, row: int) -> int:
        """Return the newest minute of the window with a known peak; -1 without one."""
        known = np.flatnonzero(self.window(row, self.first_minute, self.end_minute).known)
        return self.first_minute + int(known[-1]) if len(known) else -1

    def withdraw(self, row: int, minutes: NDArray[np.int64]) -> list[int]:
        """Set zeros among the sorted `minutes` to unknown, and return those minutes."""
        held = minutes[(minutes >= self.first_minute) & (minutes < self.end_minute)]
        zeros = held[self.peak[row, held % MINUTES_PER_DAY] == 0]
        if not len(zeros):
            return []
        self._rows[:, row, zeros % MINUTES_PER_DAY] = np.nan
        if self.newest[row] == zeros[-1]:
            self.newest[row] = self._last_known(row)
        return [int(minute) for minute in zeros]

    def window(self, row: int, first: int, end: int) -> DemandSeries:
        """Return the rows of `first <= minute < end`; unknown outside the window."""
        out = DemandSeries.empty(first, end - first)
        low, high = max(first, self.first_minute), min(end, self.end_minute)
        if low < high:
            columns, rows = np.arange(low, high) % MINUTES_PER_DAY, slice(low - first, high - first)
            out.peak[rows], out.busy[rows] = self.peak[row, columns], self.busy[row, columns]
            out.invocations[rows] = self.invocations[row, columns]
        return out

    def first_gap(self, row: int, first: int, end: int) -> int | None:
        """Return the first unrecorded minute from `first` to before `end` that follows a recorded one; None without one."""
        recorded = self.window(row, first, end).recorded
        start = int(np.argmax(recorded)) if recorded.any() else len(recorded)
        gaps = np.flatnonzero(~recorded[start:])
        return first + start + int(gaps[0]) if len(gaps) else None

    def recently_idle(self, first: int, end: int) -> NDArray[np.bool_]:
        """Return which pools have a known idle minute within `first <= minute < end`: bool[pools]."""
        minutes = np.arange(max(first, self.first_minute), max(first, min(end, self.end_minute)))
        idle: NDArray[np.bool_] = (self.peak[:, minutes % MINUTES_PER_DAY] == 0).any(axis=1)
        return idle

    def gaps_due(self, until: int, planned: Mapping[int, int] = MappingProxyType({})) -> dict[int, int]:
        """Return the rows of pools with a gap that is due to be read again, with the minutes back of the span to search.

        `planned`: this span for rows that are due whatever the minute.
        """
        spans: dict[int, int] = {}
        for back in set(planned.values()):
            due = np.array([row for row, each in planned.items() if each == back])
            spans |= dict.fromkeys(self.gappy(due, until - back, until - SETTLING).tolist(), back)
        rows = np.arange(len(self.newest))
        for every, back in GAPS.items():
            due = rows[(until + rows) % every == 0]
            spans |= dict.fromkeys(self.gappy(due, until - back, until - SETTLING).tolist(), back)
        return spans

    def gappy(self, rows: NDArray[np.int64], first: int, end: int) -> NDArray[np.int64]:
        """Return those of `rows` with an unrecorded minute within `first <= minute < end` and the window."""
        minutes = np.arange(max(first, self.first_minute), max(first, min(end, self.end_minute)))
        at = np.ix_(rows, minutes % MINUTES_PER_DAY)
        return rows[(np.isnan(self.peak[at]) & np.isnan(self.invocations[at])).any(axis=1)]

    def unknown_minutes(self, row: int, settled: int) -> int:
        """Return the missing minutes before `settled` that prevent a scale-in; see `plausibility.unseen`."""
        if settled != self._unseen_at:
            minutes = np.arange(settled - LOOK, settled)
            columns = minutes % MINUTES_PER_DAY
            works = ~np.isnan(self.busy).all(axis=1, keepdims=True)  # see `plausibility.complete`
            known = ~np.isnan(self.peak[:, columns]) & (~np.isnan(self.busy[:, columns]) | ~works) & (minutes < self.end_minute)
            self._unseen, self._unseen_at = unseen(known)[:, -1], settled
        return int(self._unseen[row])
