"""Errors of Google and of its client library as `AdapterError`: one line with the resource and the remedy.

The provider's text is shown only where it concerns the resource, never where it concerns credentials.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
from google.api_core import exceptions as google
from google.rpc import error_details_pb2

from adapters.gcp.auth.token_refusals import UNSENT, WHERE
from adapters.gcp.denials import Denial, by_reason, shown
from adapters.ports.errors import (
    UNTRUSTED,
    AdapterError,
    Conflict,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
    unanswered,
)

PER_TIME = re.compile(r"Per(?:100)?(?:Second|Minute|Hour|Day)|(?:\b|_)per[ _-](?:100[ _-])?(?:second|minute|hour|day)|\b[Rr]ate\b"
                      r"|\b[Rr]equests'")
"""In the ID or the text of a quota: it counts requests per span of time."""

NEVER_SENT = re.compile(r"failed to connect to all addresses|connections to all backends|errors resolving|address lookup failed"
                        r"|DNS resolution failed|name resolution|empty address list", re.IGNORECASE)
"""The start of gRPC's text when a call found no connection."""

PROXY = re.compile(r"HTTP proxy returned response code (\d+)")
PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=10)
"""How long to wait after a limit of the rate that names no time, and the longest time that is accepted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as an operator would name it. `permission`: what IAM calls it; `writes`: it may have changed something."""

    method: str
    resource: str
    permission: str
    writes: bool = False


def translate(error: Exception, asked: Asked, clock: str = "") -> AdapterError:
    """Return what the client library raised as an `AdapterError`. An exception that it does not document comes from an answer
    that it could not parse. `clock`: what is known to be wrong with this machine's clock.
    """
    if not isinstance(error, google.GoogleAPICallError) and isinstance(error.__context__, grpc.aio.AioRpcError):
        refusal = error.__context__  # the library could not parse its details
        error = google.from_grpc_status(refusal.code(), refusal.details())  # type: ignore[no-untyped-call]
    if isinstance(error, google.GoogleAPICallError):
        return _answered(error, asked, clock)
    return no_answer(asked, type(error).__name__)


def no_answer(asked: Asked, what: str) -> AdapterError:
    """See `adapters.ports.errors.unanswered`."""
    return unanswered(asked.resource, asked.method, what, writes=asked.writes)


def not_sent(asked: Asked, host: str, why: str) -> Unreachable:
    """Return the error of a call without a connection: nothing has left this process, not even a write."""
    return Unreachable(f"{asked.resource}: {host or 'Google'} cannot be reached: {why}; {UNSENT}")


def _answered(error: google.GoogleAPICallError, asked: Asked, clock: str) -> AdapterError:
    text = shown(error)
    if isinstance(error, google.ResourceExhausted | google.TooManyRequests):
        return _exhausted(error, text, asked)
    if isinstance(error, google.Unauthenticated):
        why = by_reason(error) or f"Google refuses the credentials, which are invalid or have expired: {WHERE}"
        return PermissionDenied(f"{asked.resource}: {'; '.join(filter(None, (why, clock)))}")
    if isinstance(error, google.Forbidden):
        return Denial(asked.resource, asked.permission, asked.method).of(error)
    if isinstance(error, google.ServiceUnavailable):
        return _unavailable(error, text, asked)
    known = by_reason(error) if error.reason else ""
    if known:
        return PermissionDenied(f"{asked.resource}: {known}")
    if isinstance(error, google.NotFound):
        return NotFound(f"{asked.resource} does not exist ({text}): create it, or correct the pool's lever in the policy")
    if isinstance(error, google.Aborted | google.Conflict | google.FailedPrecondition):
        return Conflict(f"{asked.resource} is being changed by another client, or cannot be changed now: {text}")
    if isinstance(error, google.InvalidArgument | google.MethodNotImplemented | google.OutOfRange):
        return Unsupported(f"{asked.resource}: {asked.method} was refused: {text}")
    return no_answer(asked, type(error).__name__)


def _unavailable(error: google.ServiceUnavailable, text: str, asked: Asked) -> AdapterError:
    """Handle UNAVAILABLE: no connection, a broken one, or an answer of the service."""
    if NEVER_SENT.match(text):
        return not_sent(asked, "", _unreached(text))
    pause = _pause(error)
    if pause is not None and not asked.writes:
        return Throttled(f"{asked.resource}: {asked.method} is unavailable for {pause.total_seconds():g} s: {text}", pause)
    return no_answer(asked, type(error).__name__)


def _unreached(text: str) -> str:
    proxy = PROXY.search(text)
    if proxy is not None:
        return (f"the proxy answers with status {proxy[1]}: check HTTPS_PROXY, the proxy's credentials, and the hosts that it "
                "allows")
    if UNTRUSTED in text or "ertificate" in text or "Hostname Verification" in text:
        return ("the server presents a certificate that is not trusted: behind a proxy that opens TLS, set "
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH to its CA file")
    if "resolv" in text or "lookup" in text or "resolution" in text:
        return "its name cannot be resolved: check DNS and network"
    return "no connection: check network, proxy and DNS"


def _exhausted(error: google.GoogleAPICallError, text: str, asked: Asked) -> AdapterError:
    """Tell a limited rate of requests, which passes, from a used-up quota of processors, instances or GPUs, which does not."""
    named = _quota(error)
    if _is_rate(error, named, text):
        what = f" ({named})" if named else ""
        return Throttled(f"{asked.resource}: Google limits the rate of {asked.method}{what}", _pause(error) or PAUSE)
    return QuotaExceeded(f"{asked.resource}: a quota of the project is used up: {text}: have it raised, or lower the pool's max")


def _is_rate(error: google.GoogleAPICallError, named: str, text: str) -> bool:
    if error.reason in ("RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"):
        return bool(error.reason == "RATE_LIMIT_EXCEEDED")
    if named:
        return PER_TIME.search(named) is not None
    return not text or PER_TIME.search(text) is not None or _pause(error) is not None


def _quota(error: google.GoogleAPICallError) -> str:
    """Return the name of the quota in the details; empty when there is none."""
    metadata = error.metadata or {}
    found = [metadata.get("quota_limit", "")]
    for failure in _details(error, error_details_pb2.QuotaFailure):
        found += [violation.quota_id or violation.description or violation.subject for violation in failure.violations]
    return next((name[:120] for name in found if name), "")


def _pause(error: google.GoogleAPICallError) -> timedelta | None:
    """Return how long the refusal asks to wait."""
    for info in _details(error, error_details_pb2.RetryInfo):
        pause: timedelta = info.retry_delay.ToTimedelta()
        if pause > timedelta(0):
            return min(pause, LONGEST_PAUSE)
    return None


def _details(error: google.GoogleAPICallError, kind: type) -> list[Any]:
    return [detail for detail in error.details if isinstance(detail, kind)]
