"""Requests with a start and an end each, drawn so that a minute's figures come out as they were recorded.

A record says of a minute how many requests started, how many were in flight on average and at most; when each of them started and
ended it does not say. Here both are random. The work of a minute is laid into as many lanes as requests were in flight at most,
one request at a time in each. At one random instant all lanes are at work, which is the peak; before and after it each lane is at
work for a random part of the time, and all together for as long as was recorded. What is in flight when a minute ends goes on in
the next: its end is drawn there.

A minute of more than `MOST` requests is played by that many longer ones, which have the same peak and the same work.
"""

import math
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.sandbox.traffic.recorded import MINUTE_MS, Minute, Traffic

MOST = 120
"""Requests of a minute that are played; more are represented by them. Never fewer than it takes to reach the peak."""

EDGE_MS = 500
"""A minute's peak is at least so far from its ends: requests before and after it, however short, have room."""

Whole = NDArray[np.int64]
Reals = NDArray[np.float64]


class Event(NamedTuple):
    """Request number `request` begins or ends at `at` (milliseconds since the epoch)."""

    at: int
    begins: bool
    request: int


class Events:
    """The events of the minute being played, each of which is taken once, in order."""

    def __init__(self, events: list[Event]) -> None:
        self._events, self._next = events, 0

    def until(self, at: int) -> Iterator[Event]:
        """Those up to and including the instant `at`."""
        while self._next < len(self._events) and self._events[self._next].at <= at:
            self._next += 1
            yield self._events[self._next - 1]

    def ending(self, at: int) -> Iterator[Event]:
        """The requests that end before any other event, at `at` or earlier."""
        while self._next < len(self._events) and self._events[self._next].at <= at and not self._events[self._next].begins:
            self._next += 1
            yield self._events[self._next - 1]


class Side(NamedTuple):
    """What the lanes do on one side of the peak, in the order of the lanes: the time that each has, the requests there beside the
    one at the peak, and whether the lane is at work at the minute's edge, over which a request then goes on.
    """

    span: float
    extra: Whole
    crossing: NDArray[np.bool_]

    @property
    def is_full(self) -> NDArray[np.bool_]:
        """Lanes that one request takes from end to end."""
        return self.crossing & np.equal(self.extra, 0)

    @property
    def gaps(self) -> Whole:
        """Idle spans of each lane; the requests are one more than `extra`."""
        return self.extra + ~self.crossing


