"""Choice of the top layer together with the base: pairs of a base and a top, their bills, and the level that follows. Pure.

The pairs are weighted like candidates, and either only pairs or only candidates alone are followed, whichever leads: their mean
would be neither. The base follows the weighted mean of the bases. Pings run where tops with at least half of the weight want
them, for the mean of their levels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms, TopTerms
from controller.decision.costs.layer_units import ROUNDING, top_units
from controller.decision.selection.candidates import CANDIDATES, NAIVE, NOTHING, Candidate
from controller.decision.selection.choice import OF_FALLBACK, Choice, SelectionMode
from controller.decision.selection.layers.levels import (
    LEVELS,
    LIMITS,
    TOPS,
    UNTRAINED,
    RequestRate,
    TopProposals,
    top_proposals,
)
from controller.decision.selection.layers.pair_scores import PINGED, REQUESTS, SAVED, Minutes, PairScores, TopTiming
from controller.decision.selection.layers.top_basis import VOTES, TopBasis
from controller.decision.selection.learned_state import Arrays, State, part_of, prefixed
from controller.decision.selection.scoring import Replayed
from controller.decision.selection.signals import Signal
from controller.decision.selection.weighting import ENSEMBLE, FollowedRules, JointRules
from forecasting.demand import Floats

Units = NDArray[np.float32]
Amounts = NDArray[np.float64]

PAIRED = tuple(CANDIDATES.index(base) for base in (
    NOTHING, Candidate(base="busy 5"), Candidate(base="busy 180"), Candidate(("recent 10",)), Candidate(("recent 60",)),
    Candidate(("recent 10",), margin=1.0), Candidate(("maximum of week 30", "recent 180"))))
"""Candidates that form pairs: those that are often cheapest below a top."""

RULE_BASE = np.concatenate([np.arange(len(CANDIDATES)), np.repeat(PAIRED, len(TOPS))]).astype(np.int16)
RULE_TOP = np.concatenate([np.full(len(CANDIDATES), -1), np.tile(np.arange(len(TOPS)), len(PAIRED))]).astype(np.int16)
"""Base and top of each rule: first the candidates alone, then the pairs."""

NOTHING_ALONE = CANDIDATES.index(NOTHING)

NAIVE_RULES = np.array([*NAIVE, *(len(CANDIDATES) + at for at, (level, _) in enumerate(TOPS) if level == LEVELS[2])])
"""Naive rules: the naive candidates, and nothing but pings for the maximum of the week, up to each rate."""


class Joint(NamedTuple):
    """Costs of all rules: `rules`, and `cold` float64[rules, pools], cold starts; `ensemble_cold` float64[pools]."""

    rules: JointRules
    cold: Amounts
    ensemble_cold: Amounts


class TopSelection:
    """Top layers of pools that share their timing. With `same`, the pools differ only in their objective."""

    def __init__(self, terms: Sequence[CostTerms], *, same: bool = False) -> None:
        self._terms = tuple(terms)
        self._pinged = np.array([_top(one).idle for one in terms])
        self._held = np.array([_top(one).held_share for one in terms])
        self.lost = np.array([_top(one).lost_share for one in terms])
        first, pools = terms[0], 1 if same else len(terms)
        timing = TopTiming(first.metric_delay, first.lead_time, first.stay_warm)
        self._rate = RequestRate(pools)
        self._scores = PairScores(PAIRED, self.lost[:pools], len(terms), timing)

    def part(self, pools: NDArray[np.int64]) -> "TopSelection":
        """Return the selection for some of the pools, which shares nothing with this one."""
        part = TopSelection([self._terms[pool] for pool in pools])
        part._rate.restore({name: values[pools] for name, values in self._rate.state().items()})
        part._scores = self._scores.part(pools)
        return part

    def state(self) -> Arrays:
        """Return what has been learned, without copies."""
        return prefixed(rate=self._rate.state(), pairs=self._scores.state())

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._rate.restore(part_of(state, "rate"))
        self._scores.restore(part_of(state, "pairs"))

    def propose(self, signals: dict[str, Signal], invocations: Floats) -> TopProposals:
        """Return what the tops propose after each of n new minutes."""
        return top_proposals(signals, self._rate.advance(invocations))

    def preview(self, signals: dict[str, Signal], invocations: Floats, newest: NDArray[np.int64]) -> TopProposals:
        """Return what the tops propose after the `newest` minute int64[pools, 1], whose `signals` are given; store nothing."""
        return top_proposals(signals, np.take_along_axis(self._rate.preview(invocations), newest, axis=1))

    def score(self, proposed: TopProposals, base: Units, ensemble: Units, level: Units, minutes: Minutes,
              replayed: tuple[Replayed, Replayed]) -> None:
        """Add n minutes within one quarter to the scores.

        `base`: float32[n, candidates, pools]; `ensemble`, `level`: float32[n, pools], base and level of the ensemble. `replayed`:
        what became of the bases, and of the ensemble's base.
        """
        of_bases, of_ensemble = replayed
        self._scores.add(proposed, base, minutes, of_bases)
        units = np.where(level > 0, top_units(level, ensemble, self.lost), np.float32(0))
        self._scores.add_ensemble(units, minutes, of_ensemble, self.lost)

    def close_quarter(self) -> None:
        """Add the quarter to the scores."""
        self._scores.close_quarter()

    def joint(self, bills: Amounts, cold: Amounts, usd_per_cold_start: Amounts) -> Joint:
        """Return the costs of all rules, from those of the bases: `bills`, `cold` float64[candidates + 1, pools], last of the
        ensemble's base.
        """
        gains = self._scores.amounts.reshape(len(self._scores.amounts), len(PAIRED) * len(TOPS), -1)
        saved = gains[SAVED] - self._held * gains[REQUESTS]
        repeated = RULE_BASE[len(CANDIDATES) :]
        more = self._pinged * gains[PINGED] - usd_per_cold_start * saved
        own = self._scores.ensemble
        own_saved = own[SAVED] - self._held * own[REQUESTS]
        own_bill = bills[ENSEMBLE] + self._pinged * own[PINGED] - usd_per_cold_start * own_saved
        rules = JointRules(np.concatenate((bills[:ENSEMBLE], bills[repeated] + more)), own_bill, RULE_BASE, RULE_TOP, NAIVE_RULES)
        return Joint(rules, np.concatenate((cold[:ENSEMBLE], cold[repeated] - saved)), cold[ENSEMBLE] - own_saved)


class FollowedLevel(NamedTuple):
    """Levels of n minutes, 0 where no pings run, float32[n, pools] each: of the ensemble, and the one that is followed."""

    ensemble: Units
    followed: Units


def level_of(rules: FollowedRules, proposed: TopProposals, trusted: NDArray[np.bool_]) -> FollowedLevel:
    """Return the levels of the pools. `trusted`: bool[n, pools], where False the rule without history is followed."""
    ensemble = voted_level(rules.top / np.maximum(rules.weights.sum(axis=0), 1.0), proposed)
    followed = ensemble
    if (fallback := rules.mode == OF_FALLBACK).any():
        leading = np.zeros_like(rules.top)
        leading[np.maximum(rules.top_leader, 0), np.arange(len(fallback))] = rules.top_leader >= 0
        followed = np.where(fallback, voted_level(leading, proposed), followed)
    if not trusted.all():
        untrained = np.zeros_like(rules.top)
        untrained[UNTRAINED] = 1.0
        followed = np.where(trusted, followed, voted_level(untrained, proposed))
    return FollowedLevel(ensemble, followed)


def without_base(choice: Choice) -> None:
    """Let pings alone keep pools warm whose history is too short to compare rules, in the minutes in which they run."""
    alone = ~choice.trusted & (choice.level > 0)
    choice.target[alone], choice.leader[alone] = 0.0, NOTHING_ALONE


def followed_tops(rules: FollowedRules, column: int, *, trusted: bool) -> tuple[dict[int, int], int]:
    """Return the weights of the tops that one pool follows, by row of `TOPS`, and the whole weight."""
    if not trusted:
        return {UNTRAINED: 1}, 1
    if rules.mode[column] == SelectionMode.FALLBACK:
        top = int(rules.top_leader[column])
        return ({} if top < 0 else {top: 1}), 1
    weights = rules.top[:, column]
    return {int(row): int(weights[row]) for row in np.flatnonzero(weights)}, int(rules.weights[:, column].sum())


def top_basis(rules: FollowedRules, proposed: TopProposals, column: int, *, trusted: bool) -> TopBasis:
    """Return the basis of one pool's level. `proposed`: of one minute."""
    weights, total = followed_tops(rules, column, trusted=trusted)
    return TopBasis(tuple(int(units) for units in proposed.level[0, :, column]), weights, total, float(proposed.rate[0, column]))


def voted_level(shares: Amounts, proposed: TopProposals) -> Units:
    """Return the mean level of the tops that want pings, by their shares float64[tops, pools] of the weight; 0 below `VOTES`."""
    of_pair = shares.reshape(len(LEVELS), len(LIMITS), -1)
    wanted = np.einsum("lgp,tgp->tlp", of_pair, proposed.runs.astype(np.float64))
    total = wanted.sum(axis=1)
    mean = (wanted * proposed.level).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.where(total >= VOTES, np.ceil(mean - ROUNDING), 0.0).astype(np.float32)


def _top(terms: CostTerms) -> TopTerms:
    if terms.top is None:
        raise ValueError("the pool has no top")
    return terms.top
