"""Selection by leading signals for pools that share their timing and their number of signals. Pure.

Every candidate is scored like a rule: its units replayed over the pool's demand. The rules of a quarter of an hour result from
minutes before the quarter that precedes it: by then they have settled, so a preview follows the same rules as the later replay.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.leads.lead_basis import LeadBasis
from controller.decision.selection.leads.lead_candidates import (
    CHOICE,
    RAISING,
    LeadRules,
    Units,
    followed,
    place_of,
    proposed,
)
from controller.decision.selection.leads.lead_ratios import QUANTILES, LeadRatios
from controller.decision.selection.leads.lead_scores import LeadScores
from controller.decision.selection.leads.lead_values import LeadValues, LeadWindows, windows_of
from controller.decision.selection.learned_state import (
    Arrays,
    State,
    minute_state,
    part_of,
    prefixed,
    restored,
    restored_minute,
)
from controller.decision.selection.scoring import QUARTER
from forecasting.demand import Floats


class Chosen(NamedTuple):
    """Units to request after each of n minutes, and the candidate that is followed or `CHOICE`: [n, pools] each."""

    units: Units
    candidate: NDArray[np.int16]


class Shown(NamedTuple):
    """What the last choices were made of: rules; values and whether each may lower the choice, [signals, windows, pools]; and
    whether the pools have enough history, bool[pools].
    """

    rules: LeadRules
    most: Floats
    may_lower: NDArray[np.bool_]
    trusted: NDArray[np.bool_]


class LeadCohort:
    """Lead candidates of pools with the same timing. `delays`: of the signals of each pool, in minutes, equally many. `ahead`:
    minutes of signals after the last one of each call.
    """

    def __init__(self, terms: Sequence[CostTerms], delays: Sequence[tuple[int, ...]], ahead: int) -> None:
        first, pools = terms[0], len(terms)
        self.signals, self.windows = len(delays[0]), windows_of(first.lead_time)
        shape = self.signals, len(self.windows), pools
        self._delays = np.array(delays, np.int64).T
        self._values = LeadWindows(first.metric_delay - self._delays, self.windows, ahead)
        self._ratios, self.scores = LeadRatios(*shape), LeadScores(terms, *shape[:2])
        self._awaiting = np.full((first.metric_delay + first.lead_time, *shape), np.nan, np.float32)
        self._rules = [LeadRules.unknown(*shape)] * 2
        self._shown = Shown(self._rules[0], np.full(shape, np.nan, np.float32), np.zeros(shape, bool), np.zeros(pools, bool))
        self._next: int | None = None

    def advance(self, choice: Units, trusted: NDArray[np.bool_], demand: tuple[Floats, Floats, Floats], signals: Floats,
                first_minute: int, newest: NDArray[np.int64]) -> Chosen:
        """Learn from n minutes, and return what to request after each.

        `choice`, `trusted`: [n, pools]. `demand`: peak, busy and requests, float32[n, pools]. `signals`: float32[n + ahead,
        signals, pools]. `newest`: int64[pools], the row of which the basis is kept, or one outside. Raises ValueError unless the
        minutes follow those of the last call.
        """
        if self._next not in (None, first_minute):
            raise ValueError(f"minutes must follow one another: expected {self._next}, got {first_minute}")
        self._next = first_minute + len(choice)
        values, kept = self._values.advance(signals, demand[0]), np.clip(newest, 0, len(choice) - 1)
        pairs = np.concatenate((self._awaiting, values.most))
        self._awaiting = pairs[len(choice) :]
        peak, busy = self.scores.scored(*demand)
        chosen = Chosen(np.empty_like(choice), np.empty(choice.shape, np.int16))
        minutes = first_minute + np.arange(len(choice))
        starts = [0, *(int(at) for at in np.flatnonzero(minutes % QUARTER == 0) if at)]
        for start, end in zip(starts, [*starts[1:], len(minutes)], strict=True):
            if minutes[start] % QUARTER == 0:
                self._close_quarter()
            rows, rules = slice(start, end), self._rules[0]
            each = proposed(rules, values.part(rows), choice[rows])
            part = chosen_of(rules, each, choice[rows], trusted[rows])
            chosen.units[rows], chosen.candidate[rows] = part
            self.scores.add(choice[rows], part.units, each, (peak[rows], busy[rows], demand[2][rows]))
            self._ratios.add(pairs[rows], peak[rows])
            if (due := (newest >= start) & (newest < end)).any():
                self._show(rules, values.at(kept), np.take_along_axis(trusted, kept[None], axis=0)[0], due)
        return chosen

    def preview(self, choice: Units, trusted: NDArray[np.bool_], peak: Floats, signals: Floats, first_minute: int,
                newest: NDArray[np.int64]) -> Chosen:
        """Return what `advance` would after the row `newest`, int64[pools], of n minutes that follow.

        `choice`, `trusted`: of that minute, [1, pools].
        """
        values, rules = self._values.values(signals, peak).at(newest), self._rules_at(first_minute + newest)
        self._show(rules, values, trusted[0], np.ones(len(newest), bool))
        return chosen_of(rules, proposed(rules, values, choice), choice, trusted)

    def basis(self, pool: int, names: Sequence[str]) -> LeadBasis | None:
        """Return the inputs of the last choice of a pool, whose signals have these names; None while no ratio is known."""
        rules, most, may_lower, trusted = self._shown
        if (best := int(rules.best[pool])) == CHOICE:
            return None
        place = place_of(best, self.signals, len(self.windows))
        at = place.signal, place.window, pool
        without, cost = rules.costs[:, pool].tolist()
        return LeadBasis(
            name=names[place.signal], value=float(most[at]), minutes=self.windows[place.window],
            ratio=float(rules.ratio[place.quantile, *at]), quantile=QUANTILES[place.quantile], highest=float(rules.highest[pool]),
            raises_only=place.use == RAISING or not may_lower[at], cost_usd=cost, cost_without_usd=without,
            followed=bool(trusted[pool] and rules.followed[pool] == best))

    def state(self) -> Arrays:
        """Return what has been learned, without copies."""
        own: Arrays = {"delays": self._delays, "awaiting": self._awaiting, **minute_state(self._next)}
        rules = {f"rules-{at}": each._asdict() for at, each in enumerate(self._rules)}
        return own | prefixed(values=self._values.state(), ratios=self._ratios.state(), scores=self.scores.state(), **rules)

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools, or of signals with other delays."""
        if not np.array_equal(restored(state, "delays", self._delays), self._delays):
            raise ValueError("the delays of the signals have changed")
        self._awaiting, self._next = restored(state, "awaiting", self._awaiting), restored_minute(state)
        self._values.restore(part_of(state, "values"))
        self._ratios.restore(part_of(state, "ratios"))
        self.scores.restore(part_of(state, "scores"))
        self._rules = [each.restored(part_of(state, f"rules-{at}")) for at, each in enumerate(self._rules)]

    def _show(self, rules: LeadRules, values: LeadValues, trusted: NDArray[np.bool_], due: NDArray[np.bool_]) -> None:
        """Keep the inputs of the choices of the pools that are `due`. `values`: of one minute."""
        before = self._shown
        self._shown = Shown(rules.where(due, before.rules), np.where(due, values.most[0], before.most),
                            np.where(due, values.may_lower[0], before.may_lower), np.where(due, trusted, before.trusted))

    def _rules_at(self, minutes: NDArray[np.int64]) -> LeadRules:
        """Return the rules at a minute of each pool, at or after the last one learned from."""
        current, following = self._rules
        last = minutes if self._next is None else self._next - 1
        return following.where(minutes // QUARTER > last // QUARTER, current)

    def _close_quarter(self) -> None:
        """Add the quarter that has ended to the scores. The rules that follow from it apply from the quarter after the next."""
        self._rules = [self._rules[1], self.scores.close_quarter(self._ratios.close_quarter())]


def chosen_of(rules: LeadRules, candidates: Units, choice: Units, trusted: NDArray[np.bool_]) -> Chosen:
    """Return what to request in n minutes of one quarter, from what the candidates and the choice request."""
    return Chosen(np.where(trusted, followed(rules.followed, candidates, choice), choice),
                  np.where(trusted, rules.followed, np.int16(CHOICE)))
