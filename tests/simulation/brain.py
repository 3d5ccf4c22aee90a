"""Proposals from a mind that is not well: what every guardrail must hold against."""

import numpy as np

from controller.decision.selection.candidates import CANDIDATES, RECENT
from controller.decision.selection.choice import Choice, SelectionMode
from controller.decision.selection.layers.levels import LEVELS
from controller.decision.selection.layers.top_basis import TopBasis
from controller.decision.selection.rule_values import ProposalBasis
from controller.decision.selection.weighting import WEIGHT

RECENT_RULE = CANDIDATES[RECENT]

MEMORY = 15
"""Minutes without demand after which even this one proposes nothing."""


class WildPortfolio:
    """Stands where `CandidateSelector` does. Any number at all, as long as there is demand: a function of demand
    and minute.
    """

    def __init__(self, terms) -> None:
        self._recent = np.zeros((len(terms), MEMORY), np.float32)
        self._layered = [row for row, each in enumerate(terms) if each.top is not None]
        self._minute = 0

    def worth(self, pools: int) -> np.ndarray:
        """As `CandidateSelector.worth`: of some nothing is known, and some are worth less than nothing."""
        return np.where(np.arange(pools) % 3 == 0, np.nan, np.arange(pools) * 7 % 5 - 1.0)

    def bases(self) -> dict[int, ProposalBasis | None]:
        """As `CandidateSelector.bases`: nothing to show, since no rule proposed, but any level at all of both layers."""
        return {row: self._basis(row) if row in self._layered else None for row in range(len(self._recent))}

    def _basis(self, row: int) -> ProposalBasis:
        """The mood of pings lasts for another time than that of the base, and sometimes the rate of requests is not known."""
        peak = float(self._recent[row].max())
        mood = (self._minute // 11 * 2654435761 + row * 40503) % 16
        level = 10**9 if mood == 15 else int(np.ceil(peak * (mood % 4) / 2))
        top = TopBasis((level,) * len(LEVELS), {0: WEIGHT}, WEIGHT, np.nan if mood == 14 or not peak else 0.0)
        return ProposalBasis.of(SelectionMode.ALONE, RECENT_RULE, (self._minute, 4, MEMORY), peak, {}, {RECENT_RULE: WEIGHT}, top)

    def advance(self, peak, *others) -> Choice:
        """As `CandidateSelector.advance`."""
        first = int(others[-1])
        pools, minutes = peak.shape
        self._minute = first + minutes - 1
        target, known = np.zeros((pools, minutes)), np.nan_to_num(peak, posinf=1e9, neginf=0.0)
        for column in range(minutes):
            minute = first + column
            self._recent[:, minute % MEMORY] = known[:, column]
            top = self._recent.max(axis=1).astype(np.float64)
            mood = (minute // 7 * 2654435761 + np.floor(top).astype(np.int64) * 40503) % 64
            wanted = top * (mood % 8) / 3
            for unwell, value in ((8, np.nan), (16, np.inf), (24, -np.inf), (32, -7.0), (40, 1e15)):
                wanted[mood == unwell] = value
            target[:, column] = np.where(top > 0, wanted, 0.0)
        return Choice.zeros(pools, minutes)._replace(target=target, trusted=np.ones((pools, minutes), bool))

    def preview(self, peak, busy, invocations, first_minute) -> Choice:
        """As `CandidateSelector.preview`."""
        before = self._recent.copy()
        whole, self._recent = self.advance(peak, busy, invocations, first_minute), before
        known = ~np.isnan(peak)
        newest = (peak.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1))[:, None]
        return Choice(*(np.take_along_axis(part, newest, axis=1) for part in whole))

    def state(self) -> dict[str, np.ndarray]:
        """Return nothing, so that a restart loses what was learned."""
        return {}

    def restore(self, state) -> None:
        """Restore nothing."""
