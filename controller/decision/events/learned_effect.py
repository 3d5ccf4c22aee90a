"""Learned effect of an event: demand of its past occurrences, relative to the announcement. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from config.model.event import Event
from controller.decision.events.baseline import BASELINE_DAYS, BaselineDemand
from controller.decision.events.occurrences import EventWindow, event_windows
from forecasting.demand import MINUTES_PER_DAY, DemandSeries

LEVEL = 0.95
"""Share of the minutes of an event whose demand an announcement should cover."""

LEAST_KNOWN = 0.5
"""Share of an occurrence's minutes that must be known."""

FURTHEST = 4.0
"""Highest ratio of actual to announced demand that counts; the lowest is its inverse."""

EFFECT_ANNOUNCED, EFFECT_SEEN = 1.5, 1.25
"""Multiples of the baseline: an event has no effect if at least the first was announced and demand stayed below the second."""


@dataclass(frozen=True, slots=True)
class LearnedEffect:
    """Demand of each known occurrence, oldest first, as a multiple of the announcement and of the baseline.

    `announced`: the announcement as a multiple of the baseline.
    """

    over_announced: tuple[float, ...]
    over_usual: tuple[float, ...]
    announced: tuple[float, ...]

    def adjust(self, announced: float) -> float:
        """Return the demand to expect for an announcement.

        The median ratio of past occurrences counts more with each of them; the announcement counts as one more. A rise never
        becomes a fall, nor a fall a rise.
        """
        times = len(self.over_announced)
        ratio = float(np.clip(np.median(self.over_announced), 1 / FURTHEST, FURTHEST))
        expected = announced * float(ratio ** (times / (times + 1)))
        return min(1.0, expected) if announced < 1 else max(1.0, expected)

    def text(self, window: EventWindow) -> str:
        """Return the effect in words."""
        announced = window.size if window.size is not None else window.factor or 1.0
        actual = float(np.median(self.over_announced)) * announced
        return f"{announced:g} announced, {actual:.3g} came {self.times}"

    @property
    def times(self) -> str:
        """Number of occurrences in words."""
        return "once" if len(self.over_announced) == 1 else f"the last {len(self.over_announced)} times"

    @property
    def without_effect(self) -> bool:
        """Whether the event was announced as a rise and demand stayed at its baseline."""
        return float(np.median(self.announced)) >= EFFECT_ANNOUNCED and float(np.median(self.over_usual)) < EFFECT_SEEN


def without_effect(effects: Mapping[str, LearnedEffect]) -> dict[str, str]:
    """Return a warning for each kind of event that was announced as a rise and had no effect."""
    return {kind: f"event {kind!r} had only {float(np.median(effect.over_usual)):.2g} times the usual {effect.times}: "
                  "correct or remove it"
            for kind, effect in effects.items() if effect.without_effect}


def learned_effects(events: tuple[Event, ...], history: DemandSeries, baseline: BaselineDemand,
                    midnight: int) -> Mapping[str, LearnedEffect]:
    """Return the effect of each kind of event, from occurrences in the `BASELINE_DAYS` days before `midnight`."""
    first = midnight - BASELINE_DAYS * MINUTES_PER_DAY
    observed: dict[str, list[tuple[float, float, float]]] = {}
    for window in event_windows(events, first, midnight):
        if first <= window.start and window.end <= midnight and (effect := observed_effect(window, history, baseline)):
            observed.setdefault(window.kind, []).append(effect)
    return {kind: LearnedEffect(*(tuple(each) for each in zip(*effects, strict=True))) for kind, effects in observed.items()}


def observed_effect(window: EventWindow, history: DemandSeries, baseline: BaselineDemand) -> tuple[float, float, float] | None:
    """Return the P95 of demand in a window over its announcement and over its baseline, and the announcement over the baseline.

    None if less than half of its minutes are known and have a baseline of at least 1 unit.
    """
    span = history.window(window.start, window.end)
    usual = baseline.at(np.arange(window.start, window.end))
    counted = span.known & (usual >= 1)
    if counted.sum() < LEAST_KNOWN * len(span):
        return None
    over_usual = float(np.quantile(span.peak[counted] / usual[counted], LEVEL, method="higher"))
    if window.size is not None:
        actual = float(np.quantile(span.peak[counted], LEVEL, method="higher"))
        return actual / window.size, over_usual, window.size / float(np.median(usual[counted]))
    factor = window.factor or 1.0
    return over_usual / factor, over_usual, factor
