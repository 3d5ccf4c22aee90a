"""Requests in flight of one sender from the points of its OpenTelemetry metric. Pure.

An export has all streams of a sender, or a part of them where a collector splits it. Its points count at the time of arrival: the
sender's clock only orders them and shows which were delayed.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.ports.reports import Impossible, Point, TooMany

USUAL_SECONDS = 60.0
"""Interval of exporters by default: assumed until that of a sender is known."""

SHORTEST, LONGEST = 1.0, 120.0
"""Bounds of the interval of a sender in seconds."""

INTERVALS = 2.5
"""Intervals without an update after which a stream has ended, and an older time is one of a clock that was set back."""

LATE_SECONDS = 30.0
"""Points that arrive so much later than others of their sender are not what is in flight now."""

MOST_STREAMS = 500
MOST_IN_FLIGHT = 1_000_000
SECOND = 1e9


@dataclass(slots=True)
class Stream:
    """Newest state of one stream. `at`: time of its arrival. `delta`: it has points only when its value changes."""

    value: float
    time: int
    at: float
    delta: bool


@dataclass(slots=True)
class Streams:
    """Streams of one sender. `since`: time since which the daemon listens.

    `sure`: whether the sum of its deltas is the number in flight: no export is missing since the sender started.
    """

    since: float
    streams: dict[str, Stream] = field(default_factory=dict)
    newest: int = 0
    offset: float = math.inf
    """Smallest difference of the time of arrival and the sender's time, in seconds."""
    at: float = -math.inf
    gaps: deque[float] = field(default_factory=lambda: deque([USUAL_SECONDS], 5))
    sure: bool = True
    in_flight: int = 0

    @property
    def every(self) -> float:
        """Seconds between two exports: the longest of recent ones."""
        return min(max(*self.gaps, SHORTEST), LONGEST)

    def heard(self, at: float) -> None:
        """Record an export that arrives at `at`. Parts of one export arrive within a moment."""
        if SHORTEST / 2 < at - self.at < math.inf:
            self.gaps.append(at - self.at)
        self.at = at

    def apply(self, points: Sequence[Point], at: float) -> bool:
        """Record an export that arrives at `at`. Return False for a repeat or a delayed export, which changes nothing.

        Raise `TooMany` for too many streams, `Impossible` for a number that cannot be. Neither changes anything.
        """
        time, patience = max(point.time for point in points), INTERVALS * self.every
        offset = at - time / SECOND
        lost = at - self.at > patience
        if self.streams and not lost and (time < self.newest or offset > self.offset + LATE_SECONDS):
            return False
        back = bool(self.streams) and lost and time < self.newest  # the sender's clock was set back
        known = {} if back else dict(self.streams)
        new = [point for point in points if (old := known.get(point.stream)) is None or point.time > old.time]
        if not new:
            return False
        sure, newest = self.sure, 0 if back else self.newest
        for point in sorted(new, key=lambda each: each.time):
            before = known[point.stream].value if point.delta and point.stream in known else 0.0
            sure &= not point.delta or (not back and self._follows(point, newest, at))
            newest = max(newest, point.time)
            known[point.stream] = Stream(before + point.value, point.time, at, point.delta)
            if point.ended:
                del known[point.stream]
        known = {name: each for name, each in known.items() if each.delta or at - each.at <= patience}
        total = math.fsum(each.value for each in known.values())
        if len(known) > MOST_STREAMS:
            raise TooMany(f"a sender has {len(known)} streams of one metric, the maximum is {MOST_STREAMS}: use fewer attributes")
        sure &= total >= 0 or not any(each.delta for each in known.values())
        if sure and not 0 <= total <= MOST_IN_FLIGHT:
            raise Impossible(f"{total:g} requests in flight: a number from 0 to {MOST_IN_FLIGHT} is possible")
        self.streams, self.newest, self.sure = known, newest, sure
        self.offset = offset if lost else min(offset, self.offset)
        self.in_flight = math.ceil(max(0.0, min(total, MOST_IN_FLIGHT)) - 1e-9)
        self.heard(at)
        return True

    def _follows(self, point: Point, newest: int, at: float) -> bool:
        """Return whether no delta is missing before `point`: it starts where the one at `newest` ended, or with the sender."""
        if newest:
            return point.start <= newest + SECOND
        return at - (point.time - point.start) / SECOND > self.since + LATE_SECONDS
