"""Cost that each pair of a base and a top would have had so far, replayed over recorded demand. Pure.

What a base costs alone is known from `controller.decision.selection.scoring`. A top changes three amounts, summed by quarter of
an hour and discounted alike: cold starts that it saves, unit-minutes kept by pings, and requests that arrive in minutes with
pings. Sums over minutes are matrix products, because a limit of the request rate only selects minutes.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.layer_units import alive_units, top_units
from controller.decision.selection.layers.levels import LEVELS, LIMITS, TopProposals
from controller.decision.selection.learned_state import Arrays, State, restored
from controller.decision.selection.scoring import DECAY_WITH_TOPS, Replayed, folded, in_grains

T = TypeVar("T", bound=np.generic)
Units = NDArray[np.float32]
Amounts = NDArray[np.float64]

SAVED, PINGED, REQUESTS = range(3)


class TopTiming(NamedTuple):
    """Timing that all pools of the scores share, in whole minutes; see `controller.decision.costs.cost_model.CostTerms`."""

    metric_delay: int
    lead_time: int
    stay_warm: bool


class Minutes(NamedTuple):
    """Known minutes and requests: bool and float64 [n, pools]."""

    known: NDArray[np.bool_]
    requests: Amounts


class PairScores:
    """Amounts of each base (the rows `bases` of the candidates) with each top, and of `ensembles` ensembles with theirs.

    `lost`: float64[pools], see `top_units`. With one pool and several ensembles, the ensembles are of that pool.
    """

    def __init__(self, bases: tuple[int, ...], lost: NDArray[np.float64], ensembles: int, timing: TopTiming) -> None:
        pools, horizon = len(lost), timing.metric_delay + timing.lead_time
        self._bases, self._lost, self._timing = list(bases), lost, timing
        self._units = np.zeros((horizon, len(bases), len(LEVELS), pools), np.float32)
        self._runs = np.zeros((horizon, len(LIMITS), pools), np.bool_)
        self._ensemble_units = np.zeros((horizon, ensembles), np.float32)
        self._quarter = np.zeros((3, len(bases), len(LEVELS), len(LIMITS), pools))
        self._ensemble_quarter = np.zeros((3, ensembles))
        self.amounts = np.zeros_like(self._quarter)
        """Amounts up to the last whole quarter, discounted: float64[saved | pinged | requests, bases, levels, limits, pools]."""
        self.ensemble = np.zeros_like(self._ensemble_quarter)
        """The same of the ensembles: float64[saved | pinged | requests, ensembles]."""

    def state(self) -> Arrays:
        """Return what has been learned, without copies. The last axis of every array is that of the pools."""
        return {"units": self._units, "runs": self._runs, "ensemble_units": self._ensemble_units, "quarter": self._quarter,
                "ensemble_quarter": self._ensemble_quarter, "amounts": self.amounts, "ensemble": self.ensemble}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._units, self._runs = restored(state, "units", self._units), restored(state, "runs", self._runs)
        self._ensemble_units = restored(state, "ensemble_units", self._ensemble_units)
        self._quarter = restored(state, "quarter", self._quarter)
        self._ensemble_quarter = restored(state, "ensemble_quarter", self._ensemble_quarter)
        self.amounts, self.ensemble = restored(state, "amounts", self.amounts), restored(state, "ensemble", self.ensemble)

    def part(self, pools: NDArray[np.int64]) -> "PairScores":
        """Return the scores of some of the pools, which share nothing with these."""
        part = PairScores(tuple(self._bases), self._lost[pools], len(pools), self._timing)
        part.restore({name: values[..., pools] for name, values in self.state().items()})
        return part

    def close_quarter(self) -> None:
        """Add the quarter that has ended to `amounts` and `ensemble`."""
        self.amounts = self.amounts * DECAY_WITH_TOPS + self._quarter
        self.ensemble = self.ensemble * DECAY_WITH_TOPS + self._ensemble_quarter
        self._quarter[:] = 0
        self._ensemble_quarter[:] = 0

    def add(self, proposed: TopProposals, base: Units, minutes: Minutes, replayed: Replayed) -> None:
        """Replay n minutes within one quarter for all pairs.

        `base`: float32[n, candidates, pools], units of all bases; `replayed`: what became of them, [n, candidates, pools] each.
        """
        units = top_units(proposed.level[:, None], base[:, self._bases, None], self._lost)
        units, self._units = in_force(self._units, units, self._timing.lead_time)
        runs, self._runs = in_force(self._runs, proposed.runs, self._timing.lead_time)
        rows = Replayed(*(np.take(part, self._bases, axis=1)[:, :, None] for part in replayed))
        gains = changes(units, self._lost, rows, minutes, self._timing.stay_warm)
        running = runs.astype(np.float64)
        for at, gain in enumerate(gains):
            self._quarter[at] += summed_by_limit(running, gain)

    def add_ensemble(self, units: Units, minutes: Minutes, replayed: Replayed, lost: NDArray[np.float64]) -> None:
        """Replay n minutes within one quarter for the ensembles: `units` float32[n, ensembles] kept by pings."""
        units, self._ensemble_units = in_force(self._ensemble_units, units, self._timing.lead_time)
        gains = changes(units, lost, replayed, minutes, self._timing.stay_warm)
        self._ensemble_quarter += np.stack([gain.sum(axis=0) for gain in gains])


def summed_by_limit(running: Amounts, gain: Amounts) -> Amounts:
    """Return the sum of `gain` float64[n, bases, levels, pools] over the minutes in which pings run, by limit: float64[bases,
    levels, limits, pools]. `running`: float64[n, limits, pools], 0 or 1. Sums are exact: the order of minutes changes nothing.
    """
    minutes, bases, levels, pools = gain.shape
    if pools > 1:
        return np.asarray(np.einsum("tgp,tblp->blgp", running, gain))
    return np.asarray(gain.reshape(minutes, -1).T @ running[:, :, 0]).reshape(bases, levels, -1, 1)


def in_force(before: NDArray[T], units: NDArray[T], lead_time: int) -> tuple[NDArray[T], NDArray[T]]:
    """Return what is in force in each minute, the minimum over the lead time, and `before` of the next call."""
    whole = np.concatenate((before, units))
    return folded(np.minimum, whole, len(units), lead_time + 1), whole[len(units) :]


def changes(units: Units, lost: NDArray[np.float64], replayed: Replayed, minutes: Minutes,
            stay_warm: bool) -> tuple[Amounts, Amounts, Amounts]:
    """Return what pings for `units` change in each minute: cold starts saved, units to ping, and requests while pings run.

    Units that users keep warm need no ping. Of the others, the share `lost` is not counted on.
    """
    used, before, ready = replayed
    floor = ready if stay_warm else np.float32(0)
    warm = np.maximum(before, floor)
    alive = alive_units(units, lost)
    shape = len(used), *(1,) * (used.ndim - 2), -1
    known, requests = minutes.known.reshape(shape), minutes.requests.reshape(shape)
    saved = np.maximum(used - warm, 0) - np.maximum(used - np.maximum(warm, floor + alive), 0)
    to_ping = np.where(units > 0, np.maximum(floor + units - warm, 0), 0)
    return saved * known, to_ping * known, (to_ping > 0) * requests


def whole_requests(requests: Units, known: NDArray[np.bool_]) -> Amounts:
    """Return requests in steps of 1/1024, zero in unknown minutes."""
    return np.where(known, in_grains(requests), 0.0).astype(np.float64)
