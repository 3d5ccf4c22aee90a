"""Candidates: rules that propose capacity, each from a signal, with or without a safety margin and a base. Pure.

A candidate proposes `max(base, signal + margin * sqrt(signal))`, in whole units. The margin is that of a count: random arrivals
deviate from their mean by about its square root. The base is the part of demand that is busy for so much of the time that warm
units are cheaper than the same work on demand.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from controller.decision.selection.signals import HALF_LIVES, Signal


@dataclass(frozen=True, slots=True)
class Candidate:
    """Rule that proposes capacity.

    `parts`: signals of which the maximum counts (with `least` the minimum); without parts, zero. `margin`: in square roots of it.
    `base`: signal below which no proposal falls.
    """

    parts: tuple[str, ...] = ()
    least: bool = False
    margin: float = 0.0
    base: str | None = None

    @property
    def name(self) -> str:
        """Description in words."""
        words = [WORDS[part] for part in self.parts]
        base = [] if self.base is None else [WORDS[self.base]]
        if not self.least and not self.margin:
            return combined("max", [*words, *base])
        value = combined("min" if self.least else "max", words)
        return combined("max", [f"{value} + margin {self.margin:g} × √value" if self.margin else value, *base])

    @property
    def key(self) -> str:
        """Short form for records, such as `max(week 0.9,recent 120)+0.5`, or with a base `recent 60|busy 5`."""
        top = self.parts[0] if len(self.parts) == 1 else f"{'min' if self.least else 'max'}({','.join(self.parts)})"
        return top + (f"+{self.margin:g}" if self.margin else "") + (f"|{self.base}" if self.base else "")

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the signals that it reads."""
        return self.parts if self.base is None else (*self.parts, self.base)


def combined(function: str, words: list[str]) -> str:
    """Return the maximum or minimum of several signals as text; without signals, that nothing is kept warm."""
    return f"{function}({', '.join(words)})" if len(words) > 1 else words[0] if words else "no warm capacity"


def _words() -> dict[str, str]:
    words = {f"recent {minutes}": f"maximum of the last {minutes} min" for minutes in (10, 15, 20, 30, 45, 60, 90, 120, 180)}
    words |= {"recent 360": "maximum of the last 6 h", "recent 1440": "maximum of the last 24 h"}
    kinds = {"maximum of week": "maximum at this time of day over 7 days",
             "second of week": "second highest at this time of day over 7 days",
             "median of week": "median at this time of day over 7 days", "yesterday": "yesterday at this time of day",
             "two days": "maximum at this time of day over 2 days", "week ago": "7 days ago at this time of day"}
    words |= {f"{kind} {width}": f"{text} (±{width} min)" for kind, text in kinds.items() for width in (5, 30, 120)}
    words |= {f"week {level}": f"P{level * 100:g} of the last 7 days" for level in (0.5, 0.75, 0.9, 0.97)}
    words |= {f"decaying {minutes}": f"decaying maximum, half-life {minutes} min" for minutes in HALF_LIVES}
    return words | {"day 0.9": "P90 of the last 24 h", "hourly": "same minute of the last 4 hours",
                    "busy 5": "demand sustained for 5 min", "busy 180": "demand sustained for 3 h",
                    "week 1": "maximum of the last 7 days"}


WORDS = _words()
TOPS: tuple[Candidate, ...] = (
    *(Candidate((f"recent {minutes}",)) for minutes in (10, 20, 30, 45, 60, 90, 120, 180, 360, 1440)),
    *(Candidate((f"decaying {minutes}",)) for minutes in HALF_LIVES),
    *(Candidate((name,)) for name in (
        "second of week 5", "second of week 30", "maximum of week 5", "week 0.75", "week 0.97", "hourly")),
    *(Candidate((seasonal, f"recent {minutes}")) for seasonal, minutes in (
        ("second of week 5", 15), ("second of week 5", 60), ("second of week 30", 60), ("second of week 30", 180),
        ("median of week 5", 15), ("median of week 5", 60), ("median of week 30", 60), ("maximum of week 5", 60),
        ("maximum of week 30", 180), ("yesterday 5", 60), ("week ago 5", 60))),
    *(Candidate((level, f"recent {minutes}")) for level, minutes in (("week 0.5", 30), ("week 0.9", 120), ("day 0.9", 60))),
    *(Candidate((wide, f"recent {minutes}"), least=True) for wide, minutes in (
        ("two days 120", 120), ("maximum of week 120", 30), ("day 0.9", 60))),
)
BASES = (None, "busy 5", "busy 180")
MARGINS = (0.5, 1.0, 2.0)

NOTHING = Candidate()
CANDIDATES: tuple[Candidate, ...] = (
    *(Candidate(base=base) for base in BASES),
    *(Candidate(top.parts, top.least, base=base) for base in BASES for top in TOPS),
    *(Candidate(top.parts, top.least, margin) for margin in MARGINS for top in TOPS),
)
"""A base changes low proposals only, so candidates with a margin have none."""

SIGNALS = tuple(dict.fromkeys(name for candidate in CANDIDATES for name in candidate.signals))
"""Names of all signals that candidates read."""

INDEX = {candidate: at for at, candidate in enumerate(CANDIDATES)}
BY_KEY = {candidate.key: candidate for candidate in CANDIDATES}

RECENT = CANDIDATES.index(Candidate(("recent 60",)))
"""Candidate followed while the history is too short to compare candidates."""

NAIVE: tuple[int, ...] = tuple(CANDIDATES.index(plain) for plain in (
    NOTHING, Candidate(("recent 60",)), Candidate(("recent 1440",)), Candidate(("week 0.97",)),
    Candidate(("yesterday 5", "recent 60"))))
"""Naive candidates: an ensemble that costs clearly more than the best of them is not followed."""


def proposals(signals: dict[str, Signal]) -> NDArray[np.float32]:
    """Return what each candidate proposes, float32[n, candidates, pools] in whole units, from signals of float32[pools, n]."""
    across = {name: np.ascontiguousarray(values.T) for name, values in signals.items()}
    minutes, pools = next(iter(across.values())).shape
    out = np.empty((minutes, len(CANDIDATES), pools), np.float32)
    tops: dict[tuple[tuple[str, ...], bool], NDArray[np.float32]] = {((), False): np.zeros((minutes, pools), np.float32)}
    roots: dict[tuple[tuple[str, ...], bool], NDArray[np.float32]] = {}
    for at, candidate in enumerate(CANDIDATES):
        key = candidate.parts, candidate.least
        if key not in tops:
            combine = np.minimum if candidate.least else np.maximum
            tops[key] = combine.reduce([across[part] for part in candidate.parts])
        units = tops[key]
        if candidate.margin:
            if key not in roots:
                roots[key] = np.sqrt(units)
            units = np.floor(units + np.float32(candidate.margin) * roots[key] + np.float32(0.5))
        out[:, at] = units if candidate.base is None else np.maximum(units, across[candidate.base])
    return out
