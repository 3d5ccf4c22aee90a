"""What the rules would ask for in the hours to come, if demand came as it is forecast. Pure.

The rules that are followed now, weighed as they are weighed now, are shown the past and then the forecast, as they will be shown
what really comes. It is a plan to look at: nothing is done by it, and every minute decides anew by what has come by then.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.event_demand import HOUR
from controller.decision.events.forecast_adjustment import prospect_at, wanted_with, without_events
from controller.decision.planning.planner import bounds_now
from controller.decision.selection.candidates import proposals
from controller.decision.selection.scoring import QUARTER
from controller.decision.selection.signals import Signals
from controller.decision.selection.weighting import SelectionWeights
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats, instant_of
from forecasting.protocol import Band

AHEAD_MINUTES = 6 * 60
PEAK_LEVEL, BUSY_LEVEL = 0.9, 0.5
"""Which quantiles are taken for the demand that comes. Most rules follow recent maxima, which a middling path would never bring:
at 0.9 the plans for recorded histories came to 0.96 of what was wanted later, at 0.8 to 0.91, at 0.5 to 0.84.
"""

SAID = (0.5, 0.9, 0.99)
"""Levels at which a forecast is remembered, to be judged once its minutes have come."""

REMEMBERED = 8 * MINUTES_PER_DAY
"""The rules look back a week and some hours."""


class Step(NamedTuple):
    """The most units wanted within the quarter of an hour that begins with minute `minute` (since the epoch)."""

    minute: int
    units: int


def next_hours(history: DemandSeries, ahead: Band, pool: PoolPolicy, terms: CostTerms, standing: SelectionWeights) -> list[Step]:
    """What is wanted from the end of `history` on, with announced events, within floor, ceiling and schedules.

    `ahead`: float32[horizon] each, the peak and the busy demand that comes right after `history`, but for what is announced.
    Empty where it is unknown.
    """
    if not (np.isfinite(ahead.peak).all() and np.isfinite(ahead.busy).all()):
        return []
    end, prospect = history.end_minute, prospect_at(pool, history)
    wanted = standing.units(proposals(signals_ahead(without_events(prospect, history), ahead, terms, standing)))
    first = end + terms.metric_delay  # what is known of a minute decides so much later
    came = np.concatenate((history.window(end - HOUR, end).peak, ahead.peak))
    return steps(wanted_with(prospect, wanted, first, came, terms), first, pool)


def signals_ahead(history: DemandSeries, ahead: Band, terms: CostTerms, standing: SelectionWeights) -> dict[str,
                                                                                                            NDArray[np.float32]]:
    """The signals of each minute of `ahead`, float32[1, horizon] by name, once the rules have seen all before it."""
    signals = Signals(1, terms.metric_delay + terms.lead_time, np.array([standing.spare]))
    first = max(history.first_minute, history.end_minute - REMEMBERED)
    for begin in range(first, history.end_minute, MINUTES_PER_DAY):
        part = history.window(begin, min(begin + MINUTES_PER_DAY, history.end_minute))
        signals.advance(part.peak[None], part.busy[None], begin)
    return signals.advance(ahead.peak[None], np.minimum(ahead.busy, ahead.peak)[None], history.end_minute)


def steps(wanted: Floats, first_minute: int, pool: PoolPolicy) -> list[Step]:
    """The most of each quarter of an hour, within what the policy allows then."""
    begins = sorted({first_minute, *range(first_minute // QUARTER * QUARTER + QUARTER, first_minute + len(wanted), QUARTER)})
    told = []
    for begin, end in zip(begins, [*begins[1:], first_minute + len(wanted)], strict=True):
        most = float(wanted[begin - first_minute : end - first_minute].max())
        low, high, _ = bounds_now(pool, instant_of(begin))
        told.append(Step(begin, int(min(max(most, low), high))))
    return told
