"""Rules of the top layer: how many units to keep warm in total, and up to which rate of requests pings run. Pure.

A level is a number of units, base and top together. A unit kept by pings costs about a hundredth of a provisioned one, so levels
are high. Each request that arrives while a round of pings holds the idle units may start cold, so above a rate of requests pings
cost more than they save; which rate depends on the pool.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.layer_units import ROUNDING
from controller.decision.selection.candidates import WORDS, combined
from controller.decision.selection.learned_state import Arrays, State, restored
from controller.decision.selection.signals import Signal
from forecasting.demand import Floats

RATE_MINUTES = 5
"""Minutes over which the rate of requests is averaged."""

LIMITS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, np.inf)
"""Requests per minute below which pings run."""


@dataclass(frozen=True, slots=True)
class Level:
    """Units in total: `factor` times the maximum of the signals `parts`, rounded up."""

    parts: tuple[str, ...]
    factor: float = 1.0

    @property
    def name(self) -> str:
        """Description in words."""
        value = combined("max", [WORDS[part] for part in self.parts])
        return value if self.factor == 1 else f"{self.factor:g} × {value}"

    @property
    def key(self) -> str:
        """Short form for records."""
        return f"max({','.join(self.parts)})*{self.factor:g}"


LEVELS = (
    Level(("recent 1440",)), Level(("maximum of week 30", "recent 180")), Level(("week 1", "recent 1440")),
    Level(("week 1", "recent 1440"), 1.5),
)
TOPS = tuple((level, limit) for level in LEVELS for limit in LIMITS)
"""All rules of the top layer."""

UNTRAINED = TOPS.index((LEVELS[0], 100.0))
"""Rule followed while the history is too short to compare rules."""


class TopProposals(NamedTuple):
    """What the rules propose: `level` float32[n, levels, pools] in units, `runs` bool[n, limits, pools]: whether pings run.
    `rate` float32[n, pools]: requests per minute.
    """

    level: NDArray[np.float32]
    runs: NDArray[np.bool_]
    rate: NDArray[np.float32]

    def rows(self, rows: slice) -> "TopProposals":
        """Return the proposals of some of the minutes."""
        return TopProposals(self.level[rows], self.runs[rows], self.rate[rows])

    def at(self, minutes: NDArray[np.int64], pools: NDArray[np.int64]) -> "TopProposals":
        """Return the proposals of some pools as of one minute, each after its own of `minutes`."""
        return TopProposals(self.level[minutes, :, pools].T[None], self.runs[minutes, :, pools].T[None],
                            self.rate[minutes, pools][None])


def top_proposals(signals: Mapping[str, Signal], rate: Floats) -> TopProposals:
    """Return what each rule proposes after n minutes, from signals and the rate of requests, float32[pools, n] each.

    Without a known rate, no rounds run.
    """
    level = np.stack([np.ceil(level.factor * np.maximum.reduce([signals[part].T for part in level.parts]) - ROUNDING)
                      for level in LEVELS], axis=1).astype(np.float32)
    across = np.ascontiguousarray(rate.T)
    return TopProposals(level, across[:, None] < np.array(LIMITS, np.float32)[:, None], across)


class RequestRate:
    """Mean rate of requests of many pools over the known ones of the last `RATE_MINUTES` minutes; NaN without a known one."""

    def __init__(self, pools: int) -> None:
        self._requests = np.full((pools, RATE_MINUTES - 1), np.nan, np.float32)

    def advance(self, invocations: Floats) -> Floats:
        """Add n minutes, float32[pools, n], and return the rate after each, float32[pools, n]."""
        rate = self.preview(invocations)
        self._requests = np.concatenate((self._requests, invocations), axis=1)[:, -(RATE_MINUTES - 1) :].copy()
        return rate

    def preview(self, invocations: Floats) -> Floats:
        """Return what `advance` would return, and store nothing."""
        requests = np.concatenate((self._requests, invocations), axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(requests, RATE_MINUTES, axis=1)
        known = ~np.isnan(windows)
        count = known.sum(axis=2)
        total = np.where(known, windows, 0).sum(axis=2, dtype=np.float64)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)

    def state(self) -> Arrays:
        """Return what has been learned, without copies."""
        return {"requests": self._requests}

    def restore(self, state: State) -> None:
        """Set what `state` returned; raise KeyError or ValueError if it is of other pools."""
        self._requests = restored(state, "requests", self._requests)
