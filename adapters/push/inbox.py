"""Inbox of one pool: demand of each minute from the reports of its senders, by their time of arrival. Pure.

The requests in flight are the sum over senders, and constant between two reports. The time-weighted average of a minute, the
maximum of the sum and the number of requests started follow exactly. A minute is known while every sender reports, or has sent a
final report.
"""

import heapq
import math
from collections import OrderedDict, deque
from dataclasses import dataclass

from adapters.ports.reports import Receipt, Report, TooMany
from adapters.push.endings import ended
from adapters.push.sender import Sender
from forecasting.demand import DemandSeries

MOST_SENDERS = 1000
"""Senders of one pool that report or are silent; as many that have stopped are kept to recognise their repeats."""

KEPT = 60
"""Minutes kept: a late silence changes the last few, and the store has the others."""

FORGET_EVERY = 5.0
"""Seconds between two looks for silent senders that have ended."""

LONGEST_SILENCE, INTERVALS = 300.0, 2.5
"""A sender is silent after `INTERVALS` of its intervals, but after `LONGEST_SILENCE` seconds at most; after the pool's setting at
least.
"""


@dataclass(slots=True)
class Row:
    """One minute. `area`: in-flight seconds. `heard`: all senders could have reported. `doubted`: not all of them did."""

    minute: int
    peak: int = 0
    area: float = 0.0
    started: int = 0
    heard: bool = False
    doubted: bool = False


