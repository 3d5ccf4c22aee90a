"""Publication of metrics: when those of a minute can be read, and which part of their value."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MINUTE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Publishing:
    """Delays of metrics in seconds of the sandbox's time, counted from the end of the minute.

    `delay_seconds`: minimum and maximum. `partial_share` of the points are first published with a part of their value, and
    completed up to `late_seconds` later.
    """

    delay_seconds: tuple[float, float] = (60.0, 120.0)
    partial_share: float = 0.02
    late_seconds: float = 300.0

    @property
    def settled_after(self) -> float:
        """Seconds after the end of a minute from which its points no longer change."""
        return self.delay_seconds[1] + self.late_seconds


@dataclass(slots=True)
class Outage:
    """Minutes `first <= minute < end` (None: not ended) without published points: of `metric` (None: of all), and of the metrics
    of `function` (None: of all functions and the region).
    """

    first: int
    end: int | None = None
    metric: str | None = None
    function: str | None = None

    def applies_to(self, metric: str, function: str | None) -> bool:
        """Return whether the outage hides `metric` of `function`; None: of the whole region."""
        return self.metric in (None, metric) and self.function in (None, function)

    def covers(self, minutes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of `minutes` are within the outage."""
        return (minutes >= self.first) & (minutes < (np.iinfo(np.int64).max if self.end is None else self.end))


def visibility(
    publishing: Publishing, seed: int, minutes: NDArray[np.int64], now_seconds: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return whether each of `minutes` can be read at `now_seconds`, and which part of its value (1.0: all of it).

    The delays are a function of `seed` and the minute: every call gives the same.
    """
    age = now_seconds - (minutes + 1) * MINUTE_SECONDS
    low, high = publishing.delay_seconds
    delay, draw, lateness, part = _uniform(seed, minutes)
    published_after = low + (high - low) * delay
    readable = age >= published_after
    partial = (draw < publishing.partial_share) & (age < published_after + publishing.late_seconds * lateness)
    return readable, np.where(partial, 0.3 + 0.6 * part, 1.0)


def _uniform(seed: int, minutes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[4, n]: four numbers in [0, 1) for each minute, by hashing (the finaliser of SplitMix64)."""
    salts = np.array([(seed * 31 + purpose) % 2**64 for purpose in range(1, 5)], np.uint64)
    mixed = minutes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + salts[:, None]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / 2.0**64
