"""Functions that a worker process runs: a pool's planned capacity, and its demand forecast as JSON. Pure."""

import json
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.costs.kinds import KIND_OF_MODE
from controller.decision.events.forecast_adjustment import events_of, with_events, without_events
from controller.decision.selection.weighting import SelectionWeights
from controller.forecasts.capacity_forecast import AHEAD_MINUTES, BUSY_LEVEL, PEAK_LEVEL, SCORED_LEVELS, Step, next_hours
from controller.forecasts.demand_forecast import document, refit, view_of
from forecasting.combined import CombinedForecaster
from forecasting.demand import DemandSeries, Floats
from forecasting.harmonic import fit_outlook
from forecasting.protocol import LEVELS, Band


class PlanAhead(NamedTuple):
    """Planned capacity if demand follows the forecast, and that forecast of peak demand: float32[minutes, SCORED_LEVELS]."""

    steps: list[Step]
    levels: Floats


def forecast_body(pool: PoolPolicy, history: DemandSeries, hours: float, lead: int, units: NDArray[np.float64] | None) -> bytes:
    """Return the forecast of a pool as of the end of `history`, as a JSON object. `units`: `capacity` of `view_of`."""
    view = view_of(pool.name, history, history.end_minute, hours, lead, fit_outlook, units, events_of(pool, history),
                   KIND_OF_MODE[pool.mode])
    return json.dumps(document(view), separators=(",", ":"), allow_nan=False).encode()


def plan_ahead(history: DemandSeries, pool: PoolPolicy, terms: CostTerms, weights: SelectionWeights) -> PlanAhead:
    """Return the plan after the end of `history`; without steps where there is no forecast."""
    forecaster = CombinedForecaster(1)
    events, end = events_of(pool, history), history.end_minute
    baseline = without_events(events, history)
    forecaster.observe(baseline.peak[None], baseline.busy[None], baseline.first_minute)
    refit(forecaster, fit_outlook)
    quantiles = forecaster.quantiles(AHEAD_MINUTES, LEVELS)
    path = Band(*(band[0, :, LEVELS.index(level)]
                  for band, level in ((quantiles.peak, PEAK_LEVEL), (quantiles.busy, BUSY_LEVEL))))
    peak = with_events(events, Band(quantiles.peak[0], quantiles.busy[0]), end, end).peak
    return PlanAhead(next_hours(history, path, pool, terms, weights), peak[:, [LEVELS.index(level) for level in SCORED_LEVELS]])
