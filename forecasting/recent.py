"""Forecasts from recent minutes: their quantiles, which are assumed to persist."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats
from forecasting.empirical import sample_quantiles

WINDOWS = (2, 7, 30, 120)
"""Windows in minutes."""

HOUR = 60
HOURS = 4
"""Hours of history for work that timers start."""

REACH = HOURS * HOUR
"""Most minutes of history that these forecasts use."""


def trailing_quantiles(tail: Floats, at: NDArray[np.int64], window: int, levels: Sequence[float]) -> Floats:
    """Return quantiles of the `window` minutes up to each index `at` of float32[rows, minutes]: float32[rows, at, levels]."""
    views = np.lib.stride_tricks.sliding_window_view(tail, window, axis=1)
    return sample_quantiles(views[:, at - window + 1], levels)


def clockwork_quantiles(tail: Floats, at: NDArray[np.int64], leads: Sequence[int], levels: Sequence[float]) -> Floats:
    """Return quantiles of the same minute of the last hours, for each index `at` and lead: float32[rows, at, leads, levels].

    Cron jobs and timers start on the minute, every hour or a whole fraction of it, which no window of recent minutes shows.
    """
    ahead = np.asarray(leads)
    newest = ahead - -(-ahead // HOUR) * HOUR  # newest such minute that is known, relative to `at`
    back = newest[:, None] - HOUR * np.arange(HOURS)
    return sample_quantiles(tail[:, at[:, None, None] + back], levels)
