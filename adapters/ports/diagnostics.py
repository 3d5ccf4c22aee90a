"""Findings of the setup diagnostics, and the provider checks that produce them. No check changes anything."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """Result of a check. `UNCHECKED`: it cannot be checked without a change, or the provider does not report it."""

    OK = "ok"
    UNCHECKED = "unchecked"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one `check` of `subject`. `remedy`: what the operator can do; empty when no action is needed."""

    check: str
    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `title`: shown while it runs. `run` may raise `AdapterError`, which is then the finding."""

    title: str
    run: Callable[[], Awaitable[Sequence[Finding]]]


Probe = Callable[[], Awaitable[object]]
"""Tests a permission without changing anything; raises `AdapterError` when the permission is missing."""

SKEW_WARN, SKEW_FAIL = 30.0, 240.0
"""Seconds. From the first, metrics may be assigned to the wrong minute; clouds refuse signatures beyond 5 min."""


def clock_finding(subject: str, date: str | None, now: datetime) -> Finding:
    """Return the finding on the difference of `now` and the `Date` of a provider's response, which has whole seconds."""
    skew = _skew(date, now)
    if skew is None:
        return Finding("clock", subject, Verdict.UNCHECKED, "its responses have no Date header")
    wrong = skew_words(date, now)
    if wrong:
        verdict = Verdict.FAIL if abs(skew) >= SKEW_FAIL else Verdict.WARN
        return Finding("clock", subject, verdict, wrong, "synchronise it with NTP (chrony, timesyncd)")
    return Finding("clock", subject, Verdict.OK, f"this machine's clock is within {max(1.0, abs(skew)):.0f} s of the provider's")


class Dated(NamedTuple):
    """`Date` of a response, and the instant of its arrival by this machine's clock."""

    date: str
    at: datetime


def skew_words(date: str | None, now: datetime, least: float = SKEW_WARN) -> str:
    """Return the error of this machine's clock, by the `Date` of a response that arrived at `now`. Empty when the difference
    is less than `least` seconds or unknown.
    """
    skew = _skew(date, now)
    if skew is None or abs(skew) < least:
        return ""
    return f"this machine's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the provider's"


def _skew(date: str | None, now: datetime) -> float | None:
    """Return the seconds that `now` is ahead of `date`; None when `date` is absent or invalid."""
    try:
        stamp = None if date is None else parsedate_to_datetime(date)
    except ValueError:
        return None
    return None if stamp is None else (now - stamp.replace(tzinfo=stamp.tzinfo or UTC)).total_seconds()
