"""Announced events in forecasts: demand of the hours ahead, and the plan for them. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from config.model.policy import PoolPolicy
from controller.decision.costs.cost_model import CostTerms
from controller.decision.events.event_demand import HOUR, Foretold, applied, factor_of
from controller.decision.events.pool_events import PoolEvents, learned
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats
from forecasting.protocol import LEVELS, Band

MEDIAN = LEVELS.index(0.5)
HARDLY_ANY = 0.5
"""Units of forecast demand below which a size is not a multiple of it."""


def prospect_at(pool: PoolPolicy, history: DemandSeries) -> PoolEvents | None:
    """Return the events of a pool with the effects learned from its history; None without events."""
    if not pool.events:
        return None
    prospect, end = PoolEvents(pool), history.end_minute
    near = {spell.learned_until for spell in prospect.near(end)} | {-(-end // MINUTES_PER_DAY) * MINUTES_PER_DAY}
    for midnight in sorted(near | prospect.unknown(history.first_minute, end)):
        prospect.learn(midnight, learned(pool.events, history, midnight))
    return prospect


def without_events(prospect: PoolEvents | None, history: DemandSeries) -> DemandSeries:
    """Return demand without the uplift of events, as candidates and forecasters read it."""
    if prospect is None:
        return history
    return DemandSeries(history.first_minute,
                        *prospect.set_aside((history.peak, history.busy, history.invocations), history.first_minute))


def lifted(prospect: PoolEvents | None, band: Band, first: int, now: int) -> Band:
    """Return a band of float32[minutes, LEVELS] from minute `first` on with the events known at `now` added."""
    if prospect is None or not len(band.peak):
        return band
    times = multiples(prospect.foretold(now), band.peak[:, MEDIAN], first, now)
    sizes = np.zeros(len(times), np.float32)
    for spell, _, _ in prospect.foretold(now):
        if spell.size is not None:
            sizes[within(spell.start, spell.end, first, len(times))] = spell.size
    bare = (band.peak[:, MEDIAN] < HARDLY_ANY) & (sizes > 0)
    peak = np.where(bare[:, None], np.maximum(band.peak, sizes[:, None]), np.ceil(band.peak * times[:, None] - 1e-3))
    return Band(peak.astype(np.float32), (band.busy * times[:, None]).astype(np.float32))


def multiples(foretold: Sequence[Foretold], median: Floats, first: int, now: int) -> Floats:
    """Return the factor of the events for each minute; of several raises, the highest."""
    rise, fall = (np.ones(len(median), np.float32) for _ in range(2))
    for each in foretold:
        spell, usual, lesson = each
        at = within(spell.start, spell.end, first, len(median))
        if spell.size is not None:
            size = float(spell.size) if lesson is None else lesson.adjust(spell.size)
            rise[at] = np.fmax(rise[at], size / np.maximum(median[at], HARDLY_ANY))
        elif not spell.lowers:
            rise[at] = np.maximum(rise[at], factor_of(each))
        else:
            share = factor_of(each)
            if spell.start < now:  # recent demand may be reduced already
                most = share * usual.at(np.arange(first + at.start, first + at.stop)) / np.maximum(median[at], HARDLY_ANY)
                fall[at] = np.fmin(fall[at], np.clip(most, share, 1.0))
            else:
                fall[at] = np.minimum(fall[at], share)
    return np.where(rise > 1, rise, fall)


def within(start: int, end: int, first: int, count: int) -> slice:
    """Return the rows of minutes `start` to before `end`, of `count` rows from minute `first` on."""
    return slice(min(count, max(0, start - first)), min(count, max(0, end - first)))


def wanted_with(prospect: PoolEvents | None, wanted: Floats, first: int, peak: NDArray[np.float32], terms: CostTerms) -> Floats:
    """Return the units of `wanted`, from minute `first` on, with the demand of events.

    `peak`: known or forecast demand; its row i is that of minute `first - metric_delay - HOUR + i`.
    """
    if prospect is None:
        return wanted
    out = wanted.copy()
    for row, units in enumerate(wanted):
        newest = first + row - terms.metric_delay - 1
        told = prospect.announced(first + row, terms.lead_time, peak[row : row + HOUR], newest)
        out[row] = np.ceil(applied(told, float(units)) - 1e-6)
    return out