class RequestPlan:
    """The requests of one function's traffic. To be asked for every minute, in order."""

    def __init__(self, traffic: Traffic, rng: np.random.Generator) -> None:
        self._traffic, self._rng = traffic, rng
        self._running: list[int] = []
        self._number = 0

    def of(self, minute: int) -> tuple[Minute, list[Event]]:
        """The record of `minute`, and its requests in order of time: at one instant what ends comes first. In a gap what ran goes
        on, and nothing else is known.
        """
        row = self._traffic.at(minute)
        if row.is_gap or not (self._running or row.most):
            return row, []
        start, self._running = minute * MINUTE_MS, self._rng.permutation(self._running).tolist()
        events = [Event(start, False, number) for number in self._running[row.most :]]
        del self._running[row.most :]
        if row.most:
            events += self._lanes(start, row, self._traffic.ahead(minute + 1))
        events.sort()
        return row, events

    def _lanes(self, start: int, row: Minute, following: Minute) -> list[Event]:
        """The events of a minute with requests; what is in flight at its end becomes `_running`."""
        rng, lanes, carried = self._rng, row.most, len(self._running)
        needed = lanes - carried
        extra = max(needed, min(round(row.invocations), max(MOST, needed))) - needed
        peak_at, before = int(rng.integers(EDGE_MS, MINUTE_MS - EDGE_MS)), np.arange(lanes) < carried
        least, left = self._left_running(row, following)
        after = rng.permutation(lanes) < left
        where, early = rng.integers(lanes, size=extra), rng.random(extra) * MINUTE_MS < peak_at
        counts = [np.bincount(where[chosen], minlength=lanes) for chosen in (early, ~early)]
        work = min(max(row.busy, 0.0), lanes) * MINUTE_MS
        full = int((before & (counts[0] == 0)).sum())
        if full * MINUTE_MS > work:  # that much runs up to the peak: little can run on from it to the end
            after[np.flatnonzero(after & (counts[1] == 0))[int(work // MINUTE_MS) :][: left - least]] = False
        peak_at = _fitted(peak_at, work, full, int((after & (counts[1] == 0)).sum()))
        sides = Side(peak_at, counts[0], before), Side(MINUTE_MS - peak_at, counts[1], after)
        at_work = self._shared_out(work, sides)
        cuts = [self._cuts(side, part) for side, part in zip(sides, at_work, strict=True)]
        lanes_spans = [_spans(peak_at, *lane) for lane in zip(*cuts, strict=True)]
        return self._numbered(start, lanes_spans, after.tolist())

    def _numbered(self, start: int, lanes: list[list[tuple[int, int]]], goes_on: list[bool]) -> list[Event]:
        """The events of each lane's requests, the first of which runs already in as many lanes as there are in `_running`."""
        events: list[Event] = []
        running: list[int] = []
        for lane, spans in enumerate(lanes):
            for order, (begin, end) in enumerate(spans):
                if order == 0 and lane < len(self._running):
                    number = self._running[lane]
                else:
                    self._number = number = self._number + 1
                    events.append(Event(start + begin, True, number))
                if order == len(spans) - 1 and goes_on[lane]:
                    running.append(number)
                else:
                    events.append(Event(start + end, False, number))
        self._running = running
        return events

    def _left_running(self, row: Minute, following: Minute) -> tuple[int, int]:
        """How many are in flight when the minute ends: at least as many as the next minute needs to reach its own peak, and about
        as many as are on average around it.
        """
        following = row if following.is_gap else following
        most = min(row.most, following.most)
        least = min(most, max(0, following.most - round(following.invocations)))
        return least, min(most, max(least, math.floor((row.busy + following.busy) / 2 + self._rng.random())))

    def _shared_out(self, work: float, sides: tuple[Side, Side]) -> list[Reals]:
        """How long each lane is at work on either side of the peak; together `work`, as far as that can be."""
        room = np.concatenate([np.where(side.is_full, 0.0, side.span) for side in sides])
        full = np.concatenate([np.where(side.is_full, side.span, 0.0) for side in sides])
        total, wanted = float(room.sum()), work - float(full.sum())
        share = 0.0 if total <= 0 else min(1.0, max(0.0, wanted / total))
        if share <= 0 or share >= 1:
            part = room * share
        else:
            part = room * self._rng.random(len(room)) ** (1 / share - 1)  # of mean `share`
            drawn = float(part.sum())
            part = part * (wanted / drawn) if drawn > wanted else room - (room - part) * (total - wanted) / (total - drawn)
        return np.split(full + part, 2)

    def _cuts(self, side: Side, at_work: Reals) -> list[list[float]]:
        """For each lane the distances from the peak at which it stops and starts to work, in turns, beginning with a stop."""
        busy, gaps = (side.extra + 1).tolist(), side.gaps.tolist()
        drawn = self._rng.standard_exponential(sum(busy) + sum(gaps)).tolist()
        found, taken = [], 0
        for pieces, pauses, work in zip(busy, gaps, at_work.tolist(), strict=True):
            if pieces == 1:
                found.append([side.span if not pauses else work])
                taken += 1 + pauses
                continue
            worked, idled = drawn[taken : taken + pieces], drawn[taken + pieces : taken + pieces + pauses]
            taken += pieces + pauses
            faster, slower = work / sum(worked), (side.span - work) / sum(idled)
            at, cuts = 0.0, []
            for piece, pause in zip_longest(worked, idled, fillvalue=0.0):
                cuts += [at + piece * faster, at + piece * faster + pause * slower]
                at = cuts[-1]
            found.append(cuts[: 2 * pieces - 1])
        return found


def _spans(peak_at: int, early: list[float], late: list[float]) -> list[tuple[int, int]]:
    """The requests of one lane in whole milliseconds of the minute, one after the other; exactly one is in flight at the peak."""
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
    begins = [(min(max(first, 0), MINUTE_MS - 1), last) for first, last in before[::-1] + spans]
    return [(first, min(max(last, first + 1), MINUTE_MS)) for first, last in begins]


def _fitted(peak_at: int, work: float, before: int, after: int) -> int:
    """The instant of the peak, moved as far as `work` needs: `before` lanes are at work up to it, `after` from it on."""
    if peak_at * before + (MINUTE_MS - peak_at) * after <= work or before == after:
        return peak_at
    return min(MINUTE_MS - EDGE_MS, max(EDGE_MS, int((work - MINUTE_MS * after) / (before - after))))
