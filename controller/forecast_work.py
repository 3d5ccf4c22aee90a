"""What a worker process does for the daemon: looks ahead for one pool, and puts what it sees into words for JSON. Pure."""

import json

import numpy as np
from numpy.typing import NDArray

from config.policy import PoolPolicy
from controller.economics import Terms
from controller.forecast_view import document, refit, view_of
from controller.next_hours import AHEAD_MINUTES, BUSY_LEVEL, PEAK_LEVEL, Step, next_hours
from controller.portfolio import Standing
from forecasting.combined import CombinedForecaster
from forecasting.demand import DemandSeries
from forecasting.harmonic import fit_outlook
from forecasting.protocol import Band


def forecast_body(pool: str, history: DemandSeries, hours: float, lead: int, kept: NDArray[np.float64] | None) -> bytes:
    """The forecast of a pool as of the end of `history`, as a JSON object. `kept`: as `view_of` takes capacity."""
    view = view_of(pool, history, history.end_minute, hours, lead, fit_outlook, kept)
    return json.dumps(document(view), separators=(",", ":"), allow_nan=False).encode()


def plan_ahead(history: DemandSeries, pool: PoolPolicy, terms: Terms, standing: Standing) -> list[Step]:
    """What the rules would ask for if demand came as it is forecast after `history`; empty where there is no forecast."""
    forecaster = CombinedForecaster(1)
    forecaster.observe(history.peak[None], history.busy[None], history.first_minute)
    refit(forecaster, fit_outlook)
    peak = forecaster.quantiles(AHEAD_MINUTES, (PEAK_LEVEL,)).peak[0, :, 0]
    busy = forecaster.quantiles(AHEAD_MINUTES, (BUSY_LEVEL,)).busy[0, :, 0]
    return next_hours(history, Band(peak, busy), pool, terms, standing)
