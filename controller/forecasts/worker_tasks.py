"""What a worker process does for the daemon: looks ahead for one pool, and puts what it sees into words for JSON. Pure."""

import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.forecast_adjustment import lifted, prospect_at, without_events
from controller.decision.selection.weighting import SelectionWeights
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, BUSY_LEVEL, PEAK_LEVEL, SAID, Step, next_hours
from controller.forecasts.demand_forecast import document, refit, view_of
from forecasting.combined import CombinedForecaster
from forecasting.demand import DemandSeries, Floats
from forecasting.harmonic import fit_outlook
from forecasting.protocol import LEVELS, Band


class Ahead(NamedTuple):
    """What the rules would ask for if demand came as it is forecast, and the forecast: float32[minutes, SAID] of peak demand."""

    steps: list[Step]
    said: Floats


def forecast_body(pool: PoolPolicy, history: DemandSeries, hours: float, lead: int, kept: NDArray[np.float64] | None) -> bytes:
    """The forecast of a pool as of the end of `history`, as a JSON object. `kept`: as `view_of` takes capacity."""
    view = view_of(pool.name, history, history.end_minute, hours, lead, fit_outlook, kept, prospect_at(pool, history))
    return json.dumps(document(view), separators=(",", ":"), allow_nan=False).encode()


def plan_ahead(history: DemandSeries, pool: PoolPolicy, terms: CostTerms, standing: SelectionWeights) -> Ahead:
    """Look ahead of the end of `history`; no steps where there is no forecast."""
    forecaster = CombinedForecaster(1)
    prospect, end = prospect_at(pool, history), history.end_minute
    calm = without_events(prospect, history)
    forecaster.observe(calm.peak[None], calm.busy[None], calm.first_minute)
    refit(forecaster, fit_outlook)
    every = forecaster.quantiles(AHEAD_MINUTES, LEVELS)
    followed = Band(*(band[0, :, LEVELS.index(level)] for band, level in ((every.peak, PEAK_LEVEL), (every.busy, BUSY_LEVEL))))
    said = lifted(prospect, Band(every.peak[0], every.busy[0]), end, end).peak[:, [LEVELS.index(level) for level in SAID]]
    return Ahead(next_hours(history, followed, pool, terms, standing), said)
