"""Cost that each candidate would have had so far: its capacity replayed over recorded demand. Pure.

Demand does not depend on the warm capacity, so the past bill of every candidate is known exactly, not only that of the one that
was followed. Bills are stored as three amounts, so that a change of prices needs no replay: ready unit-minutes (which are paid
for), unit-minutes of work on warm units, and cold starts, summed by quarter of an hour and discounted by age.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.cold_starts import in_use, started
from controller.decision.selection.learned_state import Arrays, State, restored

QUARTER = 15
"""Minutes between two updates of the scores."""

HALF_LIFE_MINUTES, HALF_LIFE_WITH_TOPS_MINUTES = 4 * 1440, 2 * 1440
"""Half-life of the amounts; shorter for pools with tops, whose rules react to shorter changes."""

DECAY, DECAY_WITH_TOPS = (0.5 ** (QUARTER / minutes) for minutes in (HALF_LIFE_MINUTES, HALF_LIFE_WITH_TOPS_MINUTES))
GRAIN = 1024
"""Work is counted in 1/1024 unit-minutes: a sum of whole numbers does not depend on the order of addition."""

T = TypeVar("T", bound=np.generic)
Units = NDArray[np.float32]
Amounts = NDArray[np.float64]


class Replayed(NamedTuple):
    """What became of the units of each rule in n minutes: units that stay warm after use, units that were warm before, and units
    of the rule that were ready, float32[n, rules, pools] each.
    """

    used: Units
    before: Units
    ready: Units


class CandidateScores:
    """Amounts of `rules` rules over `pools` pools that share their timing, in whole minutes. `decay`: of a quarter."""

    def __init__(self, rules: int, pools: int, metric_delay: int, lead_time: int, keep_alive: int, billing_step: int = 0,
                 stay_warm: bool = False, decay: float = DECAY) -> None:
        self._timing = metric_delay, lead_time, keep_alive, billing_step, stay_warm
        self._decay = decay
        self._lead, self._stay_warm = lead_time, stay_warm
        self._requested = np.zeros((metric_delay + lead_time, rules, pools), np.float32)
        self._ready = np.zeros((max(0, billing_step - 1), rules, pools), np.float32)
        self._used = np.zeros((keep_alive, rules, pools), np.float32)
        self._quarter = np.zeros((3, rules, pools), np.float64)
        self._quarter_requests = np.zeros(pools, np.float64)
        self.requests = np.zeros(pools, np.float64)
        """Requests up to the last whole quarter, discounted like `amounts`: float64[pools]."""
        self.amounts = np.zeros((3, rules, pools), np.float64)
        """Amounts up to the last whole quarter, discounted: float64[ready | warm work | cold starts, rules, pools]."""

    def state(self) -> Arrays:
        """Return what has been learned, without copies. The last axis of every array is that of the pools."""
        return {"requested": self._requested, "ready": self._ready, "used": self._used, "quarter": self._quarter,
                "quarter_requests": self._quarter_requests, "requests": self.requests, "amounts": self.amounts}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._requested = restored(state, "requested", self._requested)
        self._ready, self._used = restored(state, "ready", self._ready), restored(state, "used", self._used)
        self._quarter = restored(state, "quarter", self._quarter)
        self._quarter_requests = restored(state, "quarter_requests", self._quarter_requests)
        self.requests, self.amounts = restored(state, "requests", self.requests), restored(state, "amounts", self.amounts)

    def part(self, pools: NDArray[np.int64]) -> "CandidateScores":
        """Return the scores of some of the pools, which share nothing with these."""
        part = CandidateScores(self.amounts.shape[1], len(pools), *self._timing, self._decay)
        part.restore({name: values[..., pools] for name, values in self.state().items()})
        return part

    @property
    def quarter(self) -> Amounts:
        """Amounts since the last whole quarter, without a copy."""
        return self._quarter

    def close_quarter(self) -> None:
        """Add the quarter that has ended to `amounts` and `requests`."""
        self.amounts *= self._decay
        self.amounts += self._quarter
        self._quarter[:] = 0
        self.requests = self.requests * self._decay + self._quarter_requests
        self._quarter_requests[:] = 0

    def add(self, requested: Units, peak: Units, busy: Units, requests: Units) -> Replayed:
        """Replay n minutes within one quarter, and return what became of the units.

        `requested`: float32[n, rules, pools], proposed after each minute. `peak`, `busy`, `requests`: float32[n, pools], the
        demand of each minute; NaN where unknown, which adds nothing.
        """
        count, keep = len(peak), len(self._used)
        requested = np.concatenate((self._requested, requested))
        ready = folded(np.minimum, requested, count, self._lead + 1)
        known = ~np.isnan(peak)
        peak = np.where(known, np.ceil(peak), 0).astype(np.float32)
        work = np.minimum(in_grains(busy), peak).astype(np.float32)
        used = self._in_use(peak, ready, known)
        before = folded(np.maximum, used, count, keep) if keep else np.zeros_like(ready)
        cold = started(used[keep:], before, ready, self._stay_warm)
        self._quarter_requests += np.where(known, in_grains(requests), 0).sum(axis=0, dtype=np.float64)
        paid, self._ready = paid_for(self._ready, ready)
        self._quarter[0] += (paid if known.all() else paid * known[:, None]).sum(axis=0, dtype=np.float64)
        self._quarter[1] += np.minimum(ready, work[:, None]).sum(axis=0, dtype=np.float64)
        self._quarter[2] += cold.sum(axis=0, dtype=np.float64)  # zero where demand is unknown: units that were warm stay warm
        self._requested, self._used = requested[count:], used[count:]
        return Replayed(used[keep:], before, ready)

    def _in_use(self, peak: Units, ready: Units, known: NDArray[np.bool_]) -> Units:
        """Return the units that stay warm after each minute, and before them those of the keep-alive that precedes.

        float32[keep-alive + n, rules, pools]. After an unknown minute those units stay warm that were warm before it.
        """
        keep, used = len(self._used), np.concatenate((self._used, in_use(peak[:, None], ready, self._stay_warm)))
        for at in np.flatnonzero(~known.all(axis=1)) if keep else ():
            gone = ~known[at]
            used[keep + at][:, gone] = np.maximum(used[keep + at][:, gone], used[at : at + keep][:, :, gone].max(axis=0))
        return used


def in_grains(values: Units) -> Units:
    """Return values rounded to `GRAIN`, and 0 for NaN."""
    return np.where(np.isnan(values), np.float32(0), np.round(values * np.float32(GRAIN)) / np.float32(GRAIN))


def paid_for(before: Units, ready: Units) -> tuple[Units, Units]:
    """Return the units billed in each minute, the maximum that was ready within the billing step, and `before` of the next call.

    `before`: the minutes of a billing step that precede `ready`; without rows where billing has no steps.
    """
    steps = len(before)
    if not steps:
        return ready, before
    whole = np.concatenate((before, ready))
    return folded(np.maximum, whole, len(ready), steps + 1), whole[len(ready) :]


def folded(fold: Callable[..., object], values: NDArray[T], count: int, span: int) -> NDArray[T]:
    """Return `fold` (minimum or maximum) over each of `count` windows of `span` rows, the first of which starts with row 0."""
    out, reach = values, 1
    if 1 < span < count:  # by doubling: fewer folds, each over more rows
        while reach < span:
            step = min(reach, span - reach)
            out, reach = np.asarray(fold(out[:-step], out[step:])), reach + step
        return out[:count]
    out = values[:count].copy()
    for later in range(1, span):
        fold(out, values[later : later + count], out=out)
    return out
