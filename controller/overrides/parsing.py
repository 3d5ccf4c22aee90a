"""Parsing of the API's override and prewarm bodies, from decoded JSON. Pure."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from config.model.duration import format_duration, parse_duration
from config.model.schedule import MOST_UNITS
from controller.decision.planning.overrides_in_force import OPERATOR_KINDS, Kind, Override
from controller.decision.planning.prewarm_grant import PrewarmRequest
from controller.redaction.redactor import redact_text

LONGEST = timedelta(days=7)
"""Maximum duration of an override; for longer, change the policy."""

MOST_FACTOR = 100.0

REASON_LENGTH, BY_LENGTH = 200, 80

KEYS = ("kind", "units", "factor", "until", "for", "reason", "by")

INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*", re.ASCII)


class WrongOverride(ValueError):
    """Invalid override. The message is one line with the key and what is allowed."""


def parse_override(body: object, now: datetime) -> Override:
    """Return the override of a decoded JSON body, set at `now`. `WrongOverride` names the first invalid key."""
    if not isinstance(body, Mapping):
        raise WrongOverride("the body must be a JSON object with kind, until or for, reason and by")
    if unknown := [name for name in body if name not in KEYS]:
        raise WrongOverride(f"unknown key {str(unknown[0])[:40]!a}; allowed: {', '.join(KEYS)}")
    name = body.get("kind")
    if name not in OPERATOR_KINDS:
        raise WrongOverride(f"kind: {str(name)[:40]!a} is not one of {', '.join(OPERATOR_KINDS)}")
    kind = Kind(name)
    units, factor = amount_of(kind, body)
    end, by, reason = until_of(body, now), words(body, "by", BY_LENGTH), words(body, "reason", REASON_LENGTH)
    return Override(kind, end, by, reason, units, factor, now)


def amount_of(kind: Kind, body: Mapping[str, Any]) -> tuple[int | None, float | None]:
    """Return units and factor of an override of this kind; one or both are None."""
    units, factor = body.get("units"), body.get("factor")
    if kind is Kind.PAUSE:
        if units is not None or factor is not None:
            raise WrongOverride("a pause takes neither units nor factor: it keeps the current capacity")
        return None, None
    if kind is Kind.PIN and (factor is not None or units is None):
        raise WrongOverride("a pin requires units and takes no factor")
    if kind is Kind.BOOST and (units is None) == (factor is None):
        raise WrongOverride("a boost requires either units or factor")
    if factor is not None:
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 < factor <= MOST_FACTOR:
            raise WrongOverride(f"factor: {str(factor)[:40]!a} is not a number above 1 and up to {MOST_FACTOR:g}")
        return None, float(factor)
    least = 0 if kind is Kind.PIN else 1
    return whole(units, least), None


def whole(units: object, least: int) -> int:
    """Return a number of units. 5.0 is valid, because JSON does not distinguish it from 5."""
    number = int(units) if isinstance(units, float) and units.is_integer() else units
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= MOST_UNITS:
        raise WrongOverride(f"units: {str(units)[:40]!a} is not a whole number from {least} to {MOST_UNITS}")
    return number


def until_of(body: Mapping[str, Any], now: datetime) -> datetime:
    """Return the end of the override: after `now`, and at most `LONGEST` after it."""
    until, span = body.get("until"), body.get("for")
    if (until is None) == (span is None):
        raise WrongOverride("give the end: either until, a time, or for, a duration such as 2h")
    duration = span_of(span) if until is None else instant_of(until) - now
    if duration <= timedelta(0):
        key = "for" if until is None else "until"
        raise WrongOverride(f"{key}: the end is not in the future, now is {now.isoformat(timespec='seconds')}")
    if duration > LONGEST:
        longest = format_duration(LONGEST)
        raise WrongOverride(f"an override lasts at most {longest}; for a longer override, change the policy")
    return now + duration


def span_of(span: object) -> timedelta:
    """Return a duration in the policy's format."""
    try:
        return parse_duration(str(span)[:40])
    except ValueError as error:
        raise WrongOverride(f"for: {error}") from None


def instant_of(text: object) -> datetime:
    """Return a time with its zone, in UTC."""
    wrong = WrongOverride(f"until: {str(text)[:40]!a} is not a time with a zone; give ISO 8601, such as 2026-03-02T12:00:00Z")
    if not isinstance(text, str) or not INSTANT.fullmatch(text):
        raise wrong
    try:
        end = datetime.fromisoformat(text)
        if end.tzinfo is not None:
            return end.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None
    raise wrong


def words(body: Mapping[str, Any], key: str, most: int) -> str:
    """Return a text field without secrets: one line of printable text, not empty, of at most `most` characters."""
    text = body.get(key)
    if not isinstance(text, str) or not text.strip():
        why = "give your name" if key == "by" else "give a reason, it is recorded"
        raise WrongOverride(f"{key} is missing; {why}")
    if len(text) > most or not text.isprintable():
        raise WrongOverride(f"{key}: must be one line of at most {most} printable characters")
    return redact_text(redact_text(text.strip()))


PREWARM_KEYS = ("units", "for", "reason", "by")

DEFAULT_REQUESTER = "an application"


def parse_prewarm(body: object) -> PrewarmRequest:
    """Return the prewarm request of a decoded JSON body. `WrongOverride` names the first invalid key."""
    if not isinstance(body, Mapping):
        raise WrongOverride("the body must be a JSON object with units, for and reason")
    if unknown := [name for name in body if name not in PREWARM_KEYS]:
        raise WrongOverride(f"unknown key {str(unknown[0])[:40]!a}; allowed: {', '.join(PREWARM_KEYS)}")
    units = whole(body.get("units"), 1)
    span = span_of(body.get("for"))
    if span <= timedelta(0):
        raise WrongOverride("for: the duration must be positive; give one such as 10m")
    by = words(body, "by", BY_LENGTH) if "by" in body else DEFAULT_REQUESTER
    return PrewarmRequest(units, span, words(body, "reason", REASON_LENGTH), by)
