"""Peaks that the rules of pinged pools are scored by. Pure.

Own pings hide the peak of users in minutes in which both arrive. In the scores all units would stay warm through such a minute,
as through any unknown one. With a round every few minutes they would never cool: capacity would seem to save no cold start, and
a busy pool would give it up. So the scores use the same estimate as figures (`HiddenPeaks`). It is calculated from requests and
work without pings, and from peaks of other minutes, so pings cannot raise it. The signals of demand leave such minutes out.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.estimated_peaks import HiddenPeaks
from controller.decision.selection.learned_state import Arrays, State, restored
from forecasting.demand import Floats


class ScoredPeaks:
    """Peaks of the pools of a cohort, with estimates for those that are pinged."""

    def __init__(self, terms: Sequence[CostTerms]) -> None:
        self._pinged = np.array([one.top is not None or one.pings is not None for one in terms], bool)
        self._hidden = HiddenPeaks(len(terms))

    def advance(self, peak: Floats, busy: Floats, invocations: Floats) -> tuple[Floats, Floats]:
        """Add the next minutes, float32[pools, n] each, and return their peak and work: NaN where there is no estimate either."""
        if self._pinged.any():
            estimate, hidden = self._hidden.advance(peak, busy, invocations)
            peak = np.where(hidden & self._pinged[:, None], estimate, peak).astype(np.float32)
        return peak, np.where(np.isnan(peak), np.float32(np.nan), busy)

    def state(self) -> Arrays:
        """Return what has been learned, without copies: nothing where no pool is pinged."""
        return {"recent": self._hidden.recent} if self._pinged.any() else {}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        if self._pinged.any():
            self._hidden.recent = restored(state, "recent", self._hidden.recent)

    def part(self, pools: NDArray[np.int64], terms: Sequence[CostTerms]) -> "ScoredPeaks":
        """Return those of some of the pools, which have `terms`, as a copy."""
        part = ScoredPeaks(terms)
        part._hidden.recent = self._hidden.recent[:, pools]
        return part
