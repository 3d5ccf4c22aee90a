"""Keep-alive: how long an on-demand unit of a pool stays warm after use, and the source of that value. Pure.

No provider guarantees a duration, so each lever has an assumption, which observations of the pool replace or narrow. The policy's
`assume.keep_alive` takes precedence over both.
"""

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeGuard

from adapters.ports.lever import KeepAliveSeen
from config.model.duration import format_duration
from config.model.policy import Assume

ENOUGH = 20
"""Least number of observations that count."""

MINUTE = timedelta(minutes=1)
NOTICED = 0.2
"""A measured duration counts as changed once it differs by this share and by 1 min: it varies by chance."""


class Basis(StrEnum):
    """Source of a keep-alive."""

    POLICY = "policy"
    ASSUMED = "assumed"
    MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Keep-alive of a pool: `span` is used in calculations; the actual one is most likely between `low` and `high`.

    `note`: its source; `observations`: their number, 0 if it was not measured.
    """

    span: timedelta
    low: timedelta
    high: timedelta
    basis: Basis
    note: str
    observations: int = 0

    @property
    def text(self) -> str:
        """Keep-alive in words, with range and source."""
        span = format_duration(self.span)
        if self.basis is Basis.POLICY:
            return f"{span} ({self.note})"
        seen = f"{self.note}, {self.observations} observations" if self.observations else self.note
        return f"{span} ({seen}; range {format_duration(self.low)} to {format_duration(self.high)})"


def _assumed(minutes: int, low: int, high: int, note: str) -> KeepAlive:
    return KeepAlive(timedelta(minutes=minutes), timedelta(minutes=low), timedelta(minutes=high), Basis.ASSUMED, note)


_LAMBDA = _assumed(20, 5, 60, "assumed for AWS Lambda, which documents none")
ASSUMED: dict[str, KeepAlive] = {
    # AWS documents no duration. Published measurements: 45 to 60 min are typical, some environments stop after 5 min. Of all
    # fixed durations, 20 min give the number closest to the cold starts of recorded traffic on units that stay idle for 5 to
    # 60 min.
    "lambda-provisioned-concurrency": _LAMBDA,
    "lambda-ping": _LAMBDA,
    # Google's documentation: an idle instance is kept for up to 15 min.
    "cloud-run-min-instances": _assumed(15, 0, 15, "assumed for Cloud Run, which documents up to 15m"),
    # The provider behind a URL is unknown: the range of those above.
    "http-ping": _assumed(20, 5, 60, "assumed for a URL, whose provider is unknown"),
}
"""Assumed keep-alive by lever kind."""

FALLBACK = _assumed(20, 5, 60, "assumed for a lever whose keep-alive is unknown")


def keep_alive_of(kind: str, assume: Assume, seen: KeepAliveSeen | None = None) -> KeepAlive:
    """Return the keep-alive of a pool with a lever of `kind`: that of the policy, else the measured one, else the assumed one."""
    if assume.keep_alive is not None:
        return KeepAlive(assume.keep_alive, assume.keep_alive, assume.keep_alive, Basis.POLICY, "set in the policy")
    assumed = ASSUMED.get(kind, FALLBACK)
    return measured(assumed, seen) if is_measured(seen) else assumed


def is_measured(seen: KeepAliveSeen | None) -> TypeGuard[KeepAliveSeen]:
    """Return whether there are enough observations to use them."""
    return seen is not None and seen.observations >= ENOUGH


@lru_cache(maxsize=65_536)  # called for every pool in every tick
def measured(assumed: KeepAlive, seen: KeepAliveSeen) -> KeepAlive:
    """Return the assumption, replaced or narrowed by enough observations."""
    typical, low, high = (None if span is None else round(span / MINUTE) * MINUTE for span in (seen.typical, seen.low, seen.high))
    low = min(assumed.low, assumed.low if high is None else high) if low is None else low
    high = max(assumed.high, low) if high is None else max(high, low)
    span = max(MINUTE, min(max(assumed.span, low), high) if typical is None else typical)
    if seen.typical is None and span == assumed.span:
        return replace(assumed, low=low, high=high, observations=seen.observations, note=f"{assumed.note}; {seen.source}")
    return KeepAlive(span, min(low, span), max(high, span), Basis.MEASURED, f"measured: {seen.source}", seen.observations)


def steadied(seen: KeepAliveSeen | None, before: KeepAliveSeen | None) -> KeepAliveSeen | None:
    """Return the new measurement without changes within its random variation; `before` if it has too few observations."""
    if not is_measured(seen):
        return before
    if before is None:
        return seen
    return replace(seen, typical=near(seen.typical, before.typical), low=near(seen.low, before.low),
                   high=near(seen.high, before.high))


def near(span: timedelta | None, before: timedelta | None) -> timedelta | None:
    """Return `before` where `span` differs from it by less than `NOTICED`, else `span`."""
    if span is None or before is None or abs(span - before) >= max(MINUTE, NOTICED * before):
        return span
    return before


def seen_body(seen: KeepAliveSeen | None) -> dict[str, object] | None:
    """Return a measurement as plain values for the store; durations in seconds."""
    if seen is None:
        return None
    return {name: value.total_seconds() if isinstance(value, timedelta) else value for name, value in asdict(seen).items()}


def seen_of(body: Any) -> KeepAliveSeen | None:  # noqa: ANN401  (any stored value)
    """Return the measurement of which `seen_body` returned the values; None if they are not valid."""
    try:
        spans = {name: None if body[name] is None else timedelta(seconds=body[name]) for name in ("typical", "low", "high")}
        return KeepAliveSeen(**spans, observations=int(body["observations"]), source=str(body["source"]))
    except (KeyError, TypeError, ValueError):
        return None


def keep_alive_body(of: KeepAlive) -> dict[str, object]:
    """Return a keep-alive as plain values for JSON."""
    return {"seconds": of.span.total_seconds(), "low_seconds": of.low.total_seconds(), "high_seconds": of.high.total_seconds(),
            "basis": of.basis.value, "observations": of.observations, "text": of.text}
