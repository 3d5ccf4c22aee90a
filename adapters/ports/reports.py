"""The port through which applications report their demand themselves."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class Report:
    """Report of one sender: either `in_flight`, its requests in flight now, or `ended`, those that ended since its last report.

    `sequence`: rises with each report of the sender. `started`: requests that started since the last report; None where the
    sender does not count them. `peak`: maximum in flight since the last report, if it is known. `final`: the sender stops, with
    nothing in flight.
    """

    sender: str
    sequence: int
    in_flight: int | None = None
    started: int | None = None
    ended: int = 0
    peak: int = 0
    final: bool = False


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


@runtime_checkable
class AcceptsReports(Protocol):
    """Additional port of a demand source that applications report to. Times are those of arrival: no sender's clock counts."""

    def accept(self, pool: str, report: Report) -> Receipt:
        """Record a report. Raise `TooMany`."""

    def in_flight(self, pool: str) -> int:
        """Return the maximum in flight in the current minute so far: a lower bound, because senders may be silent."""
