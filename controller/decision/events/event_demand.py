"""Event demand: units that announced events need ahead of the demand that a decision now can meet. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from controller.decision.events.baseline import BaselineDemand
from controller.decision.events.learned_effect import LearnedEffect
from controller.decision.events.occurrences import AFTERMATH, EventWindow
from controller.decision.planning.observation import EventDemand
from forecasting.demand import MINUTES_PER_DAY, Floats, instant_of

HOUR = 60
"""Minutes of recent demand below which the target does not fall during an event or through a reduction."""

LONGEST_RAMP = MINUTES_PER_DAY


class UpcomingEvent(NamedTuple):
    """Window of an event, baseline demand during it, and the effect learned from past ones, if any."""

    window: EventWindow
    baseline: BaselineDemand
    effect: LearnedEffect | None


class EventQuery(NamedTuple):
    """Question asked of the events at `minute`: a decision made then can meet the demand before minute `reach`.

    `step_up`: units that may be added a minute (0: no limit), up to `ceiling`. `recent`: float32[up to 60], peak demand until
    `newest`, the newest known minute.
    """

    minute: int
    reach: int
    step_up: int
    ceiling: int
    recent: Floats
    newest: int


def event_demand(events: Sequence[UpcomingEvent], query: EventQuery) -> EventDemand | None:
    """Return the event demand that a decision must meet; None without an event that affects it."""
    rises = [each for each in events if not each.window.lowers]
    raising = [demand for each in rises if (demand := uplift(each, query) or hold_after_event(each.window, query)) is not None]
    if raising:
        return max(raising, key=lambda demand: -1.0 if demand.units is None else demand.units)
    lowering = [each for each in events
                if each.window.lowers and each.window.start <= query.minute and each.window.end >= query.reach]
    return reduction(min(lowering, key=factor_of), query) if lowering else None


def applied(demand: EventDemand | None, proposed: float) -> float:
    """Return the units to request, from the units proposed."""
    if demand is None:
        return proposed
    if demand.share is not None and demand.justified is not None:
        return min(proposed, max(demand.share * proposed, demand.justified))
    return max(proposed, demand.units or 0.0)


def factor_of(event: UpcomingEvent) -> float:
    """Return the factor of a window, adjusted by the effect of past ones."""
    factor = event.window.factor or 1.0
    return factor if event.effect is None else event.effect.adjust(factor)


def uplift(event: UpcomingEvent, query: EventQuery) -> EventDemand | None:
    """Return the demand of one event; None before it can be prepared for, and after its end.

    Capacity must be ready one lead before the event; where the policy limits how fast it may grow, the raise starts earlier.
    """
    window, baseline, effect = event
    ramp = min(LONGEST_RAMP, -(-query.ceiling // query.step_up)) if query.step_up else 0
    if window.end <= query.minute or window.ready >= query.reach + ramp:
        return None
    due = query.reach + window.start - window.ready  # demand before this minute must be met in full
    minutes = np.arange(max(query.minute, window.start), min(window.end, due + ramp))
    if window.size is not None:
        size = float(window.size) if effect is None else effect.adjust(window.size)
        expected, what = np.full(len(minutes), size), f"{size:.4g}"
    else:
        factor = factor_of(event)
        expected, what = factor * baseline.at(minutes), f"{factor:.4g} times the usual"
    if np.isnan(expected).all():
        text = f"{heading(window)}: {what} is expected, but the usual demand at that time is not known yet"
        return EventDemand(text) if minutes[0] < due else None
    needed = np.minimum(expected, query.ceiling) - query.step_up * np.maximum(0, minutes - due + 1)
    most = int(np.nanargmax(needed))
    if minutes[0] >= due and not needed[most] > 0:
        return None
    if window.size is None:
        what += f" {baseline.at(minutes)[most]:g}"
    adjusted = "" if effect is None else f" ({effect.text(window)})"
    units, text = max(0.0, float(needed[most])), f"{heading(window)} is expected to bring {what}{adjusted}"
    recent = recent_maximum(query)
    if running(window, query) and recent > units:  # demand is higher than expected
        return EventDemand(f"{text}; the maximum of the last 60 min was {recent:g}", recent)
    return EventDemand(text, units)


def hold_after_event(window: EventWindow, query: EventQuery) -> EventDemand | None:
    """Return the last hour's maximum from the end of an event until demand after it is known: the event may run late."""
    if not running(window, query):
        return None
    recent, end = recent_maximum(query), f"{instant_of(window.end):%H:%M}"
    text = f"{window.name} ended at {end} UTC as announced: the last hour's maximum, {recent:g}, is kept until metrics show that"
    return EventDemand(text, recent)


def running(window: EventWindow, query: EventQuery) -> bool:
    """Return whether the newest known minute belongs to the event, so that recent demand includes it."""
    return window.start <= query.newest < window.end + AFTERMATH


def recent_maximum(query: EventQuery) -> float:
    """Return the known maximum of the last hour."""
    known = query.recent[~np.isnan(query.recent)]
    return float(known.max()) if len(known) else 0.0


def reduction(event: UpcomingEvent, query: EventQuery) -> EventDemand:
    """Return the share of the proposal that a quiet event leaves, at least the last hour's maximum plus its square root."""
    window, factor = event.window, factor_of(event)
    text = f"{window.name} (until {instant_of(window.end):%a %H:%M} UTC): {factor:.4g} of the usual is expected"
    if len(query.recent) < HOUR or np.isnan(query.recent).any():
        return EventDemand(f"{text}, but the last 60 min are not fully known: not lowered")
    most = recent_maximum(query)
    return EventDemand(f"{text}, the maximum of the last 60 min was {most:g}", None, factor, most + float(np.sqrt(most)))


def expected_text(event: UpcomingEvent) -> str:
    """Return the expected demand of a window in words."""
    window, baseline, effect = event
    adjusted = "" if effect is None else f" ({effect.text(window)})"
    if window.size is not None:
        return f"{float(window.size) if effect is None else effect.adjust(window.size):.4g} units{adjusted}"
    most = baseline.at(np.arange(window.start, min(window.end, window.start + MINUTES_PER_DAY)))
    known = most[~np.isnan(most)]
    what = f" {float(known.max()):g}" if len(known) else ", which is not known yet"
    return f"{factor_of(event):.4g} times the usual{what}{adjusted}"


@lru_cache(maxsize=4096)
def heading(window: EventWindow) -> str:
    """Return name and time of a window."""
    return f"{window.name} ({instant_of(window.start):%a %H:%M} to {instant_of(window.end):%a %H:%M} UTC)"
