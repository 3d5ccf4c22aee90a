"""Scale of forecasts: square roots, on which counts of any size have about the same variance."""

import numpy as np

from forecasting.demand import Floats

MOST = 60_000.0
"""Units to which demand is limited, so that half precision holds every number and no spike becomes infinite."""


def tamed(demand: Floats) -> Floats:
    """Return demand as forecasters read it: NaN where it is negative or infinite, and at most `MOST`."""
    demand = np.asarray(demand, np.float32)
    lawful = np.isfinite(demand) & (demand >= 0)
    return np.where(lawful, np.minimum(demand, np.float32(MOST)), np.float32(np.nan))


def rooted(demand: Floats) -> Floats:
    """Return demand on the square-root scale, the variance-stabilising transform of Poisson counts (Bartlett 1936)."""
    return np.sqrt(demand)


def unrooted(root: Floats) -> Floats:
    """Return units from the square-root scale; negative roots give zero."""
    positive = np.maximum(root, np.float32(0))
    squared: Floats = np.minimum(positive * positive, np.float32(MOST))
    return squared


def whole_units(demand: Floats) -> Floats:
    """Return demand rounded up to whole units; an excess that is only a rounding error is ignored."""
    up: Floats = np.ceil(demand * np.float32(1 - 1e-6) - np.float32(1e-3))
    return up
