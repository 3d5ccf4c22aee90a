"""Units of a pinged layer that reach a level of units in total, above the units of the base. Pure.

Between two rounds of pings the provider may stop units unseen. The share that it may have stopped by the end of a pause is pinged
in addition, and not counted on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating[Any]]

ROUNDING = 1e-6
"""Tolerance of a calculated number of units before it is rounded."""


def top_units(level: Numbers, base: Numbers, lost: NDArray[np.float64] | float) -> NDArray[np.float32]:
    """Return the units to keep by pings for `level` units in total above `base` ones: 0 where the base is enough.

    `lost`: share of pinged units that the provider may have stopped since the last round.
    """
    units: NDArray[np.float32] = np.ceil(np.maximum(level - base, 0) / (1 - lost) - ROUNDING).astype(np.float32)
    return units


def alive_units(units: Numbers, lost: NDArray[np.float64] | float) -> Numbers:
    """Return the pinged units that count as warm at any time within a pause."""
    alive: Numbers = np.floor(units * (1 - lost) + ROUNDING)
    return alive
