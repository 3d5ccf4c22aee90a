"""Units of a pinged layer above the base of a pool. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from controller.decision.costs.layer_units import top_units

Values = NDArray[np.float64]


def pinged_units(level: Values, proposed: Values, base: NDArray[np.int64], ceiling: Sequence[int] | int,
                 lost_share: float) -> Values:
    """Return the units to keep by pings, float64[n], for a `level` of units in total; 0 where it is 0.

    `proposed`, `base`: units that the selector proposes for the base, and those planned. The base is lowered later than proposed,
    for example at the end of a billing step: the pings for the lower one start before. `ceiling`: most units of both layers.
    """
    units = top_units(level, np.minimum(np.ceil(proposed), base), lost_share)
    return np.where(level > 0, np.minimum(units, np.maximum(np.asarray(ceiling) - base, 0)), 0.0)
