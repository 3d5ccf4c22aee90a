"""Select the capacity rules that a pool follows: of many candidates, those with the lowest cost on the pool's own history. Pure.

Every 15 min the candidates are weighted by their discounted bills (see `scoring`): the weight falls exponentially with the cost
above the leader. The ensemble is scored like a candidate: where it has recently cost clearly more than the best naive candidate,
the pool steps back to that one.
Source: the exponentially weighted average forecaster of Cesa-Bianchi and Lugosi, Prediction, Learning, and Games (2006). Scoring
by replay is possible because demand does not depend on the warm capacity.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.candidates import CANDIDATES, NAIVE, RECENT, proposals
from controller.decision.selection.choice import CHOSEN, MIXED, STEPPED_BACK, Choice
from controller.decision.selection.provisional_scores import Provisional, Weights, copied
from controller.decision.selection.scoring import QUARTER, CandidateScores
from controller.decision.selection.signals import Signals
from forecasting.demand import MINUTES_PER_DAY, Floats

ENOUGH = MINUTES_PER_DAY
"""Known minutes before candidates are trusted."""

MARGIN = 0.2
"""Share of the bill without Stoker by which a choice must have cost more than a naive rule before it gives way to it."""

CORRECTION = 12.0
"""How strongly an error budget that was overdrawn or saved moves what may wait next."""

SPREAD = 0.01
"""Share of the bill without Stoker at which a rule that cost so much more than the leader weighs 1/e of it."""

WEIGHT = 4096
"""The leader's weight. Weights are whole numbers: a weighted sum of whole units is the same in whatever order it is made."""

SLICE = 4_000_000
"""Proposals held at once: what bounds memory when many pools catch up on many minutes."""


class SelectionWeights(NamedTuple):
    """What is followed for one pool as its rules weigh now: float64[candidates], for `rule_name`, and for the signals."""

    weights: NDArray[np.float64]
    rule: int
    spare: float

    def wanted(self, offered: NDArray[np.float32]) -> NDArray[np.float32]:
        """Units of proposals float32[n, candidates, 1], as `CandidateSelector.advance` would want them at these weights:
        float32[n].
        """
        mixed = MIXED <= self.rule < STEPPED_BACK
        return mixture(offered, self.weights[:, None])[:, 0] if mixed else offered[:, self.rule % CHOSEN, 0]


class CandidateCosts(NamedTuple):
    """Discounted USD of every candidate, and last of the choice itself, float64[candidates + 1]; and the share that each
    candidate has in what is proposed, float64[candidates].
    """

    bills: NDArray[np.float64]
    shares: NDArray[np.float64]


