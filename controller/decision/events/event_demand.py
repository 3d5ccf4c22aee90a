"""What announced events ask for now: units ahead of the demand that a decision made at a minute meets. Pure."""

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
"""Minutes of recent demand that hold up what is kept while an event runs, and below which no quiet day lowers."""

LONGEST_RAMP = MINUTES_PER_DAY


class Foretold(NamedTuple):
    """A spell, what is usual while it lasts, and what past ones have taught, if any."""

    spell: EventWindow
    usual: BaselineDemand
    lesson: LearnedEffect | None


class Sought(NamedTuple):
    """What is asked at `minute`: a decision made then meets the demand before `reach`; `step_up` units may be added a minute
    (0: any number), up to `ceiling`. `recent`: float32[up to 60], peak demand until `newest`, the newest minute known.
    """

    minute: int
    reach: int
    step_up: int
    ceiling: int
    recent: Floats
    newest: int


def announce(foretold: Sequence[Foretold], sought: Sought) -> EventDemand | None:
    """What the events make of the demand that a decision meets; None where they say nothing of it."""
    rises = [each for each in foretold if not each.spell.lowers]
    raising = [told for each in rises if (told := raised(each, sought) or lasting(each.spell, sought)) is not None]
    if raising:
        return max(raising, key=lambda told: -1.0 if told.units is None else told.units)
    lowering = [each for each in foretold
                if each.spell.lowers and each.spell.start <= sought.minute and each.spell.end >= sought.reach]
    return lowered(min(lowering, key=factor_of), sought) if lowering else None


def applied(told: EventDemand | None, proposed: float) -> float:
    """Units that are wanted where so many are proposed."""
    if told is None:
        return proposed
    if told.share is not None and told.justified is not None:
        return min(proposed, max(told.share * proposed, told.justified))
    return max(proposed, told.units or 0.0)


def factor_of(foretold: Foretold) -> float:
    """The factor of a spell, with what past ones taught."""
    factor = foretold.spell.factor or 1.0
    return factor if foretold.lesson is None else foretold.lesson.adjust(factor)


def raised(foretold: Foretold, sought: Sought) -> EventDemand | None:
    """What one event asks for; None while it is too far ahead, and once it is over.

    Its demand is to be met from its lead on; where the policy limits how fast capacity may grow, a raise begins as much earlier.
    """
    spell, usual, lesson = foretold
    ramp = min(LONGEST_RAMP, -(-sought.ceiling // sought.step_up)) if sought.step_up else 0
    if spell.end <= sought.minute or spell.ready >= sought.reach + ramp:
        return None
    due = sought.reach + spell.start - spell.ready  # what comes before this minute is to be ready in full
    minutes = np.arange(max(sought.minute, spell.start), min(spell.end, due + ramp))
    if spell.size is not None:
        size = float(spell.size) if lesson is None else lesson.adjust(spell.size)
        expected, what = np.full(len(minutes), size), f"{size:.4g}"
    else:
        factor = factor_of(foretold)
        expected, what = factor * usual.at(minutes), f"{factor:.4g} times the usual"
    if np.isnan(expected).all():
        text = f"{headed(spell)}: {what} is expected, but what is usual then is not known yet"
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
    if running(spell, sought) and came > units:  # more has come than was expected
        return EventDemand(f"{text}; the maximum of the last 60 min was {came:g}", came)
    return EventDemand(text, units)


def lasting(spell: EventWindow, sought: Sought) -> EventDemand | None:
    """An event that is over holds what it brought until it is known what comes after it: it may run late."""
    if not running(spell, sought):
        return None
    came, end = recent_most(sought), f"{instant_of(spell.end):%H:%M}"
    return EventDemand(f"{spell.name} was to end at {end} UTC: the last hour's most, {came:g}, is kept until that is seen", came)


def running(spell: EventWindow, sought: Sought) -> bool:
    """Whether the newest demand known is that of the event, so that recent demand has it in it."""
    return spell.start <= sought.newest < spell.end + AFTERMATH


def recent_most(sought: Sought) -> float:
    """The most that is known of the last hour."""
    known = sought.recent[~np.isnan(sought.recent)]
    return float(known.max()) if len(known) else 0.0


def lowered(foretold: Foretold, sought: Sought) -> EventDemand:
    """What a quiet time leaves of what is proposed: never less than the last hour's demand, with the margin of a count."""
    spell, factor = foretold.spell, factor_of(foretold)
    text = f"{spell.name} (until {instant_of(spell.end):%a %H:%M} UTC): {factor:.4g} of the usual is expected"
    if len(sought.recent) < HOUR or np.isnan(sought.recent).any():
        return EventDemand(f"{text}, but not all of the last hour is known: not lowered")
    most = recent_most(sought)
    return EventDemand(f"{text}, the maximum of the last 60 min was {most:g}", None, factor, most + float(np.sqrt(most)))


def expected_text(foretold: Foretold) -> str:
    """What is expected of a spell, in words."""
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
    """A spell by its name and time."""
    return f"{spell.name} ({instant_of(spell.start):%a %H:%M} to {instant_of(spell.end):%a %H:%M} UTC)"
