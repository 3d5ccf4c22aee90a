"""One pool's announced events as time passes: which are near, what is usual when they come, and what they ask for now. Pure.

The backtest and the daemon use it alike. What history tells of an event is fixed at a midnight before it, so that both say the
same, and nothing that comes later changes what was said.
"""

from collections.abc import Mapping
from typing import NamedTuple

from config.model.event import Event
from config.model.policy import PoolPolicy
from controller.decision.events.baseline import (
    UNKNOWN_YET,
    USUAL_DAYS,
    BaselineDemand,
    Rows,
    baseline_demand,
    without_event_uplift,
)
from controller.decision.events.event_demand import Foretold, Sought, announce
from controller.decision.events.learned_effect import LearnedEffect, lessons_of
from controller.decision.events.occurrences import AFTERMATH, EventWindow, event_windows
from controller.decision.planning.observation import EventDemand
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats

HOUR = 60
LOOKED_AHEAD = 2 * MINUTES_PER_DAY
"""Further ahead than any lead, lead time and ramp together."""

LOOKED_BACK = MINUTES_PER_DAY
"""An event that is over is kept in mind so long: its demand may be read late."""

BACK, AHEAD = (USUAL_DAYS + 1) * MINUTES_PER_DAY, 8 * MINUTES_PER_DAY
"""Spells are known from so long before a minute to so long after it."""


class Learned(NamedTuple):
    """What the days before a midnight tell: what is usual, and what each kind of event has brought."""

    usual: BaselineDemand
    lessons: Mapping[str, LearnedEffect]


NOTHING_YET = Learned(UNKNOWN_YET, {})


def learned(events: tuple[Event, ...], history: DemandSeries, midnight: int) -> Learned:
    """All that history tells before `midnight`; nothing that came later is looked at."""
    usual = baseline_demand(events, history, midnight)
    return Learned(usual, lessons_of(events, history, usual, midnight))


class PoolEvents:
    """The events of one pool. What is `due` is to be learned before anything is asked of a minute."""

    def __init__(self, policy: PoolPolicy) -> None:
        self.policy = policy
        self._day, self._hour = -1, -1
        self._spells: tuple[EventWindow, ...] = ()
        self._near: tuple[EventWindow, ...] = ()
        self._learned: dict[int, Learned] = {}

    def near(self, minute: int) -> tuple[EventWindow, ...]:
        """Spells that may matter to a decision made at `minute`."""
        day, hour = minute // MINUTES_PER_DAY, minute // HOUR
        if day != self._day:
            self._spells = event_windows(self.policy.events, day * MINUTES_PER_DAY - BACK, day * MINUTES_PER_DAY + AHEAD)
        if hour != self._hour:
            first, last = minute - LOOKED_BACK, minute + HOUR + LOOKED_AHEAD
            self._near = tuple(spell for spell in self._spells if spell.ready < last and spell.end > first)
            kept = {spell.learned_until for spell in self._near} | {max(self._learned, default=0)}
            self._learned = {midnight: what for midnight, what in self._learned.items() if midnight in kept}
        self._day, self._hour = day, hour
        return self._near

    def due(self, minute: int, metric_delay: int) -> set[int]:
        """Midnights before which history is to be learned from: those of what is near, and, once events are over, the last."""
        near = self.near(minute)
        last = minute // MINUTES_PER_DAY * MINUTES_PER_DAY
        wanted = {spell.learned_until for spell in near} | ({last} if any(each.end <= last for each in self._spells) else set())
        return {midnight for midnight in wanted - self._learned.keys() if midnight + metric_delay <= minute}

    def learn(self, midnight: int, what: Learned) -> None:
        """Take in what history tells before `midnight`."""
        self._learned[midnight] = what

    def usual(self, spell: EventWindow) -> BaselineDemand:
        """What is usual when a spell is."""
        return self._learned.get(spell.learned_until, NOTHING_YET).usual

    def unknown(self, first: int, end: int) -> set[int]:
        """Midnights that `set_aside` needs for the minutes from `first` on and before `end`, and that are not learned."""
        return {spell.learned_until for spell in self._rises(first, end)} - self._learned.keys()

    def set_aside(self, rows: Rows, first: int) -> Rows:
        """See `baseline.without_event_uplift`."""
        return without_event_uplift(self._rises(first, first + len(rows[0])), self.usual, rows, first)

    def _rises(self, first: int, end: int) -> list[EventWindow]:
        """Spells that raise some of the minutes from `first` on and before `end`."""
        spells = self._near
        if first < self._hour * HOUR - LOOKED_BACK or end > (self._hour + 1) * HOUR + LOOKED_AHEAD:
            whole = first // MINUTES_PER_DAY * MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY) * MINUTES_PER_DAY
            spells = event_windows(self.policy.events, *whole)
        return [spell for spell in spells if not spell.lowers and spell.start < end and spell.end + AFTERMATH > first]

    def foretold(self, minute: int) -> list[Foretold]:
        """What is near, with what is known of it."""
        told = [(spell, self._learned.get(spell.learned_until, NOTHING_YET)) for spell in self.near(minute)]
        return [Foretold(spell, what.usual, what.lessons.get(spell.kind)) for spell, what in told]

    def announced(self, minute: int, lead_time: int, recent: Floats, newest: int) -> EventDemand | None:
        """What the events make of the demand that a decision made at `minute` meets, one tick more than its lead time ahead.

        `recent`: float32[up to 60], the peak demand until minute `newest`, the newest that is known.
        """
        if not self.near(minute):
            return None
        step_up, reach = self.policy.max_step_up or 0, minute + lead_time + 2
        return announce(self.foretold(minute), Sought(minute, reach, step_up, self.policy.max, recent, newest))

    @property
    def lessons(self) -> Mapping[str, LearnedEffect]:
        """What past events have taught, as last learned."""
        return self._learned[max(self._learned)].lessons if self._learned else {}
