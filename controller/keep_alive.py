"""How long an on-demand unit of a pool stays warm after use, and how that is known. Pure.

No provider promises a span, so each lever has an assumption of its own. A policy's `assume.keep_alive` goes first.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from config.duration import format_duration
from config.policy import Assume


class Basis(StrEnum):
    """How a keep-alive is known."""

    POLICY = "policy"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """`span` is what is reckoned with; the true one is thought to lie from `low` to `high`. `note`: where that comes from."""

    span: timedelta
    low: timedelta
    high: timedelta
    basis: Basis
    note: str

    @property
    def text(self) -> str:
        """In words, with the range and the source."""
        span = format_duration(self.span)
        if self.basis is Basis.POLICY:
            return f"{span} ({self.note})"
        return f"{span} ({self.note}; range {format_duration(self.low)} to {format_duration(self.high)})"


def _assumed(minutes: int, low: int, high: int, note: str) -> KeepAlive:
    return KeepAlive(timedelta(minutes=minutes), timedelta(minutes=low), timedelta(minutes=high), Basis.ASSUMED, note)


_LAMBDA = _assumed(6, 5, 60, "assumed for AWS Lambda, which documents none")
ASSUMED: dict[str, KeepAlive] = {
    # AWS documents no span. Published measurements: 45 to 60 minutes are typical, single environments end after 5 minutes.
    "lambda-provisioned-concurrency": _LAMBDA,
    "lambda-ping": _LAMBDA,
    # Google's documentation: an idle instance is kept for up to 15 minutes.
    "cloud-run-min-instances": _assumed(15, 0, 15, "assumed for Cloud Run, which documents up to 15m"),
    # The provider behind a URL is not known: the range of those above.
    "http-ping": _assumed(6, 5, 60, "assumed for a URL, whose provider is unknown"),
}
"""By lever kind. Where a range is wide, the span is near its lower end: cold starts are then overstated and not missed."""

OTHERWISE = _assumed(6, 5, 60, "assumed for a lever whose keep-alive is unknown")


def keep_alive_of(kind: str, assume: Assume) -> KeepAlive:
    """The keep-alive of a pool with a lever of `kind`: what the policy says, else what is assumed for the lever."""
    if assume.keep_alive is not None:
        return KeepAlive(assume.keep_alive, assume.keep_alive, assume.keep_alive, Basis.POLICY, "set in the policy")
    return ASSUMED.get(kind, OTHERWISE)


def keep_alive_body(of: KeepAlive) -> dict[str, object]:
    """The same in plain values, for JSON."""
    return {"seconds": of.span.total_seconds(), "low_seconds": of.low.total_seconds(), "high_seconds": of.high.total_seconds(),
            "basis": of.basis.value, "text": of.text}
