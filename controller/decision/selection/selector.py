"""Select the capacity rules that pools follow: of many candidates, those with the lowest cost on the pool's own history. Pure.

Every 15 min the candidates are weighted by their discounted bills (see `scoring` and `weighting`): the weight falls exponentially
with the cost above the leader. The ensemble is scored like a candidate: where it has recently cost clearly more than the best
naive candidate, the pool falls back to that one.
Scoring by replay is possible because demand does not depend on the warm capacity.
"""

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import MINUTES_A_MONTH, CostTerms
from controller.decision.selection.candidates import CANDIDATES
from controller.decision.selection.choice import Choice
from controller.decision.selection.choice_inputs import LazyBasis, newest_known
from controller.decision.selection.learned_state import Arrays, State, part_of, prefixed
from controller.decision.selection.scoring import HALF_LIFE_MINUTES, HALF_LIFE_WITH_TOPS_MINUTES
from controller.decision.selection.timing_cohort import CandidateCosts, TimingCohort, cohort_of
from controller.decision.selection.weighting import ENOUGH, SelectionWeights
from forecasting.demand import Floats

SLICE = 4_000_000
"""Proposals held at once, which bounds memory when many pools catch up on many minutes."""


class CandidateSelector:
    """Selector of many pools, fed minute by minute. A minute with an unknown peak changes no score.

    The same minutes give the same choices, however they are divided into calls and whichever pools share the selector.
    """

    def __init__(self, terms: Sequence[CostTerms]) -> None:
        rows: dict[tuple[int, ...], list[int]] = {}
        for at, one in enumerate(terms):
            rows.setdefault(cohort_of(one), []).append(at)
        self._bases: dict[int, LazyBasis] = {}
        self._half_lives = [HALF_LIFE_WITH_TOPS_MINUTES if with_top else HALF_LIFE_MINUTES for *_, with_top in sorted(rows)]
        self._cohorts = [(np.array(members), TimingCohort([terms[at] for at in members])) for _, members in sorted(rows.items())]

    def advance(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """Learn from n minutes and return the choice of each.

        `peak`, `busy`, `invocations`: float32[pools, n], from `first_minute` (minutes since the epoch) on. Raises ValueError
        unless they follow the minutes of the last call.
        """
        choice, newest, self._bases = Choice.zeros(*peak.shape), newest_known(peak), {}
        for members, cohort in self._cohorts:
            step = max(1, SLICE // (len(CANDIDATES) * len(members)))
            for first in range(0, peak.shape[1], step):
                columns = slice(first, min(first + step, peak.shape[1]))
                part = cohort.advance(peak[members, columns], busy[members, columns], invocations[members, columns],
                                      first_minute + first, newest[members] - first)
                choice.fill((members, columns), part)
                self._note(members, cohort)
        return choice

    def preview(self, peak: Floats, busy: Floats, invocations: Floats, first_minute: int) -> Choice:
        """Return what `advance` would choose after the newest known of n minutes that follow those learned from, [pools, 1].

        Nothing is learned from them, because they may still be corrected.
        """
        choice, self._bases = Choice.zeros(len(peak), 1), {}
        for members, cohort in self._cohorts:
            part = cohort.preview(peak[members], busy[members], invocations[members], first_minute)
            choice.fill(members, part)
            self._note(members, cohort)
        return choice

    def bases(self) -> dict[int, LazyBasis]:
        """Return the basis of the last choice by row: of each pool of which a minute was known in the last call."""
        return self._bases

    def _note(self, members: NDArray[np.int64], cohort: TimingCohort) -> None:
        for rows, columns, inputs in cohort.inputs:
            for row, column in zip(members[rows].tolist(), columns.tolist(), strict=True):
                self._bases[row] = LazyBasis(inputs, column)

    def weights(self, pool: int) -> SelectionWeights:
        """Return the rule that the pool in row `pool` follows now. Another thread may call this while `advance` runs."""
        cohort, row = self._place(pool)
        return cohort.selection(row)

    def costs(self, pool: int) -> CandidateCosts:
        """Return what each candidate of the pool in row `pool` has cost, and its share in what is requested now."""
        cohort, row = self._place(pool)
        return cohort.costs(row)

    def worth(self, pools: int) -> NDArray[np.float64]:
        """Return the USD that a dollar of warm units has recently saved in each pool: float64[pools], NaN where unknown."""
        worth = np.full(pools, np.nan)
        for members, cohort in self._cohorts:
            worth[members] = cohort.worth()
        return worth

    def savings(self, pools: int) -> NDArray[np.float64]:
        """Return the USD per month that the choices have recently saved over no warm capacity, bill and cold-start cost together:
        float64[pools], NaN where history is too short.
        """
        found = np.full(pools, np.nan)
        for (members, cohort), half_life in zip(self._cohorts, self._half_lives, strict=True):
            rules, known = cohort.joint().rules, cohort.known
            minutes = half_life / log(2) * (1 - 0.5 ** (known / half_life))
            found[members] = np.where(known >= ENOUGH, (rules.bills[0] - rules.ensemble) / np.maximum(minutes, 1), np.nan)
        return found * MINUTES_A_MONTH

    def state(self) -> Arrays:
        """Return what has been learned, without copies; see `learned_state`."""
        return prefixed(**{f"cohort-{at}": cohort.state() for at, (_, cohort) in enumerate(self._cohorts)})

    def restore(self, state: State) -> None:
        """Set what `state` returned for the same terms. KeyError or ValueError: it does not fit, and part of it may be set."""
        for at, (_, cohort) in enumerate(self._cohorts):
            cohort.restore(part_of(state, f"cohort-{at}"))

    def _place(self, pool: int) -> tuple[TimingCohort, int]:
        """Return the cohort of a pool, and its row there."""
        for members, cohort in self._cohorts:
            if len(found := np.flatnonzero(members == pool)):
                return cohort, int(found[0])
        raise IndexError(pool)
