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
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.leads.lead_selector import LeadSelector, Signals
from controller.decision.selection.learned_state import Arrays, State, minute_state, part_of, prefixed, restored_minute
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.timing_cohort import CandidateCosts
from controller.decision.selection.weighting import SelectionWeights
from controller.demand.collector import DemandCollector
from controller.demand.lead_source import LeadSource
from forecasting.demand import Floats

MINUTES_A_CALL = 1440
"""Minutes passed at once while catching up; the event loop runs other tasks in between."""

EventFilter = Callable[[Mapping[str, int], Rows, int], Awaitable[Rows]]
"""From rows by pool, float32[pools, n] each and their first minute to the same without the uplift of events."""


class Proposer:
    """Newest proposal of each pool of one collector.

    `terms`: by pool, in the order of the collector. `without_events`: removes the uplift of announced events from demand.
    `leads`: the leading signals of the pools; their delays are those at the start.
    """

    def __init__(self, collector: DemandCollector, terms: Mapping[str, CostTerms],
                 without_events: EventFilter | None = None, leads: LeadSource | None = None) -> None:
        self._row, self._without_events, self._signals = collector.row, without_events, leads
        self._leads = LeadSelector([terms[name] for name in collector.pools],
                                   [() if leads is None else leads.delay(name) for name in collector.pools])
        self._selector = CandidateSelector([terms[name] for name in collector.pools])
        self._proposals: dict[str, Proposal] = {}
        self._levels: dict[str, float] = {}
        self._priced = np.array([terms[name].warm_hit_rate is None for name in collector.pools], bool)
        self._learned_until: int | None = None

    def proposal(self, name: str) -> Proposal | None:
        """Return the newest proposal for a pool; None before the first minute was passed."""
        return self._proposals.get(name)

    def level(self, name: str) -> float:
        """Return the units that all layers of a pool should keep in total; 0 for a pool with one lever."""
        return self._levels.get(name, 0.0)

    def weights(self, name: str) -> SelectionWeights:
        """Return the rule that a pool follows now."""
        return self._selector.weights(self._row[name])

    def costs(self, name: str) -> CandidateCosts:
        """Return what each candidate of a pool has cost, and its share in what is requested now."""
        return self._selector.costs(self._row[name])

    def worth(self) -> NDArray[np.float64]:
        """Return the USD that a dollar of warm units has recently saved in each pool: float64[pools], NaN where unknown."""
        return self._selector.worth(len(self._row))

    def savings(self) -> NDArray[np.float64]:
        """Return the USD per month that each pool has recently saved, bill and cold-start cost together: float64[pools].

        NaN where it is unknown: history is too short, or the objective is a share of warm requests, which has no price.
        """
        return np.where(self._priced, self._selector.savings(len(self._row)), np.nan)

    def state(self) -> Arrays:
        """Return copies of all arrays that were learned, for a snapshot. Call it while `follow` is not running."""
        state = minute_state(self._learned_until) | prefixed(selector=self._selector.state(), leads=self._leads.state())
        return {name: array.copy() for name, array in state.items()}

    def restore(self, state: State) -> None:
        """Set what `state` returned for the same pools and terms. KeyError or ValueError: it does not fit; use a new proposer."""
        self._learned_until = restored_minute(state)
        self._selector.restore(part_of(state, "selector"))
        self._leads.restore(part_of(state, "leads"))

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
            first, rows = self._learned_until, await self._rows(collector, self._learned_until, upto)
            signals = await self._read_signals(collector, first, upto)
            choice = await asyncio.to_thread(self._advance, rows, signals, first)
            self._learned_until, peak = upto, rows[0]
            self._propose(collector, choice, peak)
        if self._learned_until < visible:
            rows = await self._rows(collector, self._learned_until, visible)
            signals = await self._read_signals(collector, self._learned_until, visible)
            choice = await asyncio.to_thread(self._preview, rows, signals, self._learned_until)
            self._propose(collector, choice, rows[0])
        for name, proposal in earlier.items():
            if self._proposals[name] is proposal and proposal.basis is not None:
                proposal.basis.detach()  # it is kept as long as the pool has no newer minute

    async def _rows(self, collector: DemandCollector, first: int, end: int) -> Rows:
        """Return demand as candidates read it: without the uplift of events."""
        rows = await collector.rows(first, end)
        return rows if self._without_events is None else await self._without_events(self._row, rows, first)

    async def _read_signals(self, collector: DemandCollector, first: int, end: int) -> Signals:
        """Return the leading signals by row of a pool, up to the newest minutes that a decision for the last row may use."""
        if self._signals is None:
            return {}
        until = end + self._leads.ahead
        return {row: await self._signals.signals(collector.pools[row], first, until) for row in self._leads.rows}

    def _advance(self, rows: Rows, signals: Signals, first: int) -> Choice:
        """Learn from settled minutes."""
        return self._leads.advance(self._selector.advance(*rows, first), *rows, signals, first)

    def _preview(self, rows: Rows, signals: Signals, first: int) -> Choice:
        """Choose from minutes that have not settled."""
        return self._leads.preview(self._selector.preview(*rows, first), rows[0], signals, first)

    def _lead(self, collector: DemandCollector, row: int) -> LeadBasis | None:
        """Return the basis of the leading signal of a pool."""
        return None if self._signals is None else self._leads.basis(row, self._signals.names(collector.pools[row]))

    def _propose(self, collector: DemandCollector, choice: Choice, peak: Floats) -> None:
        """Set the proposal of each pool to that of its newest known minute, which is the only one if `choice` has one column."""
        bases = self._selector.bases()
        newest = np.minimum(newest_known(peak), choice.target.shape[1] - 1)
        for row in np.flatnonzero(newest >= 0).tolist():
            at = row, newest[row]
            rule = rule_name(int(choice.leader[at]), SelectionMode(choice.mode[at]))
            self._levels[collector.pools[row]] = float(choice.level[at])
            lead, basis = self._lead(collector, row), bases[row]
            self._proposals[collector.pools[row]] = Proposal(float(choice.target[at]), rule, bool(choice.trusted[at]),
                                                             basis if lead is None else basis.with_lead(lead))
