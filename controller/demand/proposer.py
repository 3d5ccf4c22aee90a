"""Proposer: passes collected demand to the selector of its pools, and holds their newest proposals."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.baseline import Rows
from controller.decision.planning.observation import Proposal
from controller.decision.selection.choice import Choice, SelectionMode, rule_name
from controller.decision.selection.choice_inputs import newest_known
from controller.decision.selection.learned_state import Arrays, State, minute_state, part_of, prefixed, restored_minute
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.timing_cohort import CandidateCosts
from controller.decision.selection.weighting import SelectionWeights
from controller.demand.collector import DemandCollector
from forecasting.demand import Floats

MINUTES_A_CALL = 1440
"""Minutes passed at once while catching up; the event loop runs other tasks in between."""

EventFilter = Callable[[Mapping[str, int], Rows, int], Awaitable[Rows]]
"""From rows by pool, float32[pools, n] each and their first minute to the same without the uplift of events."""


class Proposer:
    """Newest proposal of each pool of one collector.

    `terms`: by pool, in the order of the collector. `without_events`: removes the uplift of announced events from demand.
    """

    def __init__(self, collector: DemandCollector, terms: Mapping[str, CostTerms],
                 without_events: EventFilter | None = None) -> None:
        self._row, self._without_events = collector.row, without_events
        self._selector = CandidateSelector([terms[name] for name in collector.pools])
        self._proposals: dict[str, Proposal] = {}
        self._learned_until: int | None = None

    def proposal(self, name: str) -> Proposal | None:
        """Return the newest proposal for a pool; None before the first minute was passed."""
        return self._proposals.get(name)

    def weights(self, name: str) -> SelectionWeights:
        """Return the rule that a pool follows now."""
        return self._selector.weights(self._row[name])

    def costs(self, name: str) -> CandidateCosts:
        """Return what each candidate of a pool has cost, and its share in what is requested now."""
        return self._selector.costs(self._row[name])

    def worth(self) -> NDArray[np.float64]:
        """Return the USD that a dollar of warm units has recently saved in each pool: float64[pools], NaN where unknown."""
        return self._selector.worth(len(self._row))

    def state(self) -> Arrays:
        """Return copies of all arrays that were learned, for a snapshot. Call it while `follow` is not running."""
        state = minute_state(self._learned_until) | prefixed(selector=self._selector.state())
        return {name: array.copy() for name, array in state.items()}

    def restore(self, state: State) -> None:
        """Set what `state` returned for the same pools and terms. KeyError or ValueError: it does not fit; use a new proposer."""
        self._learned_until = restored_minute(state)
        self._selector.restore(part_of(state, "selector"))

    async def follow(self, collector: DemandCollector, now: datetime) -> None:
        """Learn from minutes that have settled since the last call, and update the proposals from those known now.

        A pool's proposal is that of its newest known minute; later minutes, which only other pools have, change nothing.
        """
        earlier = dict(self._proposals)
        if self._learned_until is None:
            self._learned_until = await collector.oldest_known(now)
        settled, visible = collector.settled_end_minute(now), collector.known_end_minute(now)
        while self._learned_until < settled:
            upto = min(settled, self._learned_until + MINUTES_A_CALL)
            peak, busy, invocations = await self._rows(collector, self._learned_until, upto)
            choice = await asyncio.to_thread(self._selector.advance, peak, busy, invocations, self._learned_until)
            self._learned_until = upto
            self._propose(collector, choice, peak)
        if self._learned_until < visible:
            peak, busy, invocations = await self._rows(collector, self._learned_until, visible)
            choice = await asyncio.to_thread(self._selector.preview, peak, busy, invocations, self._learned_until)
            self._propose(collector, choice, peak)
        for name, proposal in earlier.items():
            if self._proposals[name] is proposal and proposal.basis is not None:
                proposal.basis.detach()  # it is kept as long as the pool has no newer minute

    async def _rows(self, collector: DemandCollector, first: int, end: int) -> Rows:
        """Return demand as candidates read it: without the uplift of events."""
        rows = await collector.rows(first, end)
        return rows if self._without_events is None else await self._without_events(self._row, rows, first)

    def _propose(self, collector: DemandCollector, choice: Choice, peak: Floats) -> None:
        """Set the proposal of each pool to that of its newest known minute, which is the only one if `choice` has one column."""
        bases = self._selector.bases()
        newest = np.minimum(newest_known(peak), choice.target.shape[1] - 1)
        for row in np.flatnonzero(newest >= 0).tolist():
            at = row, newest[row]
            rule = rule_name(int(choice.leader[at]), SelectionMode(choice.mode[at]))
            self._proposals[collector.pools[row]] = Proposal(float(choice.target[at]), rule, bool(choice.trusted[at]),
                                                             bases[row])
