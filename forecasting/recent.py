"""Forecasts from what just happened: quantiles of the last minutes, taken to hold on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats
from forecasting.empirical import sample_quantiles

WINDOWS = (2, 7, 30, 120)
"""Minutes looked back over: from 'as now' to 'as this afternoon'."""


def trailing_quantiles(tail: Floats, at: NDArray[np.int64], window: int, levels: Sequence[float]) -> Floats:
    """Quantiles of the `window` minutes that end with each index `at` of float32[rows, minutes]: float32[rows, at, levels]."""
    views = np.lib.stride_tricks.sliding_window_view(tail, window, axis=1)
    return sample_quantiles(views[:, at - window + 1], levels)
