"""Proposals from a mind that is not well: what every guardrail must hold against."""

import numpy as np

from controller.decision.selection.choice import Choice

MEMORY = 15
"""Minutes without demand after which even this one proposes nothing."""


class WildPortfolio:
    """Stands where `CandidateSelector` does. Any number at all, as long as there is demand: a function of demand
    and minute.
    """

    def __init__(self, terms) -> None:
        self._recent = np.zeros((len(terms), MEMORY), np.float32)

    def worth(self, pools: int) -> np.ndarray:
        """As `CandidateSelector.worth`: of some nothing is known, and some are worth less than nothing."""
        return np.where(np.arange(pools) % 3 == 0, np.nan, np.arange(pools) * 7 % 5 - 1.0)

    def bases(self) -> dict[int, None]:
        """As `CandidateSelector.bases`: nothing to show, since no rule proposed."""
        return dict.fromkeys(range(len(self._recent)))

    def advance(self, peak, *others) -> Choice:
        """As `CandidateSelector.advance`."""
        first = int(others[-1])
        pools, minutes = peak.shape
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
