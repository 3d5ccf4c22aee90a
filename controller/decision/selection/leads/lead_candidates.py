"""Candidates of leading signals: what each requests. Pure.

A candidate is a signal, a window, a quantile of the ratio, and how it is used: `max(choice, forecast)`, or the forecast alone.
The forecast is the ratio times the maximum of the signal over the window, to the nearest unit (a half counts up), and at most the
highest demand that the pool has had recently. Where a minute of the window is unknown, or the signal is silent, the forecast may
raise the choice and not lower it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.leads.lead_ratios import QUANTILES
from controller.decision.selection.leads.lead_values import LeadValues
from controller.decision.selection.learned_state import State, restored

Units = NDArray[np.float32]

RAISING, ALONE = range(2)
"""How a forecast is used: to raise the choice, or alone."""

CHOICE = -1
"""Number of a candidate where the choice is followed."""


class LeadRules(NamedTuple):
    """Rules of the lead candidates in one quarter of an hour.

    `ratio`: float64[quantiles, signals, windows, pools], NaN where unknown. `highest`: float64[pools], the limit of a forecast.
    `best`, `followed`: int16[pools], the candidate that has cost least, and the one followed; `CHOICE` for none. `costs`:
    float64[choice | best, pools], discounted USD.
    """

    ratio: NDArray[np.float64]
    highest: NDArray[np.float64]
    best: NDArray[np.int16]
    followed: NDArray[np.int16]
    costs: NDArray[np.float64]

    @classmethod
    def unknown(cls, signals: int, windows: int, pools: int) -> "LeadRules":
        """Return the rules without history: the choice."""
        none = np.full(pools, CHOICE, np.int16)
        return cls(np.full((len(QUANTILES), signals, windows, pools), np.nan), np.zeros(pools), none, none.copy(),
                   np.zeros((2, pools)))

    def where(self, pools: NDArray[np.bool_], others: "LeadRules") -> "LeadRules":
        """Return these rules in some pools, bool[pools], and `others` in the rest."""
        return LeadRules(np.where(pools, self.ratio, others.ratio), np.where(pools, self.highest, others.highest),
                         np.where(pools, self.best, others.best), np.where(pools, self.followed, others.followed),
                         np.where(pools, self.costs, others.costs))

    def restored(self, state: State) -> "LeadRules":
        """Return the rules of which `_asdict` returned the state; raise KeyError or ValueError if it is of other pools."""
        return LeadRules(restored(state, "ratio", self.ratio), restored(state, "highest", self.highest),
                         restored(state, "best", self.best), restored(state, "followed", self.followed),
                         restored(state, "costs", self.costs))


class Place(NamedTuple):
    """Place of a candidate: how it is used, quantile, signal and window, as indices."""

    use: int
    quantile: int
    signal: int
    window: int


def place_of(candidate: int, signals: int, windows: int) -> Place:
    """Return the place of a candidate by its number."""
    rest, window = divmod(candidate, windows)
    rest, signal = divmod(rest, signals)
    use, quantile = divmod(rest, len(QUANTILES))
    return Place(use, quantile, signal, window)


def count_of(signals: int, windows: int) -> int:
    """Return the number of candidates."""
    return 2 * len(QUANTILES) * signals * windows


def forecasts(rules: LeadRules, values: LeadValues) -> Units:
    """Return the forecasts of n minutes: float32[n, quantiles, signals, windows, pools], NaN where unknown."""
    units = np.floor(rules.ratio * values.most[:, None] + 0.5)
    return np.minimum(units, rules.highest).astype(np.float32)


def proposed(rules: LeadRules, values: LeadValues, choice: Units) -> Units:
    """Return what each candidate requests: float32[n, candidates, pools]. `choice`: float32[n, pools]."""
    forecast = forecasts(rules, values)
    raised = np.fmax(forecast, choice[:, None, None, None])
    alone = np.where(values.may_lower[:, None] & ~np.isnan(forecast), forecast, raised)
    return np.stack((raised, alone), axis=1).reshape(len(choice), -1, choice.shape[1])


def followed(candidate: NDArray[np.int16], units: Units, choice: Units) -> Units:
    """Return what the candidates request, int16[pools], from `units` float32[n, candidates, pools]; the choice for `CHOICE`."""
    picked = np.take_along_axis(units, np.maximum(candidate, 0)[None, None].astype(np.int64), axis=1)[:, 0]
    return np.where(candidate == CHOICE, choice, picked)
