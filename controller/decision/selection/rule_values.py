"""Values of the rules behind one proposal, and their text, from which the proposal can be computed by hand. Pure.

A rule's value is that of `candidates.proposals`: the signals' maximum (or minimum), plus the safety margin in square roots of it,
to the nearest unit (a half counts up), and not below the base. The ensemble is the mean of the rules by weight, to the nearest
unit (a half counts down).
"""

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import NamedTuple

import numpy as np

from controller.decision.selection.candidates import CANDIDATES, INDEX, NOTHING, SIGNALS, WORDS, Candidate
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.layers.top_basis import TopBasis
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.number_text import counted, percent
from forecasting.demand import instant_of

MOST_DECIMALS = 9
LOOKING_BACK = ("recent ", "decaying ")
"""Starts of the names of signals that are at least the demand of the newest minute."""


class RuleValue(NamedTuple):
    """A rule with its weight, the values of its signals in the order of its text, and the units that it asks for."""

    rule: Candidate
    weight: int
    signals: dict[str, float]
    units: int


@dataclass(frozen=True, slots=True)
class ProposalBasis:
    """Inputs of one proposal, compact, because the last decisions of all pools keep theirs.

    `minute`: the newest known minute of demand (since the epoch), whose maximum of concurrent demand is `peak`. `horizon`:
    minutes from there to the first one that the proposal can change. `known`: known minutes up to there. `leader`: the rule with
    the highest weight, or the one followed alone. `values`: of all `SIGNALS`. `shares`: weight of all `CANDIDATES`.
    """

    mode: SelectionMode
    leader: Candidate
    minute: int
    horizon: int
    known: int
    peak: float
    values: "array[float]"
    shares: "array[int]"
    top: TopBasis | None = None
    """Basis of the level of a pinged top; None for a pool with one lever."""
    lead: LeadBasis | None = None
    """Basis of the leading signal that has recently cost least; None for a pool without signals, or until a ratio is known."""

    @classmethod
    def of(cls, mode: SelectionMode, leader: Candidate, times: tuple[int, int, int], peak: float, signals: Mapping[str, float],
           weights: Mapping[Candidate, int], top: TopBasis | None = None) -> "ProposalBasis":
        """Return the basis with signals by name, others being 0, and weights by rule. `times`: minute, horizon, known minutes."""
        shares = array("I", bytes(4 * len(CANDIDATES)))
        for rule, weight in weights.items():
            shares[INDEX[rule]] = weight
        return cls(mode, leader, *times, peak, array("f", [signals.get(name, 0) for name in SIGNALS]), shares, top)

    @property
    def weights(self) -> list[tuple[Candidate, int]]:
        """The rules with weight, the highest first; the leader before others of the same weight."""
        rules = [(CANDIDATES[at], weight) for at, weight in enumerate(self.shares) if weight]
        return sorted(rules, key=lambda each: (-each[1], each[0] != self.leader))

    @property
    def signals(self) -> dict[str, float]:
        """Values of all signals by name."""
        return dict(zip(SIGNALS, self.values, strict=True))

    def rules(self) -> list[RuleValue]:
        """Return the rules with weight, the highest first."""
        signals = self.signals
        return [RuleValue(rule, weight, {name: signals[name] for name in rule.signals}, value_of(rule, signals))
                for rule, weight in self.weights]

    @property
    def total(self) -> int:
        """Sum of the weights."""
        return sum(self.shares)

    @property
    def exact(self) -> float:
        """Value of the ensemble before rounding."""
        return sum(each.weight * each.units for each in self.rules()) / self.total

    @property
    def target(self) -> int:
        """Units proposed."""
        return self.without_lead if self.lead is None else self.lead.units(self.without_lead)

    @property
    def without_lead(self) -> int:
        """Units that the candidates propose."""
        if self.mode is SelectionMode.ENSEMBLE:
            return rounded_mean(self.exact)
        return value_of(self.leader, self.signals)

    def with_present(self, in_flight: int) -> "ProposalBasis":
        """Return the basis at a present minute with `in_flight` at most so far: maxima that look back include it, and a leading
        signal does not propose less than they do.
        """
        values = array("f", [max(value, in_flight) if name.startswith(LOOKING_BACK) else value
                             for name, value in zip(SIGNALS, self.values, strict=True)])
        return replace(self, values=values, lead=None if self.lead is None else replace(self.lead, raises_only=True))

    def detach(self) -> "ProposalBasis":
        """Return itself, like `controller.decision.selection.choice_inputs.LazyBasis`."""
        return self

    @property
    def headline(self) -> "Headline":
        """Summary of the proposal."""
        signals, rules = self.signals, sum(weight > 0 for weight in self.shares)
        return Headline(self.mode, self.leader, {name: signals[name] for name in self.leader.signals}, self.minute + self.horizon,
                        self.shares[INDEX[self.leader]] / self.total, rules, self.exact, self.lead)


