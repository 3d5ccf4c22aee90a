"""Gauges of StatsD senders as reports. Pure.

A gauge is what its sender has in flight, and a change adds to it. Datagrams have no numbers, so a lost change cannot be seen: the
level is sure from an absolute value on, until datagrams are known to be lost. What is unsure makes the pool's minutes unknown.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from adapters.ports.reports import Report
from adapters.statsd.lines import Sample

MOST_GAUGES = 20_000
"""Gauges in memory: the one that was set the longest ago is forgotten, and is unsure when it returns."""


@dataclass(slots=True)
class Gauge:
    """Gauge of one sender. `changed`: whether it ever got a change. `peak`, `started`: since its last report."""

    level: int = 0
    sure: bool = False
    changed: bool = False
    sequence: int = 0
    peak: int = 0
    started: int = 0


class Gauges:
    """Gauges of all senders. `start`: first sequence number; above those of an earlier listener."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._gauges: OrderedDict[tuple[str, str], Gauge] = OrderedDict()
        self._due: dict[tuple[str, str], Gauge] = {}

    def apply(self, sample: Sample, sender: str) -> bool:
        """Record a value of a sender; return whether its level is sure now."""
        key = sample.pool, sender
        gauge = self._gauges.get(key)
        if gauge is None:
            gauge = self._gauges[key] = Gauge(sequence=self._start)
            if len(self._gauges) > MOST_GAUGES:
                self._gauges.popitem(last=False)
        self._gauges.move_to_end(key)
        self._due[key] = gauge
        if not sample.delta:
            gauge.started += max(0, sample.value - gauge.level) if gauge.sure else 0
            gauge.level, gauge.sure = sample.value, True
        else:
            gauge.changed = True
            gauge.started += max(0, sample.value)
            gauge.sure &= gauge.level + sample.value >= 0
            gauge.level = max(0, gauge.level + sample.value)
        gauge.peak = max(gauge.peak, gauge.level)
        return gauge.sure

    def lose(self) -> list[str]:
        """Record that datagrams are lost; return the pools with senders of changes, whose levels are unsure now."""
        for gauge in self._gauges.values():
            gauge.sure &= not gauge.changed
        return sorted({pool for (pool, _), gauge in self._gauges.items() if gauge.changed})

    def reports(self) -> Iterator[tuple[str, Report]]:
        """Return the reports of the gauges that got a value since the last call, with their pools."""
        due, self._due = self._due, {}
        for (pool, sender), gauge in due.items():
            gauge.sequence += 1 if gauge.sure else 2  # a gap in the numbers makes the sender unknown
            if gauge.sure:
                yield pool, Report(sender, gauge.sequence, in_flight=gauge.level, started=gauge.started, peak=gauge.peak)
            else:
                yield pool, Report(sender, gauge.sequence, started=0, peak=gauge.peak)
            gauge.peak, gauge.started = gauge.level, 0
