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


class Foretold(NamedTuple):
    """Window of an event, baseline demand during it, and the effect learned from past ones, if any."""

    spell: EventWindow
    usual: BaselineDemand
    lesson: LearnedEffect | None


class Sought(NamedTuple):
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


def announce(foretold: Sequence[Foretold], sought: Sought) -> EventDemand | None:
    """Return the event demand that a decision must meet; None without an event that affects it."""
    rises = [each for each in foretold if not each.spell.lowers]
    raising = [told for each in rises if (told := raised(each, sought) or lasting(each.spell, sought)) is not None]
    if raising:
        return max(raising, key=lambda told: -1.0 if told.units is None else told.units)
    lowering = [each for each in foretold
                if each.spell.lowers and each.spell.start <= sought.minute and each.spell.end >= sought.reach]
    return lowered(min(lowering, key=factor_of), sought) if lowering else None


def applied(told: EventDemand | None, proposed: float) -> float:
    """Return the units to request, from the units proposed."""
    if told is None:
        return proposed
    if told.share is not None and told.justified is not None:
        return min(proposed, max(told.share * proposed, told.justified))
    return max(proposed, told.units or 0.0)


def factor_of(foretold: Foretold) -> float:
    """Return the factor of a window, adjusted by the effect of past ones."""
    factor = foretold.spell.factor or 1.0
    return factor if foretold.lesson is None else foretold.lesson.adjust(factor)


def raised(foretold: Foretold, sought: Sought) -> EventDemand | None:
    """Return the demand of one event; None before it can be prepared for, and after its end.

    Capacity must be ready one lead before the event; where the policy limits how fast it may grow, the raise starts earlier.
    """
    spell, usual, lesson = foretold
    ramp = min(LONGEST_RAMP, -(-sought.ceiling // sought.step_up)) if sought.step_up else 0
    if spell.end <= sought.minute or spell.ready >= sought.reach + ramp:
        return None
    due = sought.reach + spell.start - spell.ready  # demand before this minute must be met in full
    minutes = np.arange(max(sought.minute, spell.start), min(spell.end, due + ramp))
    if spell.size is not None:
        size = float(spell.size) if lesson is None else lesson.adjust(spell.size)
        expected, what = np.full(len(minutes), size), f"{size:.4g}"
    else:
        factor = factor_of(foretold)
        expected, what = factor * usual.at(minutes), f"{factor:.4g} times the usual"
    if np.isnan(expected).all():
        text = f"{headed(spell)}: {what} is expected, but the usual demand at that time is not known yet"
        return EventDemand(text) if minutes[0] < due else None
    needed = np.minimum(expected, sought.ceiling) - sought.step_up * np.maximum(0, minutes - due + 1)
    most = int(np.nanargmax(needed))
    if minutes[0] >= due and not needed[most] > 0:
        return None
    if spell.size is None:
        what += f" {usual.at(minutes)[most]:g}"
    taught = "" if lesson is None else f" ({lesson.text(spell)})"
    units, text = max(0.0, float(needed[most])), f"{headed(spell)} is expected to bring {what}{taught}"
    came = recent_most(sought)
    if running(spell, sought) and came > units:  # demand is higher than expected
        return EventDemand(f"{text}; the maximum of the last 60 min was {came:g}", came)
    return EventDemand(text, units)


def lasting(spell: EventWindow, sought: Sought) -> EventDemand | None:
    """Return the last hour's maximum from the end of an event until demand after it is known: the event may run late."""
    if not running(spell, sought):
        return None
    came, end = recent_most(sought), f"{instant_of(spell.end):%H:%M}"
    text = f"{spell.name} ended at {end} UTC as announced: the maximum of the last 60 min, {came:g}, is kept until metrics show it"
    return EventDemand(text, came)


def running(spell: EventWindow, sought: Sought) -> bool:
    """Return whether the newest known minute belongs to the event, so that recent demand includes it."""
    return spell.start <= sought.newest < spell.end + AFTERMATH


def recent_most(sought: Sought) -> float:
    """Return the known maximum of the last hour."""
    known = sought.recent[~np.isnan(sought.recent)]
    return float(known.max()) if len(known) else 0.0


def lowered(foretold: Foretold, sought: Sought) -> EventDemand:
    """Return the share of the proposal that a quiet event leaves, at least the last hour's maximum plus its square root."""
    spell, factor = foretold.spell, factor_of(foretold)
    text = f"{spell.name} (until {instant_of(spell.end):%a %H:%M} UTC): {factor:.4g} of the usual is expected"
    if len(sought.recent) < HOUR or np.isnan(sought.recent).any():
        return EventDemand(f"{text}, but the last 60 min are not fully known: not lowered")
    most = recent_most(sought)
    return EventDemand(f"{text}, the maximum of the last 60 min was {most:g}", None, factor, most + float(np.sqrt(most)))


def expected_text(foretold: Foretold) -> str:
    """Return the expected demand of a window in words."""
    spell, usual, lesson = foretold
    taught = "" if lesson is None else f" ({lesson.text(spell)})"
    if spell.size is not None:
        return f"{float(spell.size) if lesson is None else lesson.adjust(spell.size):.4g} units{taught}"
    most = usual.at(np.arange(spell.start, min(spell.end, spell.start + MINUTES_PER_DAY)))
    known = most[~np.isnan(most)]
    what = f" {float(known.max()):g}" if len(known) else ", which is not known yet"
    return f"{factor_of(foretold):.4g} times the usual{what}{taught}"


@lru_cache(maxsize=4096)
def headed(spell: EventWindow) -> str:
    """Return name and time of a window."""
    return f"{spell.name} ({instant_of(spell.start):%a %H:%M} to {instant_of(spell.end):%a %H:%M} UTC)"
