"""Announced events of one pool over time: windows near a minute, their baseline, and the demand they need. Pure.

Backtest and daemon share this code. The history that counts for an event ends at a midnight before it, so that both get the same
result, and later data changes nothing.
"""

from collections.abc import Mapping
from typing import NamedTuple

from config.model.event import Event
from config.model.policy import PoolPolicy
from controller.decision.events.baseline import (
    BASELINE_DAYS,
    UNKNOWN_YET,
    BaselineDemand,
    Rows,
    baseline_demand,
    without_event_uplift,
)
from controller.decision.events.event_demand import EventQuery, UpcomingEvent, event_demand
from controller.decision.events.learned_effect import LearnedEffect, learned_effects
from controller.decision.events.occurrences import AFTERMATH, EventWindow, event_windows
from controller.decision.planning.observation import EventDemand
from forecasting.demand import MINUTES_PER_DAY, DemandSeries, Floats

HOUR = 60
LOOKED_AHEAD = 2 * MINUTES_PER_DAY
"""Minutes ahead: more than any lead, lead time and ramp together."""

LOOKED_BACK = MINUTES_PER_DAY
"""Minutes that an event counts as near after its end, because its demand may be read late."""

BACK, AHEAD = (BASELINE_DAYS + 1) * MINUTES_PER_DAY, 8 * MINUTES_PER_DAY
"""Minutes before and after a day for which windows are calculated."""


class Learned(NamedTuple):
    """Baseline demand and the effect of each kind of event, from the days before a midnight."""

    baseline: BaselineDemand
    effects: Mapping[str, LearnedEffect]


NOTHING_YET = Learned(UNKNOWN_YET, {})


def learned(events: tuple[Event, ...], history: DemandSeries, midnight: int) -> Learned:
    """Return baseline and effects from the history before `midnight`; later rows are ignored."""
    baseline = baseline_demand(events, history, midnight)
    return Learned(baseline, learned_effects(events, history, baseline, midnight))


class PoolEvents:
    """Events of one pool. Call `learn` for each midnight that is `due` before other methods are called for a minute."""

    def __init__(self, policy: PoolPolicy) -> None:
        self.policy = policy
        self._day, self._hour = -1, -1
        self._windows: tuple[EventWindow, ...] = ()
        self._near: tuple[EventWindow, ...] = ()
        self._learned: dict[int, Learned] = {}

    def near(self, minute: int) -> tuple[EventWindow, ...]:
        """Return the windows that may affect a decision made at `minute`."""
        day, hour = minute // MINUTES_PER_DAY, minute // HOUR
        if day != self._day:
            self._windows = event_windows(self.policy.events, day * MINUTES_PER_DAY - BACK, day * MINUTES_PER_DAY + AHEAD)
        if hour != self._hour:
            first, last = minute - LOOKED_BACK, minute + HOUR + LOOKED_AHEAD
            self._near = tuple(window for window in self._windows if window.ready < last and window.end > first)
            needed = {window.learned_until for window in self._near} | {max(self._learned, default=0)}
            self._learned = {midnight: known for midnight, known in self._learned.items() if midnight in needed}
        self._day, self._hour = day, hour
        return self._near

    def due(self, minute: int, metric_delay: int) -> set[int]:
        """Return the midnights to learn from: those of near windows, and after the end of an event the last one."""
        near = self.near(minute)
        last = minute // MINUTES_PER_DAY * MINUTES_PER_DAY
        ended = any(window.end <= last for window in self._windows)
        needed = {window.learned_until for window in near} | ({last} if ended else set())
        return {midnight for midnight in needed - self._learned.keys() if midnight + metric_delay <= minute}

    def learn(self, midnight: int, known: Learned) -> None:
        """Store what was learned from the history before `midnight`."""
        self._learned[midnight] = known

    def baseline(self, window: EventWindow) -> BaselineDemand:
        """Return baseline demand for a window."""
        return self._learned.get(window.learned_until, NOTHING_YET).baseline

    def unknown(self, first: int, end: int) -> set[int]:
        """Return the midnights not yet learned that `without_uplift` needs for minutes `first` to before `end`."""
        return {window.learned_until for window in self._rises(first, end)} - self._learned.keys()

    def without_uplift(self, rows: Rows, first: int) -> Rows:
        """Return `rows` from minute `first` on without the uplift of events; see `baseline.without_event_uplift`."""
        return without_event_uplift(self._rises(first, first + len(rows[0])), self.baseline, rows, first)

    def _rises(self, first: int, end: int) -> list[EventWindow]:
        """Return the windows that raise demand in some of the minutes from `first` to before `end`."""
        windows = self._near
        if first < self._hour * HOUR - LOOKED_BACK or end > (self._hour + 1) * HOUR + LOOKED_AHEAD:
            whole = first // MINUTES_PER_DAY * MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY) * MINUTES_PER_DAY
            windows = event_windows(self.policy.events, *whole)
        return [window for window in windows if not window.lowers and window.start < end and window.end + AFTERMATH > first]

    def upcoming(self, minute: int) -> list[UpcomingEvent]:
        """Return the windows near a minute, each with its baseline and learned effect."""
        near = [(window, self._learned.get(window.learned_until, NOTHING_YET)) for window in self.near(minute)]
        return [UpcomingEvent(window, known.baseline, known.effects.get(window.kind)) for window, known in near]

    def event_demand(self, minute: int, lead_time: int, recent: Floats, newest: int) -> EventDemand | None:
        """Return the event demand that a decision made at `minute` must meet; None if no event affects it.

        Such a decision meets demand up to one tick after its lead time. `recent`: float32[up to 60], peak demand until `newest`,
        the newest known minute.
        """
        if not self.near(minute):
            return None
        step_up, reach = self.policy.max_step_up or 0, minute + lead_time + 2
        return event_demand(self.upcoming(minute), EventQuery(minute, reach, step_up, self.policy.max, recent, newest))

    @property
    def effects(self) -> Mapping[str, LearnedEffect]:
        """Newest learned effect of each kind of event."""
        return self._learned[max(self._learned)].effects if self._learned else {}
