"""Findings of the setup diagnostics, and the provider checks that produce them. No check changes anything."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import NamedTuple

from adapters.ports.errors import (
    AdapterError,
    Malformed,
    Misconfigured,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
)
from config.model.policy import PoolPolicy


class Verdict(StrEnum):
    """Result of a check. `SKIPPED`: it cannot succeed, because an earlier check failed. `UNCHECKED`: it cannot be checked without
    a change, or the provider does not report it.
    """

    OK = "ok"
    SKIPPED = "skipped"
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
    """One check. `title`: shown while it runs. `run` may raise `AdapterError`, which is then the finding.

    `about`: what it reads: names of pools for their lever, `metrics_of` for their demand. `gates`: if it fails, later checks that
    are about the same cannot succeed, and are skipped.
    """

    title: str
    run: Callable[[], Awaitable[Sequence[Finding]]]
    about: frozenset[str] = frozenset()
    gates: bool = False


REMEDIES: Mapping[type[AdapterError], str] = {
    Misconfigured: "correct the named setting, then run doctor again",
    Malformed: "correct the named value, then run doctor again", NotFound: "create it, or correct the policy",
    PermissionDenied: "run `stoker iam POLICY` for the permissions to grant",
    QuotaExceeded: "request a higher quota, or lower the pool's max", Throttled: "try again later",
    Unreachable: "check network, proxy, DNS and the provider's status page", Unsupported: "correct the policy",
}


def refusal(check: str, subject: str, error: AdapterError, verdict: Verdict | None = None) -> Finding:
    """Return an error as a finding. By default, throttling is a warning and every other error a failure."""
    default = Verdict.WARN if isinstance(error, Throttled) else Verdict.FAIL
    remedy = next((text for kind, text in REMEDIES.items() if isinstance(error, kind)), "")
    return Finding(check, subject, verdict or default, str(error), remedy)


def names_of(pools: Iterable[PoolPolicy]) -> frozenset[str]:
    """Return what a check of the levers of `pools` is about."""
    return frozenset(pool.name for pool in pools)


def metrics_of(pools: Iterable[str]) -> frozenset[str]:
    """Return what a check of the demand of `pools` is about."""
    return frozenset(f"metrics of {name}" for name in pools)


def lease_of(kind: str) -> frozenset[str]:
    """Return what a check of a lease is about."""
    return frozenset({f"lease {kind}"})


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
