"""Planned capacity of the next hours, if demand follows the forecast. Pure.

The rules with weight now process the past and then the forecast, as if it were settled demand; the weights do not change. The
result is for display and for scheduled fallbacks. Each tick decides again from the demand known by then.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.event_demand import HOUR
from controller.decision.events.forecast_adjustment import events_of, units_with_events, without_events
from controller.decision.planning.planner import bounds_now
from controller.decision.selection.candidates import proposals
from controller.decision.selection.scoring import QUARTER
from controller.decision.selection.signals import Signals
from controller.decision.selection.weighting import SelectionWeights
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of
from forecasting.protocol import Band

AHEAD_MINUTES = 6 * 60
PEAK_LEVEL, BUSY_LEVEL = 0.9, 0.5
"""Quantiles that stand for future demand. Most rules follow recent maxima, and the median path has lower maxima than real demand:
on recorded histories the planned capacity was 0.96 of what was wanted later at peak level 0.9, 0.91 at 0.8 and 0.84 at 0.5.
"""

SCORED_LEVELS = (0.5, 0.9, 0.99)
"""Levels of a forecast that are kept and scored once the minutes are settled."""

LOOKBACK = 8 * MINUTES_PER_DAY
"""Minutes of history that the rules need: the longest lookback is one week and some hours."""


class Step(NamedTuple):
    """Maximum of the units wanted from `minute` (since the epoch) to the end of its quarter of an hour."""

    minute: int
    units: int


def next_hours(history: DemandSeries, ahead: Band, pool: PoolPolicy, terms: CostTerms, weights: SelectionWeights) -> list[Step]:
    """Return the wanted units from the end of `history` on, with announced events, within floor, ceiling and schedules.

    `ahead`: float32[horizon] each, peak and busy demand right after `history`, without announced events. Empty where it is
    unknown.
    """
    if not (np.isfinite(ahead.peak).all() and np.isfinite(ahead.busy).all()):
        return []
    end, events = history.end_minute, events_of(pool, history)
    wanted = weights.units(proposals(signals_ahead(without_events(events, history), ahead, terms, weights)))
    first = end + terms.metric_delay  # a minute's demand is known, and decides, after the metric delay
    demand = np.concatenate((history.window(end - HOUR, end).peak, ahead.peak))
    return steps(units_with_events(events, wanted, first, demand, terms), first, pool)


def signals_ahead(history: DemandSeries, ahead: Band, terms: CostTerms,
                  weights: SelectionWeights) -> dict[str, NDArray[np.float32]]:
    """Return the signals of each minute of `ahead`, float32[1, horizon] by name, after the rules processed all minutes before."""
    signals = Signals(1, terms.metric_delay + terms.lead_time, np.array([weights.spare]))
    first = max(history.first_minute, history.end_minute - LOOKBACK)
    for start in range(first, history.end_minute, MINUTES_PER_DAY):
        part = history.window(start, min(start + MINUTES_PER_DAY, history.end_minute))
        signals.advance(part.peak[None], part.busy[None], start)
    return signals.advance(ahead.peak[None], np.minimum(ahead.busy, ahead.peak)[None], history.end_minute)


def steps(wanted: Floats, first_minute: int, pool: PoolPolicy) -> list[Step]:
    """Return the maximum of each quarter of an hour, within the floor and ceiling that the policy has at its start."""
    end = first_minute + len(wanted)
    starts = sorted({first_minute, *range(first_minute // QUARTER * QUARTER + QUARTER, end, QUARTER)})
    result = []
    for start, stop in zip(starts, [*starts[1:], end], strict=True):
        most = float(wanted[start - first_minute : stop - first_minute].max())
        low, high, _ = bounds_now(pool, instant_of(start))
        result.append(Step(start, int(min(max(most, low), high))))
    return result
