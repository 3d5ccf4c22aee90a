"""Reports from OpenTelemetry exports: points of a metric are the present of their sender, and spans are work that has ended.

An exporter has no sequence numbers and no final report. Its reports are numbered here; a gap in the numbers makes a sender
unknown, of which a delta is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapters.ports.reports import Point, Receipt, Report, Span, TooMany
from adapters.push.endings import FORGOTTEN_SECONDS
from adapters.push.spans import SpanRows
from adapters.push.streams import Streams

LATE_SECONDS = 60.0
"""Time from the end of the newest span to its arrival, above which spans are delayed or the sender's clock is wrong."""

MOST_STREAMS_IN_ALL = 200_000
"""Streams of all senders of one source in memory."""


@dataclass(slots=True)
class Exporter:
    """One sender of a pool. `spans`: whether it has sent any: then another export of spans is a sign that it runs."""

    streams: Streams
    sequence: int = 0
    spans: bool = False
    due: bool = False
    """Whether its last points could not be reported, so that a repeat of them is no repeat."""


@dataclass(slots=True)
class ExportedPool:
    """What exporters have sent for a pool. `since`: time since which the daemon listens."""

    since: float
    exporters: dict[str, Exporter] = field(default_factory=dict)
    spans: SpanRows = field(default_factory=SpanRows)

    def of(self, sender: str) -> Exporter:
        """Return the state of a sender, a new one for an unknown sender."""
        return self.exporters.get(sender) or Exporter(Streams(self.since))


class Exports:
    """Exports of the pools of one source. `accept`: records a report of a pool; raises `TooMany`."""

    def __init__(self, accept: Callable[[str, Report], Receipt]) -> None:
        self._accept, self._streams = accept, 0
        self._pools: dict[str, ExportedPool] = {}

    def spans_of(self, pool: str) -> SpanRows | None:
        """Return the ended work of a pool; None where it has none."""
        known = self._pools.get(pool)
        return known.spans if known is not None and any(each.spans for each in known.exporters.values()) else None

    def measure(self, pool: str, since: float, sender: str, points: Sequence[Point], at: float) -> Receipt | None:
        """Record the points of one export that arrives at `at`. See `AcceptsReports`. Raise `TooMany` or `Impossible`."""
        known = self._pools.setdefault(pool, ExportedPool(since))
        exporter = known.of(sender)
        before = len(exporter.streams.streams)
        if self._streams - before + len(points) > MOST_STREAMS_IN_ALL:
            raise TooMany(f"all senders have {MOST_STREAMS_IN_ALL} streams, the maximum: use fewer attributes")
        if not exporter.streams.apply(points, at) and not exporter.due:
            return None
        exporter.due = True
        receipt = self._report(pool, sender, exporter)
        known.exporters[sender], exporter.due = exporter, False
        self._streams += len(exporter.streams.streams) - before
        return receipt

    def finish(self, pool: str, since: float, sender: str, spans: Sequence[Span], newest: float, at: float) -> int:
        """Record ended work. See `AcceptsReports`. Raise `TooMany`."""
        known = self._pools.setdefault(pool, ExportedPool(since))
        exporter = known.of(sender)
        if at - newest <= LATE_SECONDS:
            self._alive(pool, sender, exporter)
        known.exporters[sender], exporter.spans = exporter, True
        return sum(not known.spans.add(span, at) for span in spans)

    def heard(self, pool: str, sender: str, newest: float | None, at: float) -> None:
        """Record a sign of life of a sender. See `AcceptsReports`."""
        known = self._pools.get(pool)
        exporter = None if known is None else known.exporters.get(sender)
        if exporter is None:
            return
        if newest is None:
            exporter.streams.heard(at)
        runs = exporter.streams.streams if newest is None else exporter.spans and at - newest <= LATE_SECONDS
        if runs:
            self._alive(pool, sender, exporter)

    def prune(self, knows: Callable[[str, str], bool], at: float) -> None:
        """Forget the senders that a pool no longer `knows`. One whose deltas are uncertain must not return as a new one."""
        for name, pool in self._pools.items():
            gone = [sender for sender, each in pool.exporters.items()
                    if not knows(name, sender) and at - each.streams.at > FORGOTTEN_SECONDS]
            for sender in gone:
                self._streams -= len(pool.exporters.pop(sender).streams.streams)

    def _alive(self, pool: str, sender: str, exporter: Exporter) -> None:
        """Report a sender whose points need not be in each export: it sends deltas, or spans only."""
        streams = exporter.streams.streams
        if all(each.delta for each in streams.values()):
            self._report(pool, sender, exporter)

    def _report(self, pool: str, sender: str, exporter: Exporter) -> Receipt:
        streams = exporter.streams
        exporter.sequence += 1 if streams.sure else 2
        if streams.sure:
            report = Report(sender, exporter.sequence, in_flight=streams.in_flight, every=streams.every)
        else:
            report = Report(sender, exporter.sequence, started=0, peak=streams.in_flight, every=streams.every)
        return self._accept(pool, report)


