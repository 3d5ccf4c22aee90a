"""Values of leading signals as decisions know them: maxima over windows, and what of them is known. Pure.

A decision that follows the pool's newest known minute t is made when a signal with a shorter delay is already known for later
minutes. So the value of minute t is that of the signal `shift` minutes later, where `shift` is the metric delay of the pool less
the delay of the signal; it is negative where the signal is later than the pool's own metric.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.learned_state import Arrays, State, restored
from controller.decision.selection.scoring import folded
from forecasting.demand import Floats

LONGEST = 60
"""Minutes of the longest window. A signal that has been zero for as long while the pool has demand is silent."""


def windows_of(lead_time: int) -> tuple[int, ...]:
    """Return the minutes of the windows. A shorter one than the first would request units for less than the lead time."""
    return lead_time + 1, lead_time + 5, lead_time + 15, max(LONGEST, lead_time + 30)


class LeadValues(NamedTuple):
    """Values of n minutes. `most`: float32[n, signals, windows, pools], maximum of what is known of a window, NaN without it.

    `whole`: bool of the same shape, whether every minute of the window is known. `silent`: bool[n, signals, pools], whether the
    signal has been zero for `LONGEST` minutes before demand of the pool, and has not been above zero since.
    """

    most: Floats
    whole: NDArray[np.bool_]
    silent: NDArray[np.bool_]

    @property
    def may_lower(self) -> NDArray[np.bool_]:
        """Whether a forecast may be below the choice: bool[n, signals, windows, pools]."""
        return self.whole & ~self.silent[:, :, None]

    def at(self, rows: NDArray[np.int64]) -> "LeadValues":
        """Return the values of one minute of each pool, `rows` int64[pools], as those of n = 1."""
        return LeadValues(np.take_along_axis(self.most, rows[None, None, None], axis=0),
                          np.take_along_axis(self.whole, rows[None, None, None], axis=0),
                          np.take_along_axis(self.silent, rows[None, None], axis=0))

    def part(self, rows: slice) -> "LeadValues":
        """Return the values of some minutes."""
        return LeadValues(self.most[rows], self.whole[rows], self.silent[rows])


class LeadWindows:
    """Signals of pools that share their timing. `shifts`: int64[signals, pools]. `windows`: minutes. `ahead`: minutes after the
    last one that each call has.
    """

    def __init__(self, shifts: NDArray[np.int64], windows: tuple[int, ...], ahead: int) -> None:
        self._shifts, self._windows, self._ahead = shifts, windows, ahead
        self._before = windows[-1] + max(0, -int(shifts.min(initial=0)))
        self._recent = np.full((self._before, *shifts.shape), np.nan, np.float32)
        self._silent = np.zeros(shifts.shape, bool)

    def state(self) -> Arrays:
        """Return what has been stored, without copies. The last axis of every array is that of the pools."""
        return {"recent": self._recent, "silent": self._silent}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._recent, self._silent = restored(state, "recent", self._recent), restored(state, "silent", self._silent)

    def advance(self, signals: Floats, peak: Floats) -> LeadValues:
        """Add n minutes and return their values.

        `signals`: float32[n + ahead, signals, pools], NaN where unknown; the last `ahead` minutes are not stored, because they
        may still be corrected. `peak`: float32[n, pools], demand of the pools.
        """
        values = self.values(signals, peak)
        self._recent = np.concatenate((self._recent, signals[: len(peak)]))[len(peak) :]
        self._silent = values.silent[-1].copy()
        return values

    def values(self, signals: Floats, peak: Floats) -> LeadValues:
        """Return what `advance` would, and store nothing."""
        count, longest = len(peak), self._windows[-1]
        rows = np.concatenate((self._recent, signals))
        first = self._before - longest + 1 + self._shifts
        known_until = np.take_along_axis(rows, np.arange(count + longest - 1)[:, None, None] + first, axis=0)
        most = np.empty((count, len(self._shifts), len(self._windows), peak.shape[1]), np.float32)
        whole = np.empty(most.shape, bool)
        known = ~np.isnan(known_until)
        for at, window in enumerate(self._windows):
            skipped = longest - window
            most[:, :, at] = folded(np.fmax, known_until[skipped:], count, window)
            whole[:, :, at] = folded(np.logical_and, known[skipped:], count, window)
        return LeadValues(most, whole, self._silence(most[:, :, -1], known_until[longest - 1 :], peak))

    def _silence(self, most: Floats, newest: Floats, peak: Floats) -> NDArray[np.bool_]:
        """Return in which minutes signals are silent, from the maxima of the longest window and the newest values."""
        minutes = np.arange(len(peak))[:, None, None]
        contradicted = ~(most > 0) & (peak > 0)[:, None]
        since = np.maximum.accumulate(np.where(contradicted, minutes, -1), axis=0)
        alive = np.maximum.accumulate(np.where(newest > 0, minutes, -1), axis=0)
        return np.where((since < 0) & (alive < 0), self._silent, since > alive)
