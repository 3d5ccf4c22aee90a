"""Weights of the candidates by their bills, and the units that pools request at these weights. Pure.

Source: the exponentially weighted average forecaster of Cesa-Bianchi and Lugosi, Prediction, Learning, and Games (2006).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.candidates import CANDIDATES, RECENT
from controller.decision.selection.choice import OF_ALONE, OF_ENSEMBLE, OF_FALLBACK, SelectionMode
from forecasting.demand import MINUTES_PER_DAY

MARGIN = 0.2
"""A pool falls back to a naive candidate once the ensemble has cost this share of the bill without Stoker more than it."""

SPREAD = 0.01
"""A candidate that has cost this share of the bill without Stoker more than the leader has 1/e of the leader's weight."""

SPREAD_OF_PAIRS = 0.005
"""The same where rules include pairs of a base and a top: pairs of similar cost are many, and their mean is not better."""

ENOUGH = MINUTES_PER_DAY
"""Known minutes before rules are compared; until then the recent maximum is followed."""

WEIGHT = 4096
"""Weight of the leader. Weights are whole numbers: a weighted sum of whole units does not depend on the order of addition."""

ENSEMBLE = len(CANDIDATES)
"""Row of the ensemble, after the rows of the candidates, wherever bills are held."""


class FollowedRules(NamedTuple):
    """Rules that pools follow: `weights` float64[candidates, pools], `leader` int16[pools], `mode` int8[pools]; see `Choice`.

    `top` float64[tops, pools]: weights of the rules of a pinged top, which are part of the same total; without rows where pools
    have no top. `top_leader` int16[pools]: the top of the leader, -1 for none.
    """

    weights: NDArray[np.float64]
    leader: NDArray[np.int16]
    mode: NDArray[np.int8]
    top: NDArray[np.float64]
    top_leader: NDArray[np.int16]

    @classmethod
    def untrained(cls, pools: int, tops: int = 0, top: int = -1) -> "FollowedRules":
        """Return the rules of pools without history: the recent maximum alone, and the top in row `top` of `tops`."""
        weights, tops_weights = np.zeros((len(CANDIDATES), pools), np.float64), np.zeros((tops, pools), np.float64)
        weights[RECENT] = WEIGHT
        tops_weights[top : top + 1 or None] = WEIGHT
        return cls(weights, np.full(pools, RECENT, np.int16), np.full(pools, SelectionMode.ALONE, np.int8), tops_weights,
                   np.full(pools, top if tops else -1, np.int16))

    def part(self, pools: NDArray[np.int64]) -> "FollowedRules":
        """Return a copy with some of the pools."""
        return FollowedRules(self.weights[:, pools], self.leader[pools], self.mode[pools], self.top[:, pools],
                             self.top_leader[pools])

    def copy(self) -> "FollowedRules":
        """Return a copy that shares no array."""
        return FollowedRules(self.weights.copy(), self.leader.copy(), self.mode.copy(), self.top.copy(), self.top_leader.copy())

    def assign(self, pools: NDArray[np.int64], rules: "FollowedRules") -> None:
        """Overwrite the rules of some of the pools, in place."""
        self.weights[:, pools], self.leader[pools], self.mode[pools] = rules.weights, rules.leader, rules.mode
        self.top[:, pools], self.top_leader[pools] = rules.top, rules.top_leader

    def units(self, proposed: NDArray[np.float32], ensemble: NDArray[np.float32],
              trusted: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.int8]]:
        """Return units, leader and mode, [pools, n] each.

        `proposed`: float32[n, candidates, pools]. `ensemble`: its weighted mean, float32[n, pools]. `trusted`: bool[pools, n];
        where False, the recent maximum is followed alone.
        """
        leader = np.where(trusted, self.leader[:, None], np.int16(RECENT))
        mode = np.where(trusted, self.mode[:, None], OF_ALONE)
        if (mode == OF_ENSEMBLE).all():
            return ensemble.T, leader, mode
        alone = np.take_along_axis(proposed, leader.T[:, None], axis=1)[:, 0]
        return np.where(mode == OF_ENSEMBLE, ensemble.T, alone.T), leader, mode


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


class JointRules(NamedTuple):
    """Rules of a choice over candidates, or over pairs of a base and a top: what each costs, row 0 without warm capacity.

    `bills` float64[rules, pools], discounted USD. `ensemble` float64[pools]: of the ensemble. `base`, `top` int[rules]: candidate
    of each rule, and row of its top or -1. `naive`: the rules that replace an ensemble that costs more.
    """

    bills: NDArray[np.float64]
    ensemble: NDArray[np.float64]
    base: NDArray[np.int16]
    top: NDArray[np.int16]
    naive: NDArray[np.int64]

    def followed(self, alone: NDArray[np.bool_], allowed: NDArray[np.bool_], tops: int = 0) -> FollowedRules:
        """Return the rules to follow: the cheapest leads, and weights fall exponentially with the cost above it.

        Rules with a top have weight only if the leader has one, and else only the others: their mean would be neither.
        `alone`: bool[pools], where the leader has all the weight. Where `allowed`, bool[pools], the best naive rule replaces an
        ensemble that has cost clearly more. `tops`: number of rows of tops.
        """
        pools = np.arange(self.bills.shape[1])
        leader = self.bills.argmin(axis=0)
        nothing = np.abs(self.bills[0])
        above = (self.bills - self.bills[leader, pools]) / np.where(alone, 1.0, (SPREAD_OF_PAIRS if tops else SPREAD) * nothing)
        above[:, alone] = np.inf
        weights = np.round(WEIGHT * np.exp(-above)) * ((self.top >= 0)[:, None] == (self.top[leader] >= 0))
        weights[leader, pools] = WEIGHT
        best = self.naive[self.bills[self.naive].argmin(axis=0)]
        beaten = allowed & (self.ensemble > self.bills[best, pools] + MARGIN * nothing)
        leader = np.where(beaten, best, leader)
        mode = np.where(beaten, OF_FALLBACK, np.where(alone, OF_ALONE, OF_ENSEMBLE))
        return FollowedRules(summed(weights, self.base, len(CANDIDATES)), self.base[leader], mode,
                             summed(weights, self.top, tops), self.top[leader])


def summed(weights: NDArray[np.float64], place: NDArray[np.int16], rows: int) -> NDArray[np.float64]:
    """Return the sum of weights float64[rules, pools] by place int[rules]: float64[rows, pools]. Places of -1 are left out."""
    if len(place) == rows:
        return weights  # each rule has its own place
    out = np.zeros((rows, weights.shape[1]))
    np.add.at(out, place[place >= 0], weights[place >= 0])
    return out