class Headline(NamedTuple):
    """Summary of a proposal: its leader with the values of its signals, `at` the minute that seasonal signals refer to; and the
    ensemble: share of the leader, number of rules with weight, value before rounding. `lead`: see `ProposalBasis`.
    """

    mode: SelectionMode
    leader: Candidate
    signals: Mapping[str, float]
    at: int
    share: float
    rules: int
    exact: float
    lead: LeadBasis | None = None

    @property
    def text(self) -> str:
        """The proposal in one phrase, with every number that it was computed from except the other rules'."""
        if self.lead is None:
            return self.of_candidates
        without = rounded_mean(self.exact) if self.mode is SelectionMode.ENSEMBLE else value_of(self.leader, self.signals)
        return f"{self.of_candidates}; {self.lead.text(without)}"

    @property
    def of_candidates(self) -> str:
        """The proposal of the candidates, without a leading signal."""
        rule = rule_text(self.leader, self.signals, self.at)
        if self.mode is SelectionMode.FALLBACK:
            ensemble = f"the ensemble of {counted(self.rules)} ({exact_text(self.exact)})"
            return f"{rule}, followed alone: {ensemble} has recently cost more"
        if self.mode is SelectionMode.ALONE:
            return f"{rule}, followed alone"
        if self.rules == 1:
            return f"{rule}, the only rule with weight"
        return f"{rule}, weight {percent(self.share)}; ensemble of {counted(self.rules)} {ensemble_text(self.exact)}"


def value_of(rule: Candidate, signals: Mapping[str, float]) -> int:
    """Return the units that a rule asks for, from the values of its signals by name."""
    combine = min if rule.least else max
    units = np.float32(combine(signals[part] for part in rule.parts)) if rule.parts else np.float32(0)
    if rule.margin:
        units = np.floor(units + np.float32(rule.margin) * np.sqrt(units) + np.float32(0.5))
    return int(units if rule.base is None else max(units, np.float32(signals[rule.base])))


def rounded_mean(exact: float) -> int:
    """Return the ensemble's units: the nearest whole number, the lower one for a half."""
    return math.ceil(exact - 0.5)


def exact_text(exact: float) -> str:
    """Return a mean with one decimal, or with as many as rounding it to units requires."""
    decimals = 1
    while decimals < MOST_DECIMALS and rounded_mean(round(exact, decimals)) != rounded_mean(exact):
        decimals += 1
    return f"{exact:.{decimals}f}"


def ensemble_text(exact: float) -> str:
    """Return the ensemble's value before and after rounding."""
    return f"{exact_text(exact)} -> {rounded_mean(exact)}"


def rule_text(rule: Candidate, signals: Mapping[str, float], at: int) -> str:
    """Return a rule with the values of its signals and its steps: `P97 of the last 7 days = 28, + margin 5 (1 × √28) = 33`.

    `at`: minute (since the epoch) that seasonal signals refer to.
    """
    if rule == NOTHING:
        return "no warm capacity = 0"
    words = [f"{signal_text(part, at)} = {signals[part]:g}" for part in rule.parts]
    base = [] if rule.base is None else [f"{signal_text(rule.base, at)} = {signals[rule.base]:g}"]
    if len(words) + len(base) == 1:
        text = (words + base)[0]
    elif rule.least:
        text = f"min({', '.join(words)})"
        text = f"max({', '.join([text, *base])})" if base else text
    else:
        text = f"max({', '.join(words + base)})"
    if not rule.margin:
        return text if len(words) + len(base) == 1 else f"{text} = {value_of(rule, signals)}"
    top = value_of(Candidate(rule.parts, rule.least), signals)
    value = value_of(rule, signals)
    joined = text if len(words) == 1 else f"{text} = {top}"
    return f"{joined}, + margin {value - top} ({rule.margin:g} × √{top}) = {value}"


def signal_text(name: str, at: int) -> str:
    """Return a signal in words, with the time of day that it refers to."""
    seen = instant_of(at)
    words = WORDS[name].replace("same minute of the last 4 hours", f"second highest at :{seen:%M} (±2 min) of the last 4 h")
    words = words.replace("at this time of day", f"at {seen:%H:%M}")
    if name.startswith("week ago"):
        return words.replace("7 days ago", f"{seen - timedelta(days=7):%d %b}")
    return words
