"""Weights of the candidates by their bills, and the units that pools request at these weights. Pure.

Source: the exponentially weighted average forecaster of Cesa-Bianchi and Lugosi, Prediction, Learning, and Games (2006).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.candidates import CANDIDATES, NAIVE, RECENT
from controller.decision.selection.choice import SelectionMode
from forecasting.demand import MINUTES_PER_DAY

MARGIN = 0.2
"""A pool falls back to a naive candidate once the ensemble has cost this share of the bill without Stoker more than it."""

SPREAD = 0.01
"""A candidate that has cost this share of the bill without Stoker more than the leader has 1/e of the leader's weight."""

ENOUGH = MINUTES_PER_DAY
"""Known minutes before rules are compared; until then the recent maximum is followed."""

WEIGHT = 4096
"""Weight of the leader. Weights are whole numbers: a weighted sum of whole units does not depend on the order of addition."""

ENSEMBLE = len(CANDIDATES)
"""Row of the ensemble, after the rows of the candidates, wherever bills are held."""


class FollowedRules(NamedTuple):
    """Rules that pools follow: `weights` float64[candidates, pools], `leader` int16[pools], `mode` int8[pools]; see `Choice`."""

    weights: NDArray[np.float64]
    leader: NDArray[np.int16]
    mode: NDArray[np.int8]

    @classmethod
    def untrained(cls, pools: int) -> "FollowedRules":
        """Return the rules of pools without history: the recent maximum alone."""
        weights = np.zeros((len(CANDIDATES), pools), np.float64)
        weights[RECENT] = WEIGHT
        return cls(weights, np.full(pools, RECENT, np.int16), np.full(pools, SelectionMode.ALONE, np.int8))

    def part(self, pools: NDArray[np.int64]) -> "FollowedRules":
        """Return a copy with some of the pools."""
        return FollowedRules(self.weights[:, pools], self.leader[pools], self.mode[pools])

    def copy(self) -> "FollowedRules":
        """Return a copy that shares no array."""
        return FollowedRules(self.weights.copy(), self.leader.copy(), self.mode.copy())

    def assign(self, pools: NDArray[np.int64], rules: "FollowedRules") -> None:
        """Overwrite the rules of some of the pools, in place."""
        self.weights[:, pools], self.leader[pools], self.mode[pools] = rules

    def units(self, proposed: NDArray[np.float32], ensemble: NDArray[np.float32],
              trusted: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.int8]]:
        """Return units, leader and mode, [pools, n] each.

        `proposed`: float32[n, candidates, pools]. `ensemble`: its weighted mean, float32[n, pools]. `trusted`: bool[pools, n];
        where False, the recent maximum is followed alone.
        """
        leader = np.where(trusted, self.leader[:, None], np.int16(RECENT))
        mode = np.where(trusted, self.mode[:, None], np.int8(SelectionMode.ALONE))
        alone = np.take_along_axis(proposed, leader.T[:, None], axis=1)[:, 0]
        return np.where(mode == SelectionMode.ENSEMBLE, ensemble.T, alone.T), leader, mode


class SelectionWeights(NamedTuple):
    """Rule that one pool follows: `weights` float64[candidates], `leader`, `mode`; and its `spare`, see `Signals`."""

    weights: NDArray[np.float64]
    leader: int
    mode: SelectionMode
    spare: float

    def units(self, proposed: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the units float32[n] that the selector chooses of proposals float32[n, candidates, 1] at these weights."""
        if self.mode is SelectionMode.ENSEMBLE:
            return nearest(ensemble_mean(proposed, self.weights[:, None]))[:, 0]
        return proposed[:, self.leader, 0]

    def shares(self) -> NDArray[np.float64]:
        """Return the share that each candidate has in the units chosen, float64[candidates]."""
        if self.mode is SelectionMode.ENSEMBLE:
            return np.asarray(self.weights / self.weights.sum())
        shares = np.zeros(len(CANDIDATES))
        shares[self.leader] = 1.0
        return shares


def nearest(exact: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return ensemble means to the nearest whole unit, a half to the lower one."""
    return np.ceil(exact - 0.5).astype(np.float32)


def ensemble_mean(proposed: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean of proposals float32[n, candidates, pools], before rounding: float64[n, pools]."""
    return np.asarray(np.einsum("cp,ncp->np", weights, proposed) / weights.sum(axis=0))


def weighted(bills: NDArray[np.float64], alone: NDArray[np.bool_]) -> FollowedRules:
    """Return the cheapest candidate of each pool as its leader, and weights that fall exponentially with the cost above it.

    `bills`: float64[candidates + 1, pools]. `alone`: bool[pools], where the leader has all the weight.
    """
    candidates, pools = bills[:ENSEMBLE], np.arange(bills.shape[1])
    leader = candidates.argmin(axis=0).astype(np.int16)
    above = (candidates - bills[leader, pools]) / np.where(alone, 1.0, SPREAD * np.abs(bills[0]))
    above[:, alone] = np.inf
    weights = np.round(WEIGHT * np.exp(-above))
    weights[leader, pools] = WEIGHT
    return FollowedRules(weights, leader, np.where(alone, SelectionMode.ALONE, SelectionMode.ENSEMBLE).astype(np.int8))


def with_fallback(rules: FollowedRules, bills: NDArray[np.float64], allowed: NDArray[np.bool_]) -> FollowedRules:
    """Return `rules`, with the best naive candidate as leader where the ensemble has cost clearly more, if `allowed` bool[pools].

    `bills`: float64[candidates + 1, pools], last of the ensemble.
    """
    naive = np.array(NAIVE, np.int16)
    best = naive[bills[naive].argmin(axis=0)]
    beaten = allowed & (bills[ENSEMBLE] > bills[best, np.arange(bills.shape[1])] + MARGIN * np.abs(bills[0]))
    return rules._replace(leader=np.where(beaten, best, rules.leader),
                          mode=np.where(beaten, np.int8(SelectionMode.FALLBACK), rules.mode))
