"""Random start and end of each request, such that the figures of each minute are those of the record.

A record has three figures of a minute: requests that started, and average and maximum of requests in flight. The work of the
minute is divided among lanes, as many as the maximum in flight; a lane serves one request at a time. At one random instant, the
peak, all lanes are busy. Before and after it each lane is busy for a random part of the time, and the total is the recorded
work. Requests in flight at the end of a minute continue in the next one, which draws their end.

A minute with more than `MOST` requests is played by `MOST` longer requests with the same peak and the same work.
"""

import math
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic

MOST = 120
"""Maximum of played requests per minute, unless its peak needs more."""

EDGE_MS = 500
"""Minimum distance of a minute's peak from both ends, so that short requests fit before and after it."""

Whole = NDArray[np.int64]
Reals = NDArray[np.float64]


class Event(NamedTuple):
    """Start (`is_start`) or end of request number `request` at `at` (milliseconds since the epoch)."""

    at: int
    is_start: bool
    request: int


class Events:
    """Events of the minute being played. Each is returned once, in order."""

    def __init__(self, events: list[Event]) -> None:
        self._events, self._next = events, 0

    def until(self, at: int) -> Iterator[Event]:
        """Yield the events up to and including the instant `at`."""
        while self._next < len(self._events) and self._events[self._next].at <= at:
            self._next += 1
            yield self._events[self._next - 1]

    def ending(self, at: int) -> Iterator[Event]:
        """Yield the ends at `at` or earlier, up to the next start."""
        while self._next < len(self._events) and self._events[self._next].at <= at and not self._events[self._next].is_start:
            self._next += 1
            yield self._events[self._next - 1]


class Side(NamedTuple):
    """The lanes on one side of the peak. `span`: length of the side in milliseconds. By lane: `extra` requests in addition to the
    one at the peak, and `crossing`, whether a request continues over the edge of the minute.
    """

    span: float
    extra: Whole
    crossing: NDArray[np.bool_]

    @property
    def is_full(self) -> NDArray[np.bool_]:
        """Lanes that one request occupies for the whole side."""
        return self.crossing & np.equal(self.extra, 0)

    @property
    def gaps(self) -> Whole:
        """Number of idle spans of each lane, which has `extra` + 1 requests."""
        return self.extra + ~self.crossing


