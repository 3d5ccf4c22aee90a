"""Announced events of one pool over time: windows near a minute, their baseline, and the demand they need. Pure.

Backtest and daemon share this code. The history that counts for an event ends at a midnight before it, so that both get the same
result, and later data changes nothing.
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
"""Minutes ahead: more than any lead, lead time and ramp together."""

LOOKED_BACK = MINUTES_PER_DAY
"""Minutes that an event counts as near after its end, because its demand may be read late."""

BACK, AHEAD = (USUAL_DAYS + 1) * MINUTES_PER_DAY, 8 * MINUTES_PER_DAY
"""Minutes before and after a day for which windows are calculated."""


class Learned(NamedTuple):
    """Baseline demand and the effect of each kind of event, from the days before a midnight."""

    usual: BaselineDemand
    lessons: Mapping[str, LearnedEffect]


NOTHING_YET = Learned(UNKNOWN_YET, {})


def learned(events: tuple[Event, ...], history: DemandSeries, midnight: int) -> Learned:
    """Return baseline and effects from the history before `midnight`; later rows are ignored."""
    usual = baseline_demand(events, history, midnight)
    return Learned(usual, lessons_of(events, history, usual, midnight))


class PoolEvents:
    """Events of one pool. Call `learn` for each midnight that is `due` before other methods are called for a minute."""

    def __init__(self, policy: PoolPolicy) -> None:
        self.policy = policy
        self._day, self._hour = -1, -1
        self._spells: tuple[EventWindow, ...] = ()
        self._near: tuple[EventWindow, ...] = ()
        self._learned: dict[int, Learned] = {}

    def near(self, minute: int) -> tuple[EventWindow, ...]:
        """Return the windows that may affect a decision made at `minute`."""
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
        """Return the midnights to learn from: those of near windows, and after the end of an event the last one."""
        near = self.near(minute)
        last = minute // MINUTES_PER_DAY * MINUTES_PER_DAY
        wanted = {spell.learned_until for spell in near} | ({last} if any(each.end <= last for each in self._spells) else set())
        return {midnight for midnight in wanted - self._learned.keys() if midnight + metric_delay <= minute}

    def learn(self, midnight: int, what: Learned) -> None:
        """Store what was learned from the history before `midnight`."""
        self._learned[midnight] = what

    def usual(self, spell: EventWindow) -> BaselineDemand:
        """Return baseline demand for a window."""
        return self._learned.get(spell.learned_until, NOTHING_YET).usual

    def unknown(self, first: int, end: int) -> set[int]:
        """Return the midnights not yet learned that `set_aside` needs for minutes `first` to before `end`."""
        return {spell.learned_until for spell in self._rises(first, end)} - self._learned.keys()

    def set_aside(self, rows: Rows, first: int) -> Rows:
        """Return `rows` from minute `first` on without the uplift of events; see `baseline.without_event_uplift`."""
        return without_event_uplift(self._rises(first, first + len(rows[0])), self.usual, rows, first)

    def _rises(self, first: int, end: int) -> list[EventWindow]:
        """Return the windows that raise demand in some of the minutes from `first` to before `end`."""
        spells = self._near
        if first < self._hour * HOUR - LOOKED_BACK or end > (self._hour + 1) * HOUR + LOOKED_AHEAD:
            whole = first // MINUTES_PER_DAY * MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY) * MINUTES_PER_DAY
            spells = event_windows(self.policy.events, *whole)
        return [spell for spell in spells if not spell.lowers and spell.start < end and spell.end + AFTERMATH > first]

    def foretold(self, minute: int) -> list[Foretold]:
        """Return the windows near a minute, each with its baseline and learned effect."""
        told = [(spell, self._learned.get(spell.learned_until, NOTHING_YET)) for spell in self.near(minute)]
        return [Foretold(spell, what.usual, what.lessons.get(spell.kind)) for spell, what in told]

    def announced(self, minute: int, lead_time: int, recent: Floats, newest: int) -> EventDemand | None:
        """Return the event demand that a decision made at `minute` must meet; None if no event affects it.

        Such a decision meets demand up to one tick after its lead time. `recent`: float32[up to 60], peak demand until `newest`,
        the newest known minute.
        """
        if not self.near(minute):
            return None
        step_up, reach = self.policy.max_step_up or 0, minute + lead_time + 2
        return announce(self.foretold(minute), Sought(minute, reach, step_up, self.policy.max, recent, newest))

    @property
    def lessons(self) -> Mapping[str, LearnedEffect]:
        """Newest learned effect of each kind of event."""
        return self._learned[max(self._learned)].lessons if self._learned else {}