def mixture(offered: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """The weighted mean of proposals float32[n, candidates, pools], to the nearest whole unit: float32[n, pools]."""
    total = np.zeros(offered[:, 0].shape, np.float64)
    for at in np.flatnonzero(weights.any(axis=1)):
        total += weights[at] * offered[:, at]
    mean: NDArray[np.float32] = np.ceil(total / weights.sum(axis=0) - 0.5).astype(np.float32)
    return mean


def chosen(offered: NDArray[np.float32], mixed: NDArray[np.float32], rule: NDArray[np.int16],
           trusted: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Units and the rule followed, [pools, n] each, of proposals float32[n, candidates, pools], their mixture float32[n, pools],
    the rule of each pool, and where history suffices to judge.
    """
    followed = np.where(trusted, rule[:, None], np.int16(RECENT))
    plain = np.take_along_axis(offered, (followed % CHOSEN).T[:, None], axis=1)[:, 0]
    return np.where((followed >= MIXED) & (followed < STEPPED_BACK), mixed.T, plain.T), followed


def timing_of(terms: CostTerms) -> tuple[int, int, int, int, bool]:
    """The spans that pools judged together must share, in minutes, and whether their units stay warm once given back."""
    return terms.metric_delay, terms.lead_time, terms.keep_alive, terms.billing_step, terms.stay_warm


class CandidateSelector:
    """Pools fed minute by minute. A minute of which the peak is NaN teaches nothing and costs nothing, whatever else is known.

    The same minutes give the same choices however they are cut into calls and whichever pools share the portfolio.
    """

    def __init__(self, terms: Sequence[CostTerms]) -> None:
        rows: dict[tuple[int, ...], list[int]] = {}
        for at, one in enumerate(terms):
            rows.setdefault(timing_of(one), []).append(at)
        self._cohorts = [(np.array(members), TimingCohort([terms[at] for at in members])) for _, members in sorted(rows.items())]

    def advance(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """Take in float32[pools, n] each from `first_minute` (minutes since the epoch) on, right after those of the last call."""
        choice = Choice(np.zeros(peak.shape), np.zeros(peak.shape, bool), np.zeros(peak.shape, np.int16))
        for members, cohort in self._cohorts:
            step = max(1, SLICE // (len(CANDIDATES) * len(members)))
            for first in range(0, peak.shape[1], step):
                columns = slice(first, min(first + step, peak.shape[1]))
                part = cohort.advance(peak[members, columns], busy[members, columns], invocations[members, columns],
                                      first_minute + first)
                choice.target[members, columns], choice.trusted[members, columns] = part.target, part.trusted
                choice.rule[members, columns] = part.rule
        return choice

    def preview(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """Return what `advance` would choose after the newest known of n minutes that follow those taken in, [pools, 1]. Nothing
        is kept of them in what was learned, since they may still be corrected.
        """
        shape = len(peak), 1
        choice = Choice(np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, np.int16))
        for members, cohort in self._cohorts:
            part = cohort.preview(peak[members], busy[members], invocations[members], first_minute)
            choice.target[members], choice.trusted[members], choice.rule[members] = part
        return choice

    def weights(self, pool: int) -> SelectionWeights:
        """How the rules of the pool in row `pool` weigh now; may be asked from another thread than the one that advances."""
        for members, cohort in self._cohorts:
            if len(found := np.flatnonzero(members == pool)):
                return cohort.weights(int(found[0]))
        raise IndexError(pool)

    def weighing(self, pool: int) -> CandidateCosts:
        """What each rule of the pool in row `pool` has cost, and what it counts for now."""
        for members, cohort in self._cohorts:
            if len(found := np.flatnonzero(members == pool)):
                return cohort.weighing(int(found[0]))
        raise IndexError(pool)

    def worth(self, pools: int) -> NDArray[np.float64]:
        """What a dollar of standing by has lately saved in each of `pools` pools: float64[pools], NaN where nobody knows yet."""
        worth = np.full(pools, np.nan)
        for members, cohort in self._cohorts:
            worth[members] = cohort.worth()
        return worth


class TimingCohort:
    """Pools of one timing."""

    def __init__(self, terms: Sequence[CostTerms]) -> None:
        first, pools = terms[0], len(terms)
        idle, saved = (np.array([one.idle for one in terms]), np.array([one.on_demand - one.warm_busy for one in terms]))
        spare = np.where(saved > idle, 1 - idle / np.where(saved > 0, saved, 1), 0.0)
        self._rate = np.array([np.nan if one.warm_hit_rate is None else one.warm_hit_rate for one in terms])
        self._prices = np.array([idle, -saved, [one.cold if one.warm_hit_rate is None else one.initialisation for one in terms]])
        self._cold = np.array([one.cold for one in terms])
        self._spare = spare
        self._signals = Signals(pools, first.metric_delay + first.lead_time, spare)
        self._judge = CandidateScores(CHOSEN + 1, pools, *timing_of(first))
        self._known = np.zeros(pools, np.int64)
        self._weights = np.zeros((CHOSEN, pools), np.float64)
        self._weights[RECENT] = WEIGHT
        self._rule = np.full(pools, RECENT, np.int16)
        self._provisional = Provisional()
        self._next: int | None = None

    def advance(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """As `CandidateSelector.advance`."""
        if self._next not in (None, first_minute):
            raise ValueError(f"minutes must follow one another: expected {self._next}, got {first_minute}")
        self._next = first_minute + peak.shape[1]
        busy = np.where(np.isnan(peak), np.float32(np.nan), busy)  # work without a peak would lower the base by itself
        self._provisional.settle(np.stack((peak, busy, invocations)), first_minute)
        offered = proposals(self._signals.take(peak, busy, first_minute))
        known = self._known[:, None] + np.cumsum(~np.isnan(peak), axis=1)
        self._known = known[:, -1].copy()
        choice = Choice(np.empty(peak.shape), known >= ENOUGH, np.empty(peak.shape, np.int16))
        minutes = first_minute + np.arange(peak.shape[1])
        starts = [0, *(int(at) for at in np.flatnonzero(minutes % QUARTER == 0) if at)]
        for begin, end in zip(starts, [*starts[1:], len(minutes)], strict=True):
            if minutes[begin] % QUARTER == 0:
                self._lead()
            rows = slice(begin, end)
            mixed = mixture(offered[rows], self._weights)
            choice.target[:, rows], choice.rule[:, rows] = chosen(offered[rows], mixed, self._rule, choice.trusted[:, rows])
            self._judge.add(np.concatenate((offered[rows], mixed[:, None]), axis=1), peak[:, rows].T, busy[:, rows].T,
                            invocations[:, rows].T)
        return choice

    def preview(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """As `CandidateSelector.preview`."""
        known = ~np.isnan(peak)
        newest = np.where(known.any(axis=1), known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1), 0)[:, None]
        busy = np.where(known, busy, np.float32(np.nan))
        signals = self._signals.preview(peak, busy, first_minute)
        offered = proposals({name: np.take_along_axis(values, newest, axis=1) for name, values in signals.items()})
        quarters = (first_minute + newest[:, 0]) // QUARTER
        late = quarters > ((self._next or first_minute) - 1) // QUARTER
        weights, rule = self._weights, self._rule
        if late.any():
            rows, begins = np.stack((peak, busy, invocations)), np.where(late, quarters * QUARTER, 0)
            weights, rule = self._provisional.weights(self, rows, first_minute, begins, (weights, rule))
        trusted = (self._known + known.sum(axis=1) >= ENOUGH)[:, None]
        target, rule = chosen(offered, mixture(offered, weights), rule, trusted)
        return Choice(target.astype(np.float64), trusted, rule)

    def part(self, pools: NDArray[np.int64]) -> "TimingCohort":
        """Return a cohort of some of the pools, which shares nothing with this one."""
        state = vars(self)
        of_pools = {name: state[name][..., pools] for name in state if isinstance(state[name], np.ndarray)}
        parts = {"_signals": self._signals.part(pools), "_judge": self._judge.part(pools), "_provisional": Provisional()}
        return copied(self, of_pools | parts)

    def turn(self, rows: Floats, first_minute: int) -> Weights:
        """Take in `rows`, float32[peak | busy | invocations, pools, n], that end with a quarter: what is followed in the next."""
        if rows.shape[2]:
            self.advance(rows[0], rows[1], rows[2], first_minute)
        self._lead()
        return self._weights, self._rule

    def bills(self) -> NDArray[np.float64]:
        """Discounted USD of every candidate, and last of the choice itself, beyond serving all on demand without a cold start."""
        amounts = self._judge.amounts
        bills: NDArray[np.float64] = self._prices[0] * amounts[0] + self._prices[1] * amounts[1] + self._prices[2] * amounts[2]
        return bills

    def worth(self) -> NDArray[np.float64]:
        """As `CandidateSelector.worth`: what the choice has spared of cold starts and work on demand, by the cost of its warm
        units.
        """
        ready, work, cold = self._judge.amounts[:, [0, CHOSEN]].copy()
        cost = self._prices[0] * ready[1]
        saved = self._prices[1] * (work[0] - work[1]) + self._cold * (cold[0] - cold[1])
        known = (self._known >= ENOUGH) & (cost > 0)
        return np.where(known, saved / np.where(known, cost, 1.0), np.nan)

    def weights(self, pool: int) -> SelectionWeights:
        """As `CandidateSelector.weights`."""
        rule = int(self._rule[pool]) if self._known[pool] >= ENOUGH else RECENT
        return SelectionWeights(self._weights[:, pool].copy(), rule, float(self._spare[pool]))

    def weighing(self, pool: int) -> CandidateCosts:
        """As `CandidateSelector.weighing`."""
        standing, shares = self.weights(pool), np.zeros(CHOSEN)
        if MIXED <= standing.rule < STEPPED_BACK:
            shares = standing.weights / standing.weights.sum()
        else:
            shares[standing.rule % CHOSEN] = 1.0
        return CandidateCosts(np.einsum("ar,a->r", self._judge.amounts[:, :, pool], self._prices[:, pool]), shares)

    def _lead(self) -> None:
        """Close the quarter, weigh the rules, and follow the mixture, or a naive rule where the mixture does not beat it."""
        self._judge.close_quarter()
        bills, asked = self.bills(), ~np.isnan(self._rate)
        if asked.any():
            bills[:CHOSEN, asked] = self._within_budget(bills[:CHOSEN, asked], asked)
        leader, pools = bills[:CHOSEN].argmin(axis=0).astype(np.int16), np.arange(bills.shape[1])
        alone = asked | (bills[0] == 0)  # a budget is kept by one rule at a time, and where nothing happened none is better
        worse = (bills[:CHOSEN] - bills[leader, pools]) / np.where(alone, 1.0, SPREAD * np.abs(bills[0]))
        worse[:, alone] = np.inf
        weights = np.round(WEIGHT * np.exp(-worse))
        weights[leader, pools] = WEIGHT
        self._weights = weights
        naive = np.array(NAIVE, np.int16)
        best = naive[bills[naive].argmin(axis=0)]
        beaten = ~asked & (bills[CHOSEN] > bills[best, pools] + MARGIN * np.abs(bills[0]))
        followed = np.where(alone, leader, leader + np.int16(MIXED))
        self._rule = np.where(beaten, best + np.int16(STEPPED_BACK), followed)

    def _within_budget(self, bills: NDArray[np.float64], asked: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Bills by which the leader is the cheapest rule that lets no more requests wait than may; else the one with the fewest.

        What may wait is the share that the operator allows, more where the choice has lately let fewer wait, less where more:
        an error budget over about a week, as old requests fade.
        """
        cold, requests = self._judge.amounts[2][:, asked], np.maximum(self._judge.requests[asked], 1.0)
        allowed = 1 - self._rate[asked]
        may_wait = np.maximum(allowed + CORRECTION * (allowed - cold[CHOSEN] / requests), 0.0) * requests
        within = cold[:CHOSEN] <= may_wait
        return np.where(within, bills, np.where(within.any(axis=0), np.inf, cold[:CHOSEN]))
