"""What past occurrences of an event teach of the next: how much of what was announced has come. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from config.model.event import Event
from controller.decision.events.baseline import USUAL_DAYS, BaselineDemand
from controller.decision.events.occurrences import EventWindow, event_windows
from forecasting.demand import MINUTES_PER_DAY, DemandSeries

LEVEL = 0.95
"""What is announced should cover so much of the time that an event lasts."""

LEAST_KNOWN = 0.5
"""Share of an occurrence's minutes that must be known."""

FURTHEST = 4.0
"""What came counts for no more than so many times, and no less than that part, of what was announced."""

EFFECT_ANNOUNCED, EFFECT_SEEN = 1.5, 1.25
"""An event has had no effect where at least the first was announced and less than the second came, in multiples of the usual."""


@dataclass(frozen=True, slots=True)
class LearnedEffect:
    """What came at each known occurrence, oldest first, over what was announced and over what is usual then; and what was
    announced over what is usual.
    """

    over_announced: tuple[float, ...]
    over_usual: tuple[float, ...]
    announced: tuple[float, ...]

    def adjust(self, announced: float) -> float:
        """What to expect where so much is announced: the middle of what came, believed more with every occurrence; the
        announcement counts as one more. A rise is never made a fall, nor a fall a rise.
        """
        times = len(self.over_announced)
        came = float(np.clip(np.median(self.over_announced), 1 / FURTHEST, FURTHEST))
        expected = announced * float(came ** (times / (times + 1)))
        return min(1.0, expected) if announced < 1 else max(1.0, expected)

    def text(self, spell: EventWindow) -> str:
        """In words."""
        announced = spell.size if spell.size is not None else spell.factor or 1.0
        came = float(np.median(self.over_announced)) * announced
        return f"{announced:g} announced, {came:.3g} came {self.times}"

    @property
    def times(self) -> str:
        """How often it was seen, in words."""
        return "once" if len(self.over_announced) == 1 else f"the last {len(self.over_announced)} times"

    @property
    def without_effect(self) -> bool:
        """Whether what was announced as a rise brought nothing out of the usual."""
        return float(np.median(self.announced)) >= EFFECT_ANNOUNCED and float(np.median(self.over_usual)) < EFFECT_SEEN


def without_effect(lessons: Mapping[str, LearnedEffect]) -> dict[str, str]:
    """A sentence for each kind of event that was announced as a rise and brought none."""
    return {kind: f"event {kind!r} brought only {float(np.median(lesson.over_usual)):.2g} times the usual {lesson.times}: "
                  "correct or remove it"
            for kind, lesson in lessons.items() if lesson.without_effect}


def lessons_of(events: tuple[Event, ...], history: DemandSeries, usual: BaselineDemand, midnight: int) -> Mapping[str,
                                                                                                                  LearnedEffect]:
    """What the occurrences before `midnight`, within the days that tell what is usual, teach of each kind of event."""
    first = midnight - USUAL_DAYS * MINUTES_PER_DAY
    seen: dict[str, list[tuple[float, float, float]]] = {}
    for spell in event_windows(events, first, midnight):
        if first <= spell.start and spell.end <= midnight and (came := what_came(spell, history, usual)) is not None:
            seen.setdefault(spell.kind, []).append(came)
    return {kind: LearnedEffect(*(tuple(each) for each in zip(*came, strict=True))) for kind, came in seen.items()}


def what_came(spell: EventWindow, history: DemandSeries, usual: BaselineDemand) -> tuple[float, float, float] | None:
    """Demand that covers nearly all minutes of a spell, over what was announced and over the usual, and what was announced over
    the usual; None where too little is known, or nothing is usual.
    """
    span = history.window(spell.start, spell.end)
    most = usual.at(np.arange(spell.start, spell.end))
    judged = span.known & (most >= 1)
    if judged.sum() < LEAST_KNOWN * len(span):
        return None
    over_usual = float(np.quantile(span.peak[judged] / most[judged], LEVEL, method="higher"))
    if spell.size is not None:
        came = float(np.quantile(span.peak[judged], LEVEL, method="higher"))
        return came / spell.size, over_usual, spell.size / float(np.median(most[judged]))
    factor = spell.factor or 1.0
    return over_usual / factor, over_usual, factor
