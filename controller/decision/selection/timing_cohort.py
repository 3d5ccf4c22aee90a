"""Selector of the pools that share one timing: proposals, scores and weights, minute by minute. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.candidates import CANDIDATES, NAIVE, RECENT, proposals
from controller.decision.selection.choice import Choice, SelectionMode
from controller.decision.selection.choice_inputs import ChoiceInputs, newest_known
from controller.decision.selection.layers.levels import TOPS, UNTRAINED, TopProposals
from controller.decision.selection.layers.pair_scores import Minutes, whole_requests
from controller.decision.selection.layers.top_selection import Joint, TopSelection, level_of, without_base
from controller.decision.selection.learned_state import (
    Arrays,
    State,
    minute_state,
    part_of,
    prefixed,
    restored,
    restored_minute,
)
from controller.decision.selection.provisional_scores import ProvisionalRules
from controller.decision.selection.scored_peaks import ScoredPeaks
from controller.decision.selection.scoring import DECAY, DECAY_WITH_TOPS, QUARTER, Amounts, CandidateScores, Replayed, Units
from controller.decision.selection.signals import Signals
from controller.decision.selection.weighting import (
    ENOUGH,
    ENSEMBLE,
    FollowedRules,
    JointRules,
    SelectionWeights,
    ensemble_mean,
    nearest,
)
from forecasting.demand import Floats

ALONE_BASE = np.arange(len(CANDIDATES), dtype=np.int16)
ALONE_TOP = np.full(len(CANDIDATES), -1, np.int16)
"""Base and top of each rule where pools have no top: the candidates alone."""

ScoredTops = tuple[TopProposals, Units]
"""What the tops propose in some minutes, and the level of the ensemble."""

CORRECTION = 12.0
"""Factor of the difference between allowed and actual cold starts in the share of requests that may start cold next."""


class CandidateCosts(NamedTuple):
    """Discounted USD of every candidate, and last of the ensemble, float64[candidates + 1]; and the share that each candidate has
    in what is requested, float64[candidates].
    """

    bills: NDArray[np.float64]
    shares: NDArray[np.float64]


def timing_of(terms: CostTerms) -> tuple[int, int, int, int, bool]:
    """Return the durations that the pools of a cohort share, in minutes, and whether their units stay warm after scale-in."""
    return terms.metric_delay, terms.lead_time, terms.keep_alive, terms.billing_step, terms.stay_warm


def cohort_of(terms: CostTerms) -> tuple[int, ...]:
    """Return what the pools of a cohort share: their timing, and whether they have a top."""
    return *timing_of(terms), terms.top is not None


def scores_of(rules: int, pools: int, terms: CostTerms) -> CandidateScores:
    """Return the scores of pools with the timing of `terms`, without history."""
    return CandidateScores(rules, pools, *timing_of(terms), DECAY if terms.top is None else DECAY_WITH_TOPS)


class TimingCohort:
    """Selector of pools of which `cohort_of` is the same."""

    explained = True
    """Whether the inputs of the last choices are kept."""

    def __init__(self, terms: Sequence[CostTerms]) -> None:
        first, pools = terms[0], len(terms)
        self._terms = tuple(terms)
        idle, saved = (np.array([one.idle for one in terms]), np.array([one.on_demand - one.warm_busy for one in terms]))
        self._spare = np.where(saved > idle, 1 - idle / np.where(saved > 0, saved, 1), 0.0)
        self._rate = np.array([np.nan if one.warm_hit_rate is None else one.warm_hit_rate for one in terms])
        self._prices = np.array([idle, -saved, [one.cold if one.warm_hit_rate is None else one.initialisation for one in terms]])
        self._cold = np.array([one.cold for one in terms])
        self._horizon = first.metric_delay + first.lead_time
        self._signals = Signals(pools, self._horizon, self._spare)
        self._scores, self._scored_peaks = scores_of(ENSEMBLE + 1, pools, first), ScoredPeaks(terms)
        self._top = None if first.top is None else self._top_selection()
        self.known = np.zeros(pools, np.int64)
        self._rules = FollowedRules.untrained(pools) if self._top is None else \
            FollowedRules.untrained(pools, len(TOPS), UNTRAINED)
        self._provisional = ProvisionalRules()
        self._next: int | None = None
        self.inputs: list[tuple[NDArray[np.int64], NDArray[np.int64], ChoiceInputs]] = []
        """Inputs of the last choices: rows of pools, their columns in the inputs, and the inputs."""

    def advance(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int,
                newest: NDArray[np.int64] | None = None) -> Choice:
        """Learn and choose as `CandidateSelector.advance`. `newest`: int64[pools], the minute from the first on of which `inputs`
        are kept; outside of the minutes for none; by default the newest known one.
        """
        if self._next not in (None, first_minute):
            raise ValueError(f"minutes must follow one another: expected {self._next}, got {first_minute}")
        self._next = first_minute + peak.shape[1]
        self._provisional.settle(np.stack((peak, busy, invocations)), first_minute)
        scored_peak, scored_busy = self._scored_peaks.advance(peak, busy, invocations)
        busy = np.where(np.isnan(peak), np.float32(np.nan), busy)  # work without a known peak would lower the base
        signals, proposed = self._proposed(peak, busy, first_minute)
        tops = self._proposed_tops(signals, invocations)
        self.inputs, newest = [], newest_known(peak) if newest is None else newest
        known = self.known[:, None] + np.cumsum(~np.isnan(peak), axis=1)
        self.known = known[:, -1].copy()
        choice = Choice.zeros(*peak.shape)._replace(trusted=known >= ENOUGH)
        minutes = first_minute + np.arange(peak.shape[1])
        starts = [0, *(int(at) for at in np.flatnonzero(minutes % QUARTER == 0) if at)]
        for start, end in zip(starts, [*starts[1:], len(minutes)], strict=True):
            if minutes[start] % QUARTER == 0:
                self._close_quarter()
            rows = slice(start, end)
            exact = ensemble_mean(proposed[rows], self._rules.weights)
            ensemble = nearest(exact)
            choice.target[:, rows], choice.leader[:, rows], choice.mode[:, rows] = self._rules.units(
                proposed[rows], ensemble, choice.trusted[:, rows])
            scored = None
            if tops is not None:
                level = level_of(self._rules, tops.rows(rows), choice.trusted[:, rows].T)
                choice.level[:, rows], scored = level.followed.T, (tops.rows(rows), level.ensemble)
            self._score(proposed[rows], ensemble, scored_peak[:, rows].T, scored_busy[:, rows].T, invocations[:, rows].T, scored)
            if self.explained and len(due := np.flatnonzero((newest >= start) & (newest < end))):
                kept = np.arange(len(peak)) if len(minutes) == 1 else due  # of one minute, all pools: the weights are not copied
                at = np.clip(newest[kept], start, end - 1)
                inputs = ChoiceInputs({name: values[kept, at] for name, values in signals.items()},
                                      self._rules if len(kept) == len(peak) else self._rules.part(kept),
                                      exact[at - start, kept], minutes[at], peak[kept, at], known[kept, at], self._horizon,
                                      None if tops is None else tops.at(at, kept))
                self.inputs.append((due, np.searchsorted(kept, due), inputs))
        if tops is not None:
            without_base(choice)
        return choice

    def preview(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """Choose as `CandidateSelector.preview`."""
        known, rows = ~np.isnan(peak), np.stack((peak, busy, invocations))
        newest = np.maximum(newest_known(peak), 0)[:, None]
        busy = np.where(known, busy, np.float32(np.nan))
        signals = {name: np.take_along_axis(values, newest, axis=1)
                   for name, values in self._signals.preview(peak, busy, first_minute).items()}
        proposed = proposals(signals)
        quarters = (first_minute + newest[:, 0]) // QUARTER
        late = quarters > ((self._next or first_minute) - 1) // QUARTER
        rules = self._rules
        if late.any():
            starts = np.where(late, quarters * QUARTER, 0)
            rules = self._provisional.rules(self, rows, first_minute, starts, rules)
        count, exact = self.known + known.sum(axis=1), ensemble_mean(proposed, rules.weights)
        trusted = (count >= ENOUGH)[:, None]
        target, leader, mode = rules.units(proposed, nearest(exact), trusted)
        tops = None if self._top is None else self._top.preview(signals, invocations, newest)
        level = np.zeros_like(target) if tops is None else level_of(rules, tops, trusted.T).followed.T
        last = np.take_along_axis(peak, newest, axis=1)[:, 0]
        inputs = ChoiceInputs({name: values[:, 0] for name, values in signals.items()}, rules, exact[0],
                              first_minute + newest[:, 0], last, count, self._horizon, tops)
        due = np.flatnonzero(known.any(axis=1))
        self.inputs = [(due, due, inputs)]
        choice = Choice(target.astype(np.float64), trusted, leader, mode, level.astype(np.float64))
        if tops is not None:
            without_base(choice)
        return choice

    def part(self, pools: NDArray[np.int64]) -> "TimingCohort":
        """Return a cohort of some of the pools, which shares nothing with this one."""
        part = TimingCohort([self._terms[pool] for pool in pools])
        part._signals, part._scores = self._signals.part(pools), self._scores.part(pools)
        part._top = None if self._top is None else self._top.part(pools)
        part._scored_peaks = self._scored_peaks.part(pools, part._terms)
        part.known, part._rules, part._next = self.known[pools], self._rules.part(pools), self._next
        return part

    def next_rules(self, rows: Floats, first_minute: int) -> FollowedRules:
        """Learn from float32[peak | busy | invocations, pools, n], which end with a quarter, and return the rules of the next."""
        if rows.shape[2]:
            self.advance(rows[0], rows[1], rows[2], first_minute, np.full(rows.shape[1], -1))
        self._close_quarter()
        return self._rules

    def state(self) -> Arrays:
        """Return what has been learned, without copies. Provisional rules are left out: they are computed again."""
        own: Arrays = {"known": self.known, **self._rules._asdict(), **minute_state(self._next)}
        top = {} if self._top is None else prefixed(top_layer=self._top.state())
        return own | top | prefixed(signals=self._signals.state(), scores=self._scores.state(), peaks=self._scored_peaks.state())

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self.known, self._next = restored(state, "known", self.known), restored_minute(state)
        self._rules = FollowedRules(*(restored(state, name, array) for name, array in self._rules._asdict().items()))
        self._signals.restore(part_of(state, "signals"))
        self._scores.restore(part_of(state, "scores"))
        self._scored_peaks.restore(part_of(state, "peaks"))
        if self._top is not None:
            self._top.restore(part_of(state, "top_layer"))

    def bills(self) -> NDArray[np.float64]:
        """Return the discounted USD of every candidate, and last of the ensemble: float64[candidates + 1, pools].

        They are the difference to serving all demand on demand without a cold start. A candidate that forms pairs with tops has
        the bill of its cheapest pair.
        """
        joint, bills = self.joint(), np.full((ENSEMBLE + 1, len(self._terms)), np.inf)
        np.minimum.at(bills, joint.rules.base.astype(np.int64), joint.rules.bills)
        bills[ENSEMBLE] = joint.rules.ensemble
        return bills

    def joint(self) -> Joint:
        """Return the costs of all rules."""
        amounts, _ = self._amounts()
        bills = self._prices[0] * amounts[0] + self._prices[1] * amounts[1] + self._prices[2] * amounts[2]
        if self._top is not None:
            return self._top.joint(bills, amounts[2], self._prices[2])
        rules = JointRules(bills[:ENSEMBLE], bills[ENSEMBLE], ALONE_BASE, ALONE_TOP, np.array(NAIVE))
        return Joint(rules, amounts[2][:ENSEMBLE], amounts[2][ENSEMBLE])

    def worth(self) -> NDArray[np.float64]:
        """Return cold starts and on-demand work saved, in USD per USD of warm units, as `CandidateSelector.worth`."""
        ready, work, cold = self._scores.amounts[:, [0, ENSEMBLE]].copy()
        cost = self._prices[0] * ready[1]
        saved = self._prices[1] * (work[0] - work[1]) + self._cold * (cold[0] - cold[1])
        known = (self.known >= ENOUGH) & (cost > 0)
        return np.where(known, saved / np.where(known, cost, 1.0), np.nan)

    def selection(self, pool: int) -> SelectionWeights:
        """Return the rule that a pool follows now."""
        rules, leader, mode = self._rules, RECENT, SelectionMode.ALONE
        if self.known[pool] >= ENOUGH:
            leader, mode = int(rules.leader[pool]), SelectionMode(rules.mode[pool])
        return SelectionWeights(rules.weights[:, pool].copy(), leader, mode, float(self._spare[pool]))

    def costs(self, pool: int) -> CandidateCosts:
        """Return what each candidate has cost, and its share in what a pool requests now."""
        return CandidateCosts(self.part(np.array([pool])).bills()[:, 0], self.selection(pool).shares())

    def _proposed(self, peak: Floats, busy: Floats, first_minute: int) -> tuple[dict[str, Floats], Units]:
        """Return the signals of n new minutes, and what each candidate proposes after each: float32[n, candidates, pools]."""
        signals = self._signals.advance(peak, busy, first_minute)
        return signals, proposals(signals)

    def _proposed_tops(self, signals: dict[str, Floats], invocations: Floats) -> TopProposals | None:
        """Return what the tops propose after each of n new minutes; None for pools with one lever."""
        return None if self._top is None else self._top.propose(signals, invocations)

    def _top_selection(self) -> TopSelection:
        """Return the selection of the tops, without history."""
        return TopSelection(self._terms)

    def _score(self, proposed: Units, ensemble: Units, peak: Units, busy: Units, requests: Units,
               tops: ScoredTops | None) -> None:
        """Add n minutes within one quarter to the scores of the rules and of the ensemble, float32[n, pools]."""
        replayed = self._scores.add(np.concatenate((proposed, ensemble[:, None]), axis=1), peak, busy, requests)
        own = Replayed(*(part[:, ENSEMBLE] for part in replayed))
        self._score_tops(tops, proposed, ensemble, (replayed, own), peak, requests)

    def _score_tops(self, tops: ScoredTops | None, proposed: Units, ensemble: Units, replayed: tuple[Replayed, Replayed],
                    peak: Units, requests: Units) -> None:
        """Add n minutes to the scores of the pairs, if the pools have tops."""
        if tops is not None and self._top is not None:
            known = ~np.isnan(peak)
            minutes = Minutes(known, whole_requests(requests, known))
            self._top.score(tops[0], proposed, ensemble, tops[1], minutes, replayed)

    def _amounts(self) -> tuple[Amounts, Amounts]:
        """Return the scores' amounts, float64[3, candidates + 1, pools], and requests, float64[pools]."""
        return self._scores.amounts, self._scores.requests

    def _close_quarter(self) -> None:
        """Add the quarter to the scores, and set the rules of the next one."""
        self._scores.close_quarter()
        if self._top is not None:
            self._top.close_quarter()
        joint, budgeted = self.joint(), ~np.isnan(self._rate)
        # one rule at a time keeps an error budget; without demand no rule is better
        alone = budgeted | (joint.rules.bills[0] == 0)
        if budgeted.any():
            joint.rules.bills[:, budgeted] = self._within_budget(joint, budgeted)
        self._rules = joint.rules.followed(alone, ~budgeted, len(self._rules.top))

    def _within_budget(self, joint: Joint, budgeted: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return bills by which the leader is the cheapest rule within its error budget, else that with fewest cold starts.

        The error budget is the share of requests that the policy allows to start cold, corrected by `CORRECTION` times the
        difference to the share that did. It covers about a week, because older requests are discounted.
        """
        requests = np.maximum(self._amounts()[1][budgeted], 1.0)
        allowed, cold = 1 - self._rate[budgeted], joint.cold[:, budgeted]
        missed = joint.ensemble_cold[budgeted] / requests
        budget = np.maximum(allowed + CORRECTION * (allowed - missed), 0.0) * requests
        within = cold <= budget
        return np.where(within, joint.rules.bills[:, budgeted], np.where(within.any(axis=0), np.inf, cold))
