"""Weights of a quarter of an hour that has begun while minutes before it may still be corrected. Pure.

Rules learn from settled minutes only. So that a quarter does not wait for them, a copy of what was learned takes in the minutes
that have not settled. The result is kept until they have settled, and computed again for a pool of which one was corrected.
"""

from collections.abc import Mapping
from copy import copy
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats

SLICE = 512
"""Pools copied at once, which bounds memory."""

T = TypeVar("T")
Weights = tuple[NDArray[np.float64], NDArray[np.int16]]


def copied(thing: T, changes: Mapping[str, object]) -> T:
    """Return a shallow copy of `thing` with other attributes in the place of `changes`."""
    twin = copy(thing)
    vars(twin).update(changes)
    return twin


class Learner(Protocol):
    """What has learned, and can learn more; see `controller.decision.selection.selector.TimingCohort`."""

    def part(self, pools: NDArray[np.int64]) -> "Learner":
        """Return a copy with some of the pools."""

    def turn(self, rows: Floats, first_minute: int) -> Weights:
        """Learn from `rows`, which end with a quarter, and return the weights and rules of the next."""


class Kept(NamedTuple):
    """Weights float64[candidates, pools] and rules int16[pools], computed where `valid` from `rows`, which begin at `first`."""

    first: int
    rows: Floats
    valid: NDArray[np.bool_]
    weights: NDArray[np.float64]
    rule: NDArray[np.int16]

    def compare(self, rows: Floats, first_minute: int) -> None:
        """Mark the pools invalid of which `rows` differ from those that the weights were computed from."""
        begin, end = max(self.first, first_minute), min(self.first + self.rows.shape[2], first_minute + rows.shape[2])
        if begin < end:
            mine = self.rows[..., begin - self.first : end - self.first]
            other = rows[..., begin - first_minute : end - first_minute]
            self.valid[:] &= ((mine == other) | (np.isnan(mine) & np.isnan(other))).all(axis=(0, 2))


class Provisional:
    """Weights by the minute that their quarter begins with."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}

    def settle(self, rows: Floats, first_minute: int) -> None:
        """Compare with settled float32[peak | busy | invocations, pools, n], and drop the weights of quarters they reach into."""
        self._kept = {begin: kept for begin, kept in self._kept.items() if begin >= first_minute + rows.shape[2]}
        for kept in self._kept.values():
            kept.compare(rows, first_minute)

    def weights(self, learner: Learner, rows: Floats, first_minute: int, begins: NDArray[np.int64], now: Weights) -> Weights:
        """Return the weights and rules of all pools: `now` where `begins`, int64[pools], is zero, else those of the quarter that
        begins with that minute. `rows` follow what `learner` has learned from.
        """
        weights, rule = now[0].copy(), now[1].copy()
        for begin in np.unique(begins[begins > 0]).tolist():
            before, pools = rows[..., : begin - first_minute], np.flatnonzero(begins == begin)
            if begin not in self._kept:
                self._kept[begin] = Kept(first_minute, before.copy(), np.zeros(len(rule), bool), weights.copy(), rule.copy())
            kept = self._kept[begin]
            kept.compare(before, first_minute)
            stale = pools[~kept.valid[pools]]
            kept.rows[:, stale, first_minute - kept.first :] = before[:, stale]
            for at in range(0, len(stale), SLICE):
                some = stale[at : at + SLICE]
                kept.weights[:, some], kept.rule[some] = learner.part(some).turn(before[:, some], first_minute)
            kept.valid[stale] = True
            weights[:, pools], rule[pools] = kept.weights[:, pools], kept.rule[pools]
        return weights, rule
