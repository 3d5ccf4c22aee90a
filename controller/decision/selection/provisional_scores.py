"""Rules of a quarter of an hour that has started while minutes before it may still be corrected. Pure.

Candidates are scored on settled minutes only. So that a quarter does not wait for them, a copy of the learner reads the minutes
that have not settled. The result is cached until they have settled, and computed again for a pool of which one was corrected.
"""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.weighting import FollowedRules
from forecasting.demand import Floats

SLICE = 512
"""Pools copied at once, which bounds memory."""


class Learner(Protocol):
    """Learner of the rules; see `controller.decision.selection.timing_cohort.TimingCohort`."""

    def part(self, pools: NDArray[np.int64]) -> "Learner":
        """Return a copy with some of the pools."""

    def next_rules(self, rows: Floats, first_minute: int) -> FollowedRules:
        """Learn from `rows`, which end with a quarter, and return the rules of the next one."""


class QuarterRules(NamedTuple):
    """Rules of one quarter, up to date where `valid` bool[pools], and the rows they result from, from minute `first` on."""

    first: int
    rows: Floats
    valid: NDArray[np.bool_]
    rules: FollowedRules

    def compare(self, rows: Floats, first_minute: int) -> None:
        """Mark the pools invalid of which `rows` differ from those that the rules were computed from."""
        start, end = max(self.first, first_minute), min(self.first + self.rows.shape[2], first_minute + rows.shape[2])
        if start < end:
            mine = self.rows[..., start - self.first : end - self.first]
            other = rows[..., start - first_minute : end - first_minute]
            self.valid[:] &= ((mine == other) | (np.isnan(mine) & np.isnan(other))).all(axis=(0, 2))


class ProvisionalRules:
    """Cache of the rules, by the first minute of their quarter."""

    def __init__(self) -> None:
        self._quarters: dict[int, QuarterRules] = {}

    def settle(self, rows: Floats, first_minute: int) -> None:
        """Compare with settled float32[peak | busy | invocations, pools, n], and drop quarters that start before their end."""
        end = first_minute + rows.shape[2]
        self._quarters = {start: quarter for start, quarter in self._quarters.items() if start >= end}
        for quarter in self._quarters.values():
            quarter.compare(rows, first_minute)

    def rules(self, learner: Learner, rows: Floats, first_minute: int, starts: NDArray[np.int64],
              current: FollowedRules) -> FollowedRules:
        """Return the rules of all pools: those of the quarter that starts with minute `starts`, int64[pools], or where that is
        zero the `current` ones. `rows` follow what `learner` has learned from.
        """
        merged = current.copy()
        for start in np.unique(starts[starts > 0]).tolist():
            before, pools = rows[..., : start - first_minute], np.flatnonzero(starts == start)
            if start not in self._quarters:
                self._quarters[start] = QuarterRules(first_minute, before.copy(), np.zeros(len(starts), bool), merged.copy())
            quarter = self._quarters[start]
            quarter.compare(before, first_minute)
            stale = pools[~quarter.valid[pools]]
            quarter.rows[:, stale, first_minute - quarter.first :] = before[:, stale]
            for at in range(0, len(stale), SLICE):
                some = stale[at : at + SLICE]
                quarter.rules.assign(some, learner.part(some).next_rules(before[:, some], first_minute))
            quarter.valid[stale] = True
            merged.assign(pools, quarter.rules.part(pools))
        return merged
