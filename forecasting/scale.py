"""The scale that forecasts are made on: square roots, on which counts of any size scatter about alike."""

import numpy as np

from forecasting.demand import Floats

MOST = 60_000.0
"""Units; above it demand is taken for it, so that half precision holds every number and no spike becomes infinite."""


def tamed(demand: Floats) -> Floats:
    """Demand as forecasters read it: what is negative or infinite is as unknown as NaN, the rest is at most `MOST`."""
    demand = np.asarray(demand, np.float32)
    lawful = np.isfinite(demand) & (demand >= 0)
    return np.where(lawful, np.minimum(demand, np.float32(MOST)), np.float32(np.nan))


def rooted(demand: Floats) -> Floats:
    """Onto the square-root scale (the variance-stabilising transform of Poisson counts, Bartlett 1936)."""
    return np.sqrt(demand)


def unrooted(root: Floats) -> Floats:
    """Back from it; what lies below zero means zero."""
    positive = np.maximum(root, np.float32(0))
    squared: Floats = np.minimum(positive * positive, np.float32(MOST))
    return squared


def whole_units(demand: Floats) -> Floats:
    """The least whole number that is not below; what rounding alone lifted over one stays on it."""
    up: Floats = np.ceil(demand * np.float32(1 - 1e-6) - np.float32(1e-3))
    return up
