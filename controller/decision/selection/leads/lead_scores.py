"""Cost of the lead candidates, beside those of the choice and of what was followed, and which candidate to follow. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.leads.lead_candidates import CHOICE, LeadRules, Units, count_of
from controller.decision.selection.learned_state import Arrays, State, part_of, prefixed, restored
from controller.decision.selection.scored_peaks import ScoredPeaks
from controller.decision.selection.scoring import DECAY, QUARTER, Amounts, CandidateScores
from forecasting.demand import Floats

MARGIN = 0.02
"""Share of its cost by which the choice must have cost more than a candidate that is followed."""

BUDGET = 0.01
"""Share of the cost of the choice that following candidates may have cost in addition; above it, the choice is followed."""

RECENT_LOSS = 0.2
"""Share of its recent cost that a followed candidate may have cost more than the choice."""

RECENT_DECAY = 0.5 ** (QUARTER / 360)
"""Factor of recent costs in a quarter: a half-life of 6 h."""

FLOOR = 0.1
"""All shares are of at least this part of the cost without warm capacity: that of the choice can be zero or below."""

NOTHING, OF_CHOICE, FOLLOWED, CANDIDATES = range(4)
"""Rows of the scores: no warm capacity, the choice, what was followed, and from there on the candidates."""


class LeadScores:
    """Scores of the candidates of pools that share their timing and their number of signals and windows."""

    def __init__(self, terms: Sequence[CostTerms], signals: int, windows: int) -> None:
        first, pools = terms[0], len(terms)
        self.rules = CANDIDATES + count_of(signals, windows)
        """Number of rules that are scored."""
        self._scores = CandidateScores(self.rules, pools, first.metric_delay, first.lead_time, first.keep_alive,
                                       first.billing_step, first.stay_warm)
        self._rated = np.array([one.warm_hit_rate is not None for one in terms])
        self._prices = np.array([[one.idle, one.warm_busy - one.on_demand, one.cold] for one in terms]).T
        self._peaks, self._recent = ScoredPeaks(terms), np.zeros((self.rules, pools))
        self._highest = np.zeros((2, pools))

    def state(self) -> Arrays:
        """Return what has been learned, without copies."""
        own: Arrays = {"recent": self._recent, "highest": self._highest}
        return own | prefixed(scores=self._scores.state(), peaks=self._peaks.state())

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._recent, self._highest = restored(state, "recent", self._recent), restored(state, "highest", self._highest)
        self._scores.restore(part_of(state, "scores"))
        self._peaks.restore(part_of(state, "peaks"))

    def scored(self, peak: Floats, busy: Floats, requests: Floats) -> tuple[Floats, Floats]:
        """Return peak and work by which the next n minutes are scored, from demand float32[n, pools]; see `ScoredPeaks`."""
        scored_peak, scored_busy = self._peaks.advance(peak.T, busy.T, requests.T)
        return scored_peak.T, scored_busy.T

    def add(self, choice: Units, followed: Units, candidates: Units, demand: tuple[Floats, Floats, Floats]) -> None:
        """Add n minutes within one quarter.

        `choice`, `followed`: float32[n, pools], requested after each minute. `candidates`: float32[n, candidates, pools].
        `demand`: peak and work from `scored`, and requests, float32[n, pools].
        """
        compared = np.stack((np.zeros_like(choice), choice, followed), axis=1)
        self._scores.add(np.concatenate((compared, candidates), axis=1), *demand)
        self._highest[1] = np.fmax(self._highest[1], np.fmax.reduce(demand[0], axis=0))

    def close_quarter(self, ratio: Amounts) -> LeadRules:
        """Add the quarter that has ended, and return the rules that follow from it with the ratios known by then."""
        self._recent = self._recent * RECENT_DECAY + self._costs(self._scores.quarter)
        self._scores.close_quarter()
        self._highest = np.stack((np.maximum(self._highest[0] * DECAY, self._highest[1]), np.zeros_like(self._highest[1])))
        costs = self._costs(self._scores.amounts)
        best = costs[CANDIDATES:].argmin(axis=0) + CANDIDATES
        number = np.where(np.isnan(ratio).all(axis=(0, 1, 2)), CHOICE, best - CANDIDATES).astype(np.int16)
        follow = self._worth_following(costs, best)
        return LeadRules(ratio, np.ceil(self._highest[0]), number, np.where(follow, number, np.int16(CHOICE)),
                         np.stack((costs[OF_CHOICE], np.take_along_axis(costs, best[None], axis=0)[0])))

    def _worth_following(self, costs: Amounts, best: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether the best candidates have cost less than the choice by `MARGIN`, and have not recently cost more; and
        whether what was followed has cost no more than `BUDGET` in addition. Where the policy sets a rate of requests that must
        not wait, a candidate with more cold starts is not followed.
        """
        pools, cold = np.arange(len(best)), self._scores.amounts[2]
        allowed = ~self._rated | (cold[best, pools] <= cold[OF_CHOICE])
        cheaper = costs[best, pools] < costs[OF_CHOICE] - MARGIN * scale_of(costs)
        within = costs[FOLLOWED] <= costs[OF_CHOICE] + BUDGET * scale_of(costs)
        recently = self._recent[best, pools] <= self._recent[OF_CHOICE] + RECENT_LOSS * scale_of(self._recent)
        return np.asarray(allowed & cheaper & within & recently)

    def _costs(self, amounts: Amounts) -> Amounts:
        """Return the USD of amounts, float64[rules, pools]."""
        ready, work, cold = amounts
        return np.asarray(self._prices[0] * ready + self._prices[1] * work + self._prices[2] * cold)


def scale_of(costs: Amounts) -> Amounts:
    """Return the cost that shares refer to, float64[pools], from the costs float64[rules, pools]."""
    return np.asarray(np.maximum(np.abs(costs[OF_CHOICE]), FLOOR * np.abs(costs[NOTHING])))
