"""Announced events in forecasts: demand of the hours ahead, and the plan for them. Pure."""

from collections.abc import Sequence

import numpy as np

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.event_demand import HOUR, UpcomingEvent, applied, factor_of
from controller.decision.events.pool_events import PoolEvents, learned
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats
from forecasting.protocol import LEVELS, Band

MEDIAN = LEVELS.index(0.5)
LEAST_MEDIAN = 0.5
"""Units of forecast demand below which a size is not a multiple of it."""


def events_of(pool: PoolPolicy, history: DemandSeries) -> PoolEvents | None:
    """Return the events of a pool with the effects learned from its history; None without events."""
    if not pool.events:
        return None
    events, end = PoolEvents(pool), history.end_minute
    near = {window.learned_until for window in events.near(end)} | {-(-end // MINUTES_PER_DAY) * MINUTES_PER_DAY}
    for midnight in sorted(near | events.unknown(history.first_minute, end)):
        events.learn(midnight, learned(pool.events, history, midnight))
    return events


def without_events(events: PoolEvents | None, history: DemandSeries) -> DemandSeries:
    """Return demand without the uplift of events, as candidates and forecasters read it."""
    if events is None:
        return history
    return DemandSeries(history.first_minute,
                        *events.without_uplift((history.peak, history.busy, history.invocations), history.first_minute))


def with_events(events: PoolEvents | None, band: Band, first: int, now: int) -> Band:
    """Return a band of float32[minutes, LEVELS] from minute `first` on with the events known at `now` added."""
    if events is None or not len(band.peak):
        return band
    times = multiples(events.upcoming(now), band.peak[:, MEDIAN], first, now)
    sizes = np.zeros(len(times), np.float32)
    for window, _, _ in events.upcoming(now):
        if window.size is not None:
            sizes[within(window.start, window.end, first, len(times))] = window.size
    bare = (band.peak[:, MEDIAN] < LEAST_MEDIAN) & (sizes > 0)
    peak = np.where(bare[:, None], np.maximum(band.peak, sizes[:, None]), np.ceil(band.peak * times[:, None] - 1e-3))
    return Band(peak.astype(np.float32), (band.busy * times[:, None]).astype(np.float32))


def multiples(upcoming: Sequence[UpcomingEvent], median: Floats, first: int, now: int) -> Floats:
    """Return the factor of the events for each minute; of several raises, the highest."""
    rise, fall = (np.ones(len(median), np.float32) for _ in range(2))
    for each in upcoming:
        window, baseline, effect = each
        at = within(window.start, window.end, first, len(median))
        if window.size is not None:
            size = float(window.size) if effect is None else effect.adjust(window.size)
            rise[at] = np.fmax(rise[at], size / np.maximum(median[at], LEAST_MEDIAN))
        elif not window.lowers:
            rise[at] = np.maximum(rise[at], factor_of(each))
        else:
            share = factor_of(each)
            if window.start < now:  # recent demand may be reduced already
                most = share * baseline.at(np.arange(first + at.start, first + at.stop)) / np.maximum(median[at], LEAST_MEDIAN)
                fall[at] = np.fmin(fall[at], np.clip(most, share, 1.0))
            else:
                fall[at] = np.minimum(fall[at], share)
    return np.where(rise > 1, rise, fall)


def within(start: int, end: int, first: int, count: int) -> slice:
    """Return the rows of minutes `start` to before `end`, of `count` rows from minute `first` on."""
    return slice(min(count, max(0, start - first)), min(count, max(0, end - first)))


def units_with_events(events: PoolEvents | None, units: Floats, first: int, peak: Floats, terms: CostTerms) -> Floats:
    """Return `units`, proposed from minute `first` on, with the demand of events.

    `peak`: known or forecast demand; its row i is that of minute `first - metric_delay - HOUR + i`.
    """
    if events is None:
        return units
    out = units.copy()
    for row, proposed in enumerate(units):
        newest = first + row - terms.metric_delay - 1
        demand = events.event_demand(first + row, terms.lead_time, peak[row : row + HOUR], newest)
        out[row] = np.ceil(applied(demand, float(proposed)) - 1e-6)
    return out
