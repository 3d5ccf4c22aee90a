"""The portfolio of one intake's pools, fed from it as minutes become known."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.baseline import Rows
from controller.decision.planning.observation import Proposal
from controller.decision.selection.choice import Choice, SelectionMode, rule_name
from controller.decision.selection.learned_state import Arrays, State, minute_state, part_of, prefixed, restored_minute
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.timing_cohort import CandidateCosts
from controller.decision.selection.weighting import SelectionWeights
from controller.demand.collector import DemandCollector
from forecasting.demand import Floats

STRETCH = 1440
"""Minutes fed at once while catching up: between two stretches the event loop breathes."""

Calm = Callable[[Mapping[str, int], Rows, int], Awaitable[Rows]]
"""From the row of each pool and float32[pools, n] each from a minute on, the same without what events have raised."""


class Proposer:
    """What is proposed for each pool of one intake. `terms` has one entry for each of the intake's pools, in their order; what
    announced events have raised is kept from the rules by `calm`.
    """

    def __init__(self, intake: DemandCollector, terms: Mapping[str, CostTerms], calm: Calm | None = None) -> None:
        self._row, self._calm = intake.row, calm
        self._portfolio = CandidateSelector([terms[name] for name in intake.pools])
        self._proposals: dict[str, Proposal] = {}
        self._fed: int | None = None

    def proposal(self, name: str) -> Proposal | None:
        """The newest proposal for a pool; None before the first minute was fed."""
        return self._proposals.get(name)

    def weights(self, name: str) -> SelectionWeights:
        """How the rules of a pool weigh now."""
        return self._portfolio.weights(self._row[name])

    def costs(self, name: str) -> CandidateCosts:
        """Return what each candidate of a pool has cost, and its share in what is requested now."""
        return self._portfolio.costs(self._row[name])

    def worth(self) -> NDArray[np.float64]:
        """What a dollar of standing by saves in each pool of the intake, NaN where unknown."""
        return self._portfolio.worth(len(self._row))

    def state(self) -> Arrays:
        """Return copies of all arrays that were learned, for a snapshot. Call it while `follow` is not running."""
        state = minute_state(self._fed) | prefixed(selector=self._portfolio.state())
        return {name: array.copy() for name, array in state.items()}

    def restore(self, state: State) -> None:
        """Set what `state` returned for the same pools and terms. KeyError or ValueError: it does not fit; use a new proposer."""
        self._fed = restored_minute(state)
        self._portfolio.restore(part_of(state, "selector"))

    async def follow(self, intake: DemandCollector, now: datetime) -> None:
        """Learn from what has settled since the last call, and propose by what is known now.

        A pool's proposal is the one made after its newest known minute: minutes that are missing of it alone propose nothing.
        """
        if self._fed is None:
            self._fed = await intake.oldest_known(now)
        settled, visible = intake.settled_end_minute(now), intake.known_end_minute(now)
        while self._fed < settled:
            upto = min(settled, self._fed + STRETCH)
            peak, busy, invocations = await self._rows(intake, self._fed, upto)
            choice = await asyncio.to_thread(self._portfolio.advance, peak, busy, invocations, self._fed)
            self._fed = upto
            self._propose(intake, choice, peak)
        if self._fed < visible:
            peak, busy, invocations = await self._rows(intake, self._fed, visible)
            choice = await asyncio.to_thread(self._portfolio.preview, peak, busy, invocations, self._fed)
            self._propose(intake, choice, peak)

    async def _rows(self, intake: DemandCollector, first: int, end: int) -> Rows:
        """Demand as rules are shown it."""
        rows = await intake.rows(first, end)
        return rows if self._calm is None else await self._calm(self._row, rows, first)

    def _propose(self, intake: DemandCollector, choice: Choice, peak: Floats) -> None:
        """Take the proposal after the newest known minute of each pool, which is the only one where `choice` has but one."""
        known = ~np.isnan(peak)
        newest = np.minimum(peak.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1), choice.target.shape[1] - 1)
        for row in np.flatnonzero(known.any(axis=1)).tolist():
            at = row, newest[row]
            rule = rule_name(int(choice.leader[at]), SelectionMode(choice.mode[at]))
            self._proposals[intake.pools[row]] = Proposal(float(choice.target[at]), rule, bool(choice.trusted[at]))
