"""The port through which applications report their demand themselves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

LONGEST_NAME = 120


def sender_name(text: str) -> str:
    """Return a name of a sender in the characters that `POST /v1/pools/NAME/in-flight` allows."""
    return re.sub(r"[^A-Za-z0-9._:/@-]", "_", text)[:LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class Report:
    """Report of one sender: either `in_flight`, its requests in flight now, or `ended`, those that ended since its last report.

    `sequence`: rises with each report of the sender. `started`: requests that started since the last report; None where the
    sender does not count them. `peak`: maximum in flight since the last report, if it is known. `final`: the sender stops, with
    nothing in flight. `every`: seconds between two reports of the sender; None where it reports at least every 10 s.
    """

    sender: str
    sequence: int
    in_flight: int | None = None
    started: int | None = None
    ended: int = 0
    peak: int = 0
    final: bool = False
    every: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """Point of an OpenTelemetry metric of requests in flight. Times are of the sender's clock, in nanoseconds since the epoch.

    `stream`: what the point has in common with earlier ones of its sender: scope and attributes. `value`: the requests in flight
    now, or with `delta` their change since `start`. `ended`: the stream has ended.
    """

    stream: str
    value: float
    start: int
    time: int
    delta: bool = False
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Ended work of a trace, in seconds since the epoch by the sender's clock."""

    trace: bytes
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """Answer to a report. `applied`: False for a repeat. `in_flight`: that of the sender; None while earlier reports are missing.

    `peak`: the maximum of the pool in the current minute so far; `rose`: this report raised it.
    """

    applied: bool
    in_flight: int | None
    peak: int
    rose: bool


class TooMany(Exception):
    """A report that is not recorded because of a limit. `seconds`: time until a retry; None where a retry does not help."""

    def __init__(self, text: str, seconds: float | None = None) -> None:
        super().__init__(text)
        self.seconds = seconds


class Impossible(Exception):
    """A report that cannot be true. It is not recorded, and the minute is unknown."""


class AcceptsReports(Protocol):
    """What a demand source does with the reports of applications. Times are those of arrival: no sender's clock counts."""

    def accept(self, pool: str, report: Report) -> Receipt:
        """Record a report. Raise `TooMany`."""

    def lost(self, pool: str) -> None:
        """Record that a report of a pool cannot be used: the minute is unknown."""

    def in_flight(self, pool: str) -> int:
        """Return the maximum in flight in the current minute so far: a lower bound, because senders may be silent."""

    def senders(self, pool: str) -> Mapping[str, int]:
        """Return the number of senders by state: `reporting`, or `silent`: without a report for too long and a final one."""

    def labels(self, pool: str) -> Mapping[str, str]:
        """Return the attributes that OpenTelemetry points and spans of a pool have."""

    def measure(self, pool: str, sender: str, points: Sequence[Point]) -> Receipt | None:
        """Record the points of one export; None where all are repeats or too late. Raise `TooMany` or `Impossible`."""

    def finish(self, pool: str, sender: str, spans: Sequence[Span], newest: float) -> int:
        """Record ended work in the minutes that it covered; return how many spans are too old or too many to count.

        `newest`: end of the newest span of the sender in the export, of any kind. If it is late, the sender does not count as
        running: other work may have ended since.
        """

    def heard(self, pool: str, sender: str, newest: float | None) -> None:
        """Record an export that has no spans or points of a pool: a sender of such spans or deltas has nothing new.

        `newest`: as in `finish`; None for an export of metrics.
        """


@runtime_checkable
class HasReports(Protocol):
    """Additional port of a demand source that applications report to."""

    @property
    def reports(self) -> AcceptsReports:
        """What accepts the reports."""


def is_reported(source: object) -> bool:
    """Return whether all demand of a source is reported, so that only a running daemon can know it."""
    accepts: object = source.reports if isinstance(source, HasReports) else None
    return accepts is source
