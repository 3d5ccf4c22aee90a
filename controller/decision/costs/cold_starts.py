"""Units that are warm after use, in addition to those of the lever, and the units that start cold. Pure.

A unit stays warm for the keep-alive after its last use. After scale-in, Cloud Run instances and pinged environments stay warm for
the keep-alive too, and provisioned concurrency stops at once (`CostTerms.stay_warm`). Through a minute of unknown demand, units
that were warm before it stay warm: there is no evidence that they stopped.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats

Amounts = NDArray[np.float64]
Units = TypeVar("Units", NDArray[np.int64], NDArray[np.float32])


def in_use(peak: Units, ready: Units, stay_warm: bool) -> Units:
    """Return the units that stay warm after a minute in which at most `peak` were busy and `ready` were kept warm."""
    return np.maximum(peak, ready) if stay_warm else np.maximum(peak - ready, 0)


def started(used: Units, before: Units, ready: Units, stay_warm: bool) -> Units:
    """Return the units that start cold in a minute: `used` in it, `before` the maximum within the keep-alive before it."""
    return np.maximum(used - (np.maximum(before, ready) if stay_warm else before), 0)


class Warm:
    """Units of many pools that are warm after use, minute by minute. Each pool has its own keep-alive."""

    def __init__(self, pools: int) -> None:
        self._used = np.zeros((0, pools))
        """Units in use in the last minutes, a row each; minute n is in row n modulo their number."""
        self.before = np.zeros(pools)
        """Units that were warm before the last minute: float64[pools]."""
        self._minute = 0

    def advance(self, peak: Floats | Amounts, ready: Amounts, staying: Amounts, keep_alive: Amounts) -> Amounts:
        """Add the next minute and return the units that start cold in it: float64[pools].

        `peak`: float[pools], NaN where unknown. `staying`: `ready` where units stay warm after scale-in, else 0.
        """
        self._reach(int(keep_alive.max(initial=0)))
        warm = np.maximum(self._before(keep_alive), staying)
        self.before = warm
        used = np.maximum(peak, ready) - (ready - staying)
        used = np.where(np.isnan(used), warm, used)
        if len(self._used):
            self._used[self._minute % len(self._used)] = used
        self._minute += 1
        return np.maximum(used - warm, 0.0)

    def _before(self, keep_alive: Amounts) -> Amounts:
        """Return the maximum of units in use in a minute of the keep-alive."""
        before, rows, shortest = np.zeros(self._used.shape[1]), len(self._used), int(keep_alive.min(initial=len(self._used)))
        for age in range(1, rows + 1):
            row = self._used[(self._minute - age) % rows]
            np.maximum(before, row, out=before, where=True if age <= shortest else keep_alive >= age)
        return before

    def _reach(self, minutes: int) -> None:
        """Make room for this many minutes; earlier ones are unknown."""
        rows = len(self._used)
        if minutes <= rows:
            return
        held = self._used[(self._minute - 1 - np.arange(rows)) % rows] if rows else self._used
        self._used = np.zeros((minutes, self._used.shape[1]))
        self._used[(self._minute - 1 - np.arange(rows)) % minutes] = held