class RequestPlan:
    """Requests of one function's traffic. `of` must be called for every minute, in order."""

    def __init__(self, traffic: Traffic, rng: np.random.Generator) -> None:
        self._traffic, self._rng = traffic, rng
        self._running: list[int] = []
        self._number = 0

    def of(self, minute: int) -> tuple[Minute, list[Event]]:
        """Return the record of `minute` and its events in order of time; at one instant, ends come first. In a gap the running
        requests continue and none starts.
        """
        row = self._traffic.at(minute)
        if row.is_gap or not (self._running or row.most):
            return row, []
        start, self._running = minute * MINUTE_MS, self._rng.permutation(self._running).tolist()
        events = [Event(start, False, number) for number in self._running[row.most :]]
        del self._running[row.most :]
        if row.most:
            events += self._lanes(start, row, self._traffic.peek(minute + 1))
        events.sort()
        return row, events

    def _lanes(self, start: int, row: Minute, following: Minute) -> list[Event]:
        """Return the events of a minute with requests, and store those in flight at its end in `_running`."""
        rng, lanes, carried = self._rng, row.most, len(self._running)
        needed = lanes - carried
        extra = max(needed, min(round(row.invocations), max(MOST, needed))) - needed
        peak_at, before = int(rng.integers(EDGE_MS, MINUTE_MS - EDGE_MS)), np.arange(lanes) < carried
        least, continuing = self._continuing(row, following)
        after = rng.permutation(lanes) < continuing
        lane_of, early = rng.integers(lanes, size=extra), rng.random(extra) * MINUTE_MS < peak_at
        counts = [np.bincount(lane_of[on_side], minlength=lanes) for on_side in (early, ~early)]
        work = min(max(row.busy, 0.0), lanes) * MINUTE_MS
        full = int((before & (counts[0] == 0)).sum())
        if full * MINUTE_MS > work:  # lanes busy up to the peak use most of the work: few can be busy from it to the end
            after[np.flatnonzero(after & (counts[1] == 0))[int(work // MINUTE_MS) :][: continuing - least]] = False
        peak_at = _fitted(peak_at, work, full, int((after & (counts[1] == 0)).sum()))
        sides = Side(peak_at, counts[0], before), Side(MINUTE_MS - peak_at, counts[1], after)
        at_work = self._busy_times(work, sides)
        cuts = [self._cuts(side, part) for side, part in zip(sides, at_work, strict=True)]
        lanes_spans = [_spans(peak_at, *lane) for lane in zip(*cuts, strict=True)]
        return self._numbered(start, lanes_spans, after.tolist())

    def _numbered(self, start: int, lanes: list[list[tuple[int, int]]], continues: list[bool]) -> list[Event]:
        """Return the events of each lane's requests. The first request of the first lanes is the one in `_running`, if any."""
        events: list[Event] = []
        running: list[int] = []
        for lane, spans in enumerate(lanes):
            for order, (begin, end) in enumerate(spans):
                if order == 0 and lane < len(self._running):
                    number = self._running[lane]
                else:
                    self._number = number = self._number + 1
                    events.append(Event(start + begin, True, number))
                if order == len(spans) - 1 and continues[lane]:
                    running.append(number)
                else:
                    events.append(Event(start + end, False, number))
        self._running = running
        return events

    def _continuing(self, row: Minute, following: Minute) -> tuple[int, int]:
        """Return the minimum and the drawn number of requests in flight at the end of the minute. The minimum is what the next
        minute needs to reach its peak; the drawn number is about the average of both minutes.
        """
        following = row if following.is_gap else following
        most = min(row.most, following.most)
        least = min(most, max(0, following.most - round(following.invocations)))
        return least, min(most, max(least, math.floor((row.busy + following.busy) / 2 + self._rng.random())))

    def _busy_times(self, work: float, sides: tuple[Side, Side]) -> list[Reals]:
        """Return the busy time of each lane before and after the peak in milliseconds; the sum is `work` if that is possible."""
        free = np.concatenate([np.where(side.is_full, 0.0, side.span) for side in sides])
        full = np.concatenate([np.where(side.is_full, side.span, 0.0) for side in sides])
        total, wanted = float(free.sum()), work - float(full.sum())
        share = 0.0 if total <= 0 else min(1.0, max(0.0, wanted / total))
        if share <= 0 or share >= 1:
            part = free * share
        else:
            part = free * self._rng.random(len(free)) ** (1 / share - 1)  # of mean `share`
            drawn = float(part.sum())
            part = part * (wanted / drawn) if drawn > wanted else free - (free - part) * (total - wanted) / (total - drawn)
        return np.split(full + part, 2)

    def _cuts(self, side: Side, at_work: Reals) -> list[list[float]]:
        """Return for each lane the distances from the peak at which it alternately stops and starts to work, a stop first."""
        busy, gaps = (side.extra + 1).tolist(), side.gaps.tolist()
        drawn = self._rng.standard_exponential(sum(busy) + sum(gaps)).tolist()
        by_lane, used = [], 0
        for pieces, pauses, work in zip(busy, gaps, at_work.tolist(), strict=True):
            if pieces == 1:
                by_lane.append([side.span if not pauses else work])
                used += 1 + pauses
                continue
            worked, idled = drawn[used : used + pieces], drawn[used + pieces : used + pieces + pauses]
            used += pieces + pauses
            faster, slower = work / sum(worked), (side.span - work) / sum(idled)
            at, cuts = 0.0, []
            for piece, pause in zip_longest(worked, idled, fillvalue=0.0):
                cuts += [at + piece * faster, at + piece * faster + pause * slower]
                at = cuts[-1]
            by_lane.append(cuts[: 2 * pieces - 1])
        return by_lane


def _spans(peak_at: int, early: list[float], late: list[float]) -> list[tuple[int, int]]:
    """Return start and end of a lane's requests in whole milliseconds of the minute, in order; one of them covers the peak."""
    begin, end = peak_at - int(early[0]), max(peak_at + 1, int(peak_at + late[0]))
    spans, free = [(begin, end)], end
    for from_peak, to in zip(late[1::2], late[2::2], strict=True):
        first = max(free, int(peak_at + from_peak))
        free = max(first + 1, int(peak_at + to))
        spans.append((first, free))
    before, free = [], begin
    for to, from_peak in zip(early[1::2], early[2::2], strict=True):
        last = min(free, peak_at - int(to))
        free = min(last - 1, peak_at - int(from_peak))
        before.append((free, last))
    within, free = [], 0
    for first, last in before[::-1] + spans:
        begin = min(max(first, free), MINUTE_MS - 1)  # one request of a lane at a time, also of many at the edge of the minute
        free = min(max(last, begin + 1), MINUTE_MS)
        within.append((begin, free))
    return within


def _fitted(peak_at: int, work: float, before: int, after: int) -> int:
    """Return the instant of the peak, moved as far as `work` requires: `before` lanes are busy before it, `after` after it."""
    if peak_at * before + (MINUTE_MS - peak_at) * after <= work or before == after:
        return peak_at
    return min(MINUTE_MS - EDGE_MS, max(EDGE_MS, int((work - MINUTE_MS * after) / (before - after))))
