"""What a forecaster is: demand of many pools in, minute by minute; quantiles of what comes out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.demand import Floats

LEVELS = (0.1, 0.5, 0.8, 0.9, 0.95, 0.99)
"""The levels that are kept calibrated. Others between the first and the last are read off between them."""


class Band(NamedTuple):
    """Quantiles of demand, float32[pools, horizon, levels] each; NaN where too little is known to say.

    Column h is h + 1 minutes after the newest minute observed. `peak` is whole units; both rise with the level.
    """

    peak: Floats
    busy: Floats


class Forecaster(Protocol):
    """Predicts the demand of `pools` pools that share a clock."""

    @property
    def pools(self) -> int: ...

    @property
    def enough(self) -> NDArray[np.bool_]:
        """bool[pools]: whether history is long enough for the bands to deserve trust."""
        ...

    def observe(self, peak: Floats, busy: Floats, first_minute: int) -> None:
        """Take in float32[pools, n] from `first_minute` (minutes since the epoch) on; NaN is unknown.

        However a history is cut into calls, the same forecasts follow. Minutes already seen are passed over; minutes left
        out between two calls count as unknown.
        """
        ...

    def quantiles(self, horizon_minutes: int, levels: Sequence[float] = LEVELS) -> Band:
        """Quantiles for each of the next `horizon_minutes` minutes; ValueError for a level outside `LEVELS`' range."""
        ...


def at_levels(grid: Floats, levels: Sequence[float]) -> Floats:
    """Read float32[..., LEVELS] at other levels, linear between neighbours in the logit of the level.

    The logit spreads the tail, where a quantile function is steep. ValueError for levels that the grid does not span:
    a tail that was never calibrated would only look like knowledge.
    """
    wanted = np.asarray(levels, np.float64)
    if wanted.ndim != 1 or not len(wanted) or not ((wanted >= LEVELS[0]) & (wanted <= LEVELS[-1])).all():
        raise ValueError(f"levels must lie between {LEVELS[0]} and {LEVELS[-1]}, not {list(levels)}")
    known = np.asarray(LEVELS)
    right = np.clip(np.searchsorted(known, wanted), 1, len(known) - 1)
    here, low, high = (np.log(at / (1 - at)) for at in (wanted, known[right - 1], known[right]))
    share = ((here - low) / (high - low)).astype(np.float32)
    least, most = grid[..., right - 1], grid[..., right]
    between = np.minimum(least + share * (most - least), most)  # in this form rounding cannot break the order of levels
    read: Floats = np.where(share < 1, between, most)
    return read
