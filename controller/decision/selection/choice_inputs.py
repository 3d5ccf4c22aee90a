"""Inputs of the choices of many pools at one minute, kept as the arrays they were calculated in. Pure.

The values behind one pool's proposal are read from the arrays only when the proposal is shown or recorded. Whatever keeps a
proposal for long must call `LazyBasis.detach`, because the arrays hold all pools.
"""

from array import array
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.candidates import CANDIDATES, RECENT, SIGNALS
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.layers.levels import TopProposals
from controller.decision.selection.layers.top_basis import TopBasis
from controller.decision.selection.layers.top_selection import NOTHING_ALONE, top_basis
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.rule_values import Headline, ProposalBasis
from controller.decision.selection.weighting import ENOUGH, WEIGHT, FollowedRules
from forecasting.demand import Floats


def newest_known(peak: Floats) -> NDArray[np.int64]:
    """Return the column of the newest known minute of each pool in float32[pools, n]: int64[pools]; -1 where none is known."""
    known = ~np.isnan(peak)
    return np.where(known.any(axis=1), known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1), -1)


class ChoiceInputs:
    """Signals, weights and newest known minute of pools, one column each.

    `signals`: float32[pools] by name. `exact`: float64[pools], the ensemble before rounding. `minute`, `known`: int64[pools],
    the newest known minute (since the epoch), and the known minutes up to there. `peak`: float32[pools], of that minute. `tops`:
    what the rules of pinged tops propose after it, if the pools have tops.
    """

    def __init__(self, signals: Mapping[str, Floats], rules: FollowedRules, exact: NDArray[np.float64],
                 minute: NDArray[np.int64], peak: Floats, known: NDArray[np.int64], horizon: int,
                 tops: TopProposals | None = None) -> None:
        self.signals, self.rules, self.exact, self.minute, self.peak = signals, rules, exact, minute, peak
        self.known, self.horizon, self.tops = known, horizon, tops

    @cached_property
    def totals(self) -> NDArray[np.float64]:
        """Sum of the weights of each pool."""
        return np.asarray(self.rules.weights.sum(axis=0))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Number of rules with weight of each pool."""
        return np.asarray(np.count_nonzero(self.rules.weights, axis=0))

    def followed(self, column: int) -> tuple[int, SelectionMode]:
        """Return the leader of a pool, and how it is followed."""
        if self.known[column] < ENOUGH:
            top = self.top(column)
            return NOTHING_ALONE if top is not None and top.level else RECENT, SelectionMode.ALONE
        return int(self.rules.leader[column]), SelectionMode(int(self.rules.mode[column]))

    def headline(self, column: int) -> Headline:
        """Return the summary of a pool's proposal."""
        leader, mode = self.followed(column)
        rule = CANDIDATES[leader]
        signals = {name: float(self.signals[name][column]) for name in rule.signals}
        at = int(self.minute[column]) + self.horizon
        if mode is SelectionMode.ALONE:
            return Headline(mode, rule, signals, at, 1.0, 1, 0.0)
        return Headline(mode, rule, signals, at, float(self.rules.weights[leader, column] / self.totals[column]),
                        int(self.counts[column]), float(self.exact[column]))

    def basis(self, column: int) -> ProposalBasis:
        """Return all inputs of a pool's proposal."""
        leader, mode = self.followed(column)
        shares = array("I", self.rules.weights[:, column].astype(np.uint32).tobytes())
        if mode is SelectionMode.ALONE:
            shares = array("I", bytes(4 * len(CANDIDATES)))
            shares[leader] = WEIGHT
        return ProposalBasis(mode, CANDIDATES[leader], int(self.minute[column]), self.horizon, int(self.known[column]),
                             float(self.peak[column]), array("f", [self.signals[name][column] for name in SIGNALS]), shares,
                             self.top(column))

    def top(self, column: int) -> TopBasis | None:
        """Return the inputs of the level of a pool's top; None for a pool with one lever."""
        if self.tops is None:
            return None
        return top_basis(self.rules, self.tops, column, trusted=bool(self.known[column] >= ENOUGH))


class LazyBasis:
    """Basis of one pool's proposal, read from the arrays of all pools when it is first needed."""

    __slots__ = ("_column", "_headline", "_source", "lead")

    def __init__(self, inputs: ChoiceInputs, column: int, lead: LeadBasis | None = None) -> None:
        self._source: ChoiceInputs | ProposalBasis = inputs
        self._column, self.lead = column, lead
        self._headline: Headline | None = None

    @property
    def headline(self) -> Headline:
        """Summary of the proposal."""
        if self._headline is None:
            source = self._source
            self._headline = source.headline if isinstance(source, ProposalBasis) else \
                source.headline(self._column)._replace(lead=self.lead)
        return self._headline

    @property
    def known(self) -> int:
        """Known minutes of demand."""
        source = self._source
        return source.known if isinstance(source, ProposalBasis) else int(source.known[self._column])

    @property
    def peak(self) -> float:
        """Maximum of concurrent demand in the newest known minute."""
        source = self._source
        return source.peak if isinstance(source, ProposalBasis) else float(source.peak[self._column])

    @property
    def top(self) -> TopBasis | None:
        """Basis of the level of a pinged top; None for a pool with one lever."""
        source = self._source
        return source.top if isinstance(source, ProposalBasis) else source.top(self._column)

    def with_lead(self, lead: LeadBasis) -> "LazyBasis":
        """Return the basis of the same proposal with a leading signal; itself once the arrays are released."""
        return self if isinstance(self._source, ProposalBasis) else LazyBasis(self._source, self._column, lead)

    def detach(self) -> ProposalBasis:
        """Return all inputs of the proposal, and release the arrays of the other pools."""
        if not isinstance(self._source, ProposalBasis):
            self._source = replace(self._source.basis(self._column), lead=self.lead)
        return self._source
