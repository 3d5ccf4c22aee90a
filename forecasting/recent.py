"""Forecasts from what just happened: quantiles of the last minutes, taken to hold on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats
from forecasting.empirical import sample_quantiles

WINDOWS = (2, 7, 30, 120)
"""Minutes looked back over: from 'as now' to 'as this afternoon'."""


HOUR = 60
HOURS = 4
"""Hours looked back over for work that a clock starts."""

REACH = HOURS * HOUR
"""Minutes back that any of these forecasts looks, at most."""


def trailing_quantiles(tail: Floats, at: NDArray[np.int64], window: int, levels: Sequence[float]) -> Floats:
    """Quantiles of the `window` minutes that end with each index `at` of float32[rows, minutes]: float32[rows, at, levels]."""
    views = np.lib.stride_tricks.sliding_window_view(tail, window, axis=1)
    return sample_quantiles(views[:, at - window + 1], levels)


def clockwork_quantiles(tail: Floats, at: NDArray[np.int64], leads: Sequence[int], levels: Sequence[float]) -> Floats:
    """Quantiles of the same minute of the last hours, for each index `at` and each lead: float32[rows, at, leads, levels].

    Cron jobs and timers start on the minute, every hour or a whole fraction of it: no window of minutes sees that.
    """
    ahead = np.asarray(leads)
    newest = ahead - -(-ahead // HOUR) * HOUR  # the latest that has been seen, relative to `at`
    back = newest[:, None] - HOUR * np.arange(HOURS)
    return sample_quantiles(tail[:, at[:, None, None] + back], levels)
