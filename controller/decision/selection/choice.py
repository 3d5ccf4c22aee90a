"""Choice of the selector: targets, and the rule behind each. Pure."""

from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.candidates import CANDIDATES


class SelectionMode(IntEnum):
    """Way in which a pool follows its leader, a candidate. Arrays hold the values as int8."""

    ALONE = 0
    """The leader proposes alone."""

    ENSEMBLE = 1
    """All candidates propose by weight; the leader has the highest weight."""

    FALLBACK = 2
    """The leader, a naive candidate, proposes alone, because the ensemble has recently cost more."""

    LEAD = 3
    """A leading signal proposes, because it has recently cost less; see `controller.decision.selection.leads`."""

    @property
    def text(self) -> str:
        """The mode in words."""
        return {SelectionMode.ALONE: "one rule alone", SelectionMode.ENSEMBLE: "ensemble",
                SelectionMode.FALLBACK: "one naive rule alone, because the ensemble has recently cost more",
                SelectionMode.LEAD: "leading signal, which has recently cost less"}[self]


OF_ALONE, OF_ENSEMBLE, OF_FALLBACK, OF_LEAD = (np.int8(mode) for mode in SelectionMode)
"""Values of the modes in arrays."""


class Choice(NamedTuple):
    """Targets that apply `metric_delay` after each minute fed, and the rule behind each: arrays [pools, n].

    `target`: units of the lever. `trusted`: whether enough minutes were known to compare candidates. `leader`: index of a
    candidate. `mode`: value of a `SelectionMode`. `level`: units in total where pings keep units above those of the lever, 0
    where no pings run.
    """

    target: NDArray[np.float64]
    trusted: NDArray[np.bool_]
    leader: NDArray[np.int16]
    mode: NDArray[np.int8]
    level: NDArray[np.float64]

    @classmethod
    def zeros(cls, pools: int, minutes: int) -> "Choice":
        """Return a choice to be filled in."""
        shape = pools, minutes
        return cls(np.zeros(shape), np.zeros(shape, bool), np.zeros(shape, np.int16), np.zeros(shape, np.int8),
                   np.zeros(shape))

    def fill(self, place: tuple[NDArray[np.int64], slice] | NDArray[np.int64], part: "Choice") -> None:
        """Overwrite the rows (and columns) in `place` with those of `part`."""
        self.target[place], self.trusted[place] = part.target, part.trusted
        self.leader[place], self.mode[place], self.level[place] = part.leader, part.mode, part.level


@cache
def rule_name(leader: int, mode: SelectionMode) -> str:
    """Return a rule in words: its candidate, and how that is followed."""
    name = CANDIDATES[leader].name
    if mode is SelectionMode.LEAD:
        return f"leading signal (without it: {name})"
    if mode is SelectionMode.ENSEMBLE:
        return f"weighted ensemble (top rule: {name})"
    return f"{name} (the ensemble has cost more recently)" if mode is SelectionMode.FALLBACK else name
