"""Selector of one demand under several objectives. Pure.

Signals, proposals and the scores of the candidates do not depend on the objective, so they are calculated once. Each objective
has its own weights, and an ensemble that is scored beside the candidates.
"""

from collections.abc import Sequence

import numpy as np

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.layers.levels import TopProposals
from controller.decision.selection.layers.top_selection import TopSelection
from controller.decision.selection.scoring import Amounts, Replayed, Units
from controller.decision.selection.signals import Signals
from controller.decision.selection.timing_cohort import ScoredTops, TimingCohort, scores_of
from controller.decision.selection.weighting import ENSEMBLE
from forecasting.demand import Floats


class ObjectiveCohort(TimingCohort):
    """Cohort in which all pools have the same demand and differ only in their objective. It supports `advance` only, and
    explains no proposal.
    """

    explained = False

    def __init__(self, terms: Sequence[CostTerms]) -> None:
        super().__init__(terms)
        self._own_signals: dict[str, Floats] = {}
        self._signals = Signals(1, self._horizon, self._spare[:1])
        self._scores = scores_of(ENSEMBLE + len(terms), 1, terms[0])

    def _proposed(self, peak: Floats, busy: Floats, first_minute: int) -> tuple[dict[str, Floats], Units]:
        signals, once = super()._proposed(peak[:1], busy[:1], first_minute)
        self._own_signals = signals
        return {}, np.broadcast_to(once, (*once.shape[:2], len(peak)))

    def _proposed_tops(self, _: dict[str, Floats], invocations: Floats) -> TopProposals | None:
        return super()._proposed_tops(self._own_signals, invocations[:1])

    def _top_selection(self) -> TopSelection:
        return TopSelection(self._terms, same=True)

    def _score(self, proposed: Units, ensemble: Units, peak: Units, busy: Units, requests: Units,
               tops: ScoredTops | None) -> None:
        rules = np.concatenate((proposed[:, :, 0], ensemble), axis=1)[:, :, None]
        replayed = self._scores.add(rules, peak[:, :1], busy[:, :1], requests[:, :1])
        own = Replayed(*(part[:, ENSEMBLE:, 0] for part in replayed))
        self._score_tops(tops, proposed[..., :1], ensemble, (replayed, own), peak[:, :1], requests[:, :1])

    def _amounts(self) -> tuple[Amounts, Amounts]:
        amounts, objectives = self._scores.amounts[:, :, 0], self._scores.amounts.shape[1] - ENSEMBLE
        candidates = np.broadcast_to(amounts[:, :ENSEMBLE, None], (3, ENSEMBLE, objectives))
        return np.concatenate((candidates, amounts[:, None, ENSEMBLE:]), axis=1), np.repeat(self._scores.requests, objectives)