class PoolInbox:
    """Senders of a pool and its newest minutes. `silence`: seconds without a report after which a sender is silent. `at`: the
    start, in seconds since the epoch.
    """

    def __init__(self, silence: float, at: float) -> None:
        self._silence, self.since, self._at = silence, at, at
        self.reporting = dict[str, Sender]()
        self.silent = dict[str, Sender]()
        self._ended: OrderedDict[str, Sender] = OrderedDict()
        self._incomplete = set[str]()
        self._due: list[tuple[float, str]] = []
        """Heap of the times at which senders may have become silent. Entries that `_due_of` does not have are outdated."""
        self._due_of = dict[str, float]()
        self._forget_at = at
        self._total = 0
        self._complete_from: float | None = None
        self._open, self._rows = Row(int(at // 60)), deque[Row](maxlen=KEPT)

    @property
    def size(self) -> int:
        """Number of senders in memory."""
        return len(self.reporting) + len(self.silent) + len(self._ended)

    def knows(self, sender: str) -> bool:
        """Return whether a sender is in memory."""
        return sender in self.reporting or sender in self.silent or sender in self._ended

    @property
    def peak(self) -> int:
        """Maximum in flight in the current minute so far."""
        return self._open.peak

    def accept(self, report: Report, at: float) -> Receipt:
        """Record a report that arrives at `at` (seconds since the epoch). Raise `TooMany` for one sender too many."""
        self.advance(at)
        name, peak = report.sender, self._open.peak
        sender = self.reporting.get(name) or self.silent.get(name) or self._ended.get(name)
        known = sender is not None
        if sender is None:
            if len(self.reporting) + len(self.silent) >= MOST_SENDERS:
                self.refuse(at)
                raise TooMany(f"the pool has {MOST_SENDERS} senders, the maximum: let one sender report for several processes")
            sender = Sender(at, self._silence, since=at)
        level, before = sender.in_flight, sender.in_flight if name in self.reporting else 0
        applied = sender.apply(report, at)
        if applied:
            sender.silence = self._silence if report.every is None else min(
                max(self._silence, INTERVALS * report.every), max(self._silence, LONGEST_SILENCE))
            if not known:
                sender.new = at > self.since + sender.silence
            if not known or self._complete_from is None:
                self._complete_from = max(self._complete_from or at, self.since + sender.silence)
            rise = max(0, sender.in_flight - level) if known else 0  # of a new sender it is unknown when they started
            self._open.started += rise if report.started is None else report.started
            self._file(name, sender, at)
            after = sender.in_flight if name in self.reporting else 0
            self._total += after - before
            within = max(report.peak, 1 if report.started else 0)  # a short request may run entirely between two reports
            self._open.peak = max(peak, self._total, self._total - after + within)
        return Receipt(applied, sender.in_flight if sender.complete else None, self._open.peak, self._open.peak > peak)

    def advance(self, at: float) -> None:
        """Move to `at`: close the minutes before it, and find senders that have become silent."""
        if at < self._at:  # the clock was set back: what is in flight stays, and the minute is heard only in part
            self._at, self.since, self._open = at, at, Row(int(at // 60), peak=self._total)
            self._rows = deque((row for row in self._rows if row.minute < self._open.minute), KEPT)
            if self._complete_from is not None:
                self._complete_from = at + max((each.silence for each in self.reporting.values()), default=self._silence)
            for sender in (*self.reporting.values(), *self.silent.values(), *self._ended.values()):
                sender.reported_at, sender.since = min(sender.reported_at, at), min(sender.since, at)
            self._due, self._due_of, self._forget_at = [], {}, at
            for name, sender in self.reporting.items():
                self._watch(name, sender)
            return
        self._expire(at)
        while at >= (end := (self._open.minute + 1) * 60):
            self._open.area += self._total * (end - self._at)
            self._open.heard = self._complete_from is not None and self._complete_from <= end - 60
            self._open.doubted |= bool(self._incomplete)
            self._rows.append(self._open)
            self._at, self._open = end, Row(self._open.minute + 1, peak=self._total, doubted=bool(self.silent))
        self._open.area += self._total * (at - self._at)
        self._at = at

    def series(self, first: int, end: int) -> DemandSeries:
        """Return the closed minutes from `first` up to `end`. A doubted one has only its requests, which replace a known row."""
        rows = [row for row in self._rows if first <= row.minute < end and row.heard]
        start = rows[0].minute if rows else end
        out = DemandSeries.empty(start, max(0, end - start))
        for row in rows:
            at = row.minute - start
            out.invocations[at] = row.started
            if not row.doubted:
                out.peak[at], out.busy[at] = row.peak, min(row.area / 60, row.peak)
        return out

    def _file(self, name: str, sender: Sender, at: float) -> None:
        """Put a sender that has just reported where it belongs."""
        (self._incomplete.discard if sender.complete else self._incomplete.add)(name)
        if name not in self.reporting or sender.final:
            if self._ended.pop(name, None) is not None:
                sender.reported_at = at
            if sender.final:
                self.reporting.pop(name, None)
                self.silent.pop(name, None)
                self._ended[name] = sender
                if len(self._ended) > MOST_SENDERS:
                    self._ended.popitem(last=False)
            elif sender.reported_at == at:
                self.silent.pop(name, None)
                self.reporting[name] = sender
        if name in self.reporting:
            self._watch(name, sender)

    def _watch(self, name: str, sender: Sender) -> None:
        """Note when a sender may have become silent, unless that is noted for the same time or an earlier one."""
        due = sender.reported_at + sender.silence
        if due < self._due_of.get(name, math.inf):
            self._due_of[name] = due
            heapq.heappush(self._due, (due, name))

    def _expire(self, at: float) -> None:
        """Find the senders that have become silent, and forget those that count as ended, while others report."""
        while self._due and self._due[0][0] < at:
            due, name = heapq.heappop(self._due)
            if self._due_of.get(name) != due:
                continue
            del self._due_of[name]
            sender = self.reporting.get(name)
            if sender is not None and at - sender.reported_at <= sender.silence:
                self._watch(name, sender)
            elif sender is not None:
                self.silent[name] = self.reporting.pop(name)
                self._total -= sender.in_flight
                self._doubt(sender.reported_at)
        if self.silent and self.reporting and at >= self._forget_at:
            self._forget_at = at + FORGET_EVERY
            for name in ended(self.silent, self._ended.values(), self.reporting.values(), at):
                del self.silent[name]
                self._incomplete.discard(name)

    def refuse(self, at: float) -> None:
        """Record that a report which arrives at `at` is lost: the minute is unknown."""
        self.advance(at)
        self._open.doubted = True

    def _doubt(self, since: float) -> None:
        """Set the minutes from that of `since` on to unknown."""
        self._open.doubted = True
        for row in reversed(self._rows):
            if row.minute < int(since // 60):
                break
            row.doubted = True
