"""Select, for pools with leading signals, between the choice of their candidates and what a signal forecasts. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.choice import OF_LEAD, Choice
from controller.decision.selection.choice_inputs import newest_known
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.leads.lead_candidates import CHOICE
from controller.decision.selection.leads.lead_cohort import Chosen, LeadCohort
from controller.decision.selection.learned_state import Arrays, State, part_of, prefixed
from controller.decision.selection.timing_cohort import timing_of
from forecasting.demand import Floats

SLICE = 2_000_000
"""Proposals held at once, which bounds memory when many pools catch up on many minutes."""

Signals = Mapping[int, Floats]
"""Signals by row of a pool, float32[signals, n + ahead], NaN where unknown."""


class LeadSelector:
    """Selector beside `CandidateSelector`, fed with the same minutes.

    `leads`: of each pool the delays of its signals in minutes, from an event to the signal being readable; empty without signals.
    Such pools, and pools with a pinged layer, keep their choice. The same minutes give the same choices, however they are divided
    into calls and whichever pools share the selector.
    """

    def __init__(self, terms: Sequence[CostTerms], leads: Sequence[tuple[int, ...]]) -> None:
        self.rows = [at for at, (one, delays) in enumerate(zip(terms, leads, strict=True)) if delays and one.top is None]
        """Rows of the pools whose signals are read."""
        self.ahead = max((terms[at].metric_delay - delay for at in self.rows for delay in leads[at]), default=0)
        self.ahead = max(self.ahead, 0)
        """Minutes after the last one that `signals` must have: signals may be known sooner than the metric of the pool."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for at in self.rows:
            groups.setdefault((*timing_of(terms[at]), len(leads[at])), []).append(at)
        self._cohorts = [(np.array(members), LeadCohort([terms[at] for at in members], [leads[at] for at in members], self.ahead))
                         for _, members in sorted(groups.items())]
        self._place = {at: (cohort, row) for members, cohort in self._cohorts for row, at in enumerate(members.tolist())}

    def advance(self, choice: Choice, peak: Floats, busy: Floats, requests: Floats, signals: Signals,
                first_minute: int) -> Choice:
        """Learn from n minutes and return the choice with leads in place.

        `choice`: of `CandidateSelector` for the same minutes. `peak`, `busy`, `requests`: float32[pools, n]. Raises ValueError
        unless they follow the minutes of the last call.
        """
        if not self._cohorts:
            return choice
        result, count, newest = copied(choice), peak.shape[1], newest_known(peak)
        for members, cohort in self._cohorts:
            each = np.stack([signals[at] for at in members.tolist()], axis=-1).transpose(1, 0, 2)
            step = max(1, SLICE // (cohort.scores.rules * len(members)))
            for first in range(0, count, step):
                end = min(first + step, count)
                rows = np.ix_(members, np.arange(first, end))
                demand = (peak[rows].T, busy[rows].T, requests[rows].T)
                chosen = cohort.advance(choice.target[rows].T.astype(np.float32), choice.trusted[rows].T, demand,
                                        known_values(each[first : end + self.ahead]), first_minute + first,
                                        newest[members] - first)
                place(result, rows, chosen)
        return result

    def preview(self, choice: Choice, peak: Floats, signals: Signals, first_minute: int) -> Choice:
        """Return what `advance` would after the newest known of n minutes that follow those learned from, [pools, 1].

        `choice`: of `CandidateSelector.preview` for the same minutes.
        """
        if not self._cohorts:
            return choice
        result, newest = copied(choice), np.maximum(newest_known(peak), 0)
        for members, cohort in self._cohorts:
            each = np.stack([signals[at] for at in members.tolist()], axis=-1).transpose(1, 0, 2)
            chosen = cohort.preview(choice.target[members].T.astype(np.float32), choice.trusted[members].T,
                                    peak[members].T, known_values(each), first_minute, newest[members])
            place(result, np.ix_(members, np.zeros(1, np.int64)), chosen)
        return result

    def basis(self, pool: int, names: Sequence[str]) -> LeadBasis | None:
        """Return the inputs of the last choice of the pool in row `pool`, whose signals have these names; None for a pool without
        signals, and while no ratio is known.
        """
        if pool not in self._place:
            return None
        cohort, row = self._place[pool]
        return cohort.basis(row, names)

    def state(self) -> Arrays:
        """Return what has been learned, without copies; see `learned_state`."""
        return prefixed(**{f"cohort-{at}": cohort.state() for at, (_, cohort) in enumerate(self._cohorts)})

    def restore(self, state: State) -> None:
        """Set what `state` returned for the same terms and delays. KeyError or ValueError: it does not fit, and part of it may be
        set.
        """
        for at, (_, cohort) in enumerate(self._cohorts):
            cohort.restore(part_of(state, f"cohort-{at}"))


def known_values(signals: Floats) -> Floats:
    """Return signals with impossible values, negative or infinite, as unknown."""
    return np.where((signals >= 0) & np.isfinite(signals), signals, np.float32(np.nan)).astype(np.float32)


def copied(choice: Choice) -> Choice:
    """Return a copy of which targets and modes may be set."""
    return choice._replace(target=choice.target.copy(), mode=choice.mode.copy())


def place(choice: Choice, rows: tuple[NDArray[np.int64], ...], chosen: Chosen) -> None:
    """Set the targets that a candidate alters."""
    altered = (chosen.candidate.T != CHOICE) & (choice.target[rows] != chosen.units.T)
    choice.target[rows] = np.where(altered, chosen.units.T, choice.target[rows])
    choice.mode[rows] = np.where(altered, OF_LEAD, choice.mode[rows])
