"""What an examination of a setup finds, and the calls by which a provider's part of it is made. None of them changes anything."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum


class Verdict(StrEnum):
    """`UNCHECKED`: it cannot be told without changing something, or the provider does not say."""

    OK = "ok"
    UNCHECKED = "unchecked"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check`: what was looked into, of `subject`. `remedy`: what the operator can do; empty when there is nothing to do."""

    check: str
    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """Something to look into. `title` for whoever waits. `run` may raise `AdapterError`, which then is what was found."""

    title: str
    run: Callable[[], Awaitable[Sequence[Finding]]]


Probe = Callable[[], Awaitable[object]]
"""Does, without changing anything, what a permission is for; raises `AdapterError` when it cannot."""

SKEW_WARN, SKEW_FAIL = 30.0, 240.0
"""Seconds. Minutes begin to be mistaken for each other; clouds refuse signatures beyond five minutes."""


def clock_finding(subject: str, date: str | None, now: datetime) -> Finding:
    """How far `now` is from the `Date` that a provider's answer bore, which has whole seconds."""
    try:
        told = None if date is None else parsedate_to_datetime(date)
    except ValueError:
        told = None
    if told is None:
        return Finding("clock", subject, Verdict.UNCHECKED, "its answers bear no date")
    skew = (now - told.replace(tzinfo=told.tzinfo or UTC)).total_seconds()
    words = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the provider's"
    if abs(skew) >= SKEW_WARN:
        verdict = Verdict.FAIL if abs(skew) >= SKEW_FAIL else Verdict.WARN
        return Finding("clock", subject, verdict, f"this machine's clock is {words}", "have it set by NTP (chrony, timesyncd)")
    return Finding("clock", subject, Verdict.OK, f"this machine's clock agrees, to {max(1.0, abs(skew)):.0f} s")
