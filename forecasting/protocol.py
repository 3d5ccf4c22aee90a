"""Protocol of a forecaster: it reads demand of many pools minute by minute, and returns quantiles of future demand."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats

LEVELS = (0.1, 0.5, 0.8, 0.9, 0.95, 0.99)
"""Levels that are calibrated. Other levels between the first and the last are interpolated."""


class Band(NamedTuple):
    """Quantiles of demand, float32[pools, horizon, levels] each; NaN without enough history.

    Column h is h + 1 minutes after the newest minute observed. `peak` is whole units; both rise with the level.
    """

    peak: Floats
    busy: Floats


class Forecaster(Protocol):
    """Forecaster of the demand of `pools` pools that share a clock."""

    @property
    def pools(self) -> int:
        """Number of pools."""
        ...

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Whether the history of each pool is long enough for reliable bands: bool[pools]."""
        ...

    def observe(self, peak: Floats, busy: Floats, first_minute: int) -> None:
        """Add float32[pools, n] from `first_minute` (minutes since the epoch) on; NaN is unknown.

        A history gives the same forecasts however it is divided into calls. Minutes already observed are ignored; minutes between
        two calls that are left out count as unknown.
        """
        ...

    def quantiles(self, horizon_minutes: int, levels: Sequence[float] = LEVELS) -> Band:
        """Return quantiles for each of the next `horizon_minutes` minutes. Raise ValueError for a level outside `LEVELS`."""
        ...


def at_levels(grid: Floats, levels: Sequence[float]) -> Floats:
    """Interpolate float32[..., LEVELS] at other levels, linearly in the logit of the level.

    The logit spreads the tail, where a quantile function is steep. Raise ValueError for levels outside `LEVELS`: a tail beyond
    them is not calibrated.
    """
    wanted = np.asarray(levels, np.float64)
    if wanted.ndim != 1 or not len(wanted) or not ((wanted >= LEVELS[0]) & (wanted <= LEVELS[-1])).all():
        raise ValueError(f"levels must lie between {LEVELS[0]} and {LEVELS[-1]}, not {list(levels)}")
    known = np.asarray(LEVELS)
    right = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    logit, low, high = (np.log(at / (1 - at)) for at in (wanted, known[right - 1], known[right]))
    share = ((logit - low) / (high - low)).astype(np.float32)
    least, most = grid[..., right - 1], grid[..., right]
    between = np.minimum(least + share * (most - least), most)  # in this form rounding keeps the order of levels
    read: Floats = np.where(share < 1, between, most)
    return read
