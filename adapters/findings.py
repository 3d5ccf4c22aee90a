"""What an examination of a setup finds, and the calls by which a provider's part of it is made. None of them changes anything."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple


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
    skew = _skew(date, now)
    if skew is None:
        return Finding("clock", subject, Verdict.UNCHECKED, "its answers bear no date")
    wrong = skew_words(date, now)
    if wrong:
        verdict = Verdict.FAIL if abs(skew) >= SKEW_FAIL else Verdict.WARN
        return Finding("clock", subject, verdict, wrong, "have it set by NTP (chrony, timesyncd)")
    return Finding("clock", subject, Verdict.OK, f"this machine's clock agrees, to {max(1.0, abs(skew)):.0f} s")


class Dated(NamedTuple):
    """The `Date` of an answer, and the instant of its arrival by this machine's clock."""

    date: str
    at: datetime


def skew_words(date: str | None, now: datetime, least: float = SKEW_WARN) -> str:
    """Return what is wrong with this machine's clock, by the `Date` of an answer that arrived at `now`; empty where it differs by
    less than `least` seconds, or nothing is known.
    """
    skew = _skew(date, now)
    if skew is None or abs(skew) < least:
        return ""
    return f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the provider's"


def _skew(date: str | None, now: datetime) -> float | None:
    """Seconds."""
    try:
        told = None if date is None else parsedate_to_datetime(date)
    except ValueError:
        return None
    return None if told is None else (now - told.replace(tzinfo=told.tzinfo or UTC)).total_seconds()
