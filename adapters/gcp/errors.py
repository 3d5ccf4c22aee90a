"""Errors of Google and of its client library as `AdapterError`: one line with the resource and the remedy.

The provider's text is included only where it concerns the resource, never where it concerns credentials.
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
"""Matches the ID or the text of a quota that counts requests per period of time."""

NEVER_SENT = re.compile(r"failed to connect to all addresses|connections to all backends|errors resolving|address lookup failed"
                        r"|DNS resolution failed|name resolution|empty address list", re.IGNORECASE)
"""Start of gRPC's text when a call had no connection."""

PROXY = re.compile(r"HTTP proxy returned response code (\d+)")
PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(minutes=10)
"""Wait after a rate limit that states no time, and the longest stated time that is accepted."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A call, as error messages name it. `permission`: its IAM permission. `writes`: it changes the resource."""

    method: str
    resource: str
    permission: str
    writes: bool = False


def translate(error: Exception, call: ApiCall, clock: str = "") -> AdapterError:
    """Return the `AdapterError` for an exception of the client library.

    An exception that the library does not document comes from a response that it could not parse. `clock`: a text about the
    skew of this machine's clock, or empty.
    """
    if not isinstance(error, google.GoogleAPICallError) and isinstance(error.__context__, grpc.aio.AioRpcError):
        rpc_error = error.__context__  # the library could not parse its details
        error = google.from_grpc_status(rpc_error.code(), rpc_error.details())  # type: ignore[no-untyped-call]
    if isinstance(error, google.GoogleAPICallError):
        return _answered(error, call, clock)
    return no_answer(call, type(error).__name__)


def no_answer(call: ApiCall, what: str) -> AdapterError:
    """See `adapters.ports.errors.unanswered`."""
    return unanswered(call.resource, call.method, what, writes=call.writes)


def not_sent(call: ApiCall, host: str, why: str) -> Unreachable:
    """Return the error of a call without a connection. Nothing was sent, so a write has not happened."""
    return Unreachable(f"{call.resource}: {host or 'Google'} cannot be reached: {why}; {UNSENT}")


def _answered(error: google.GoogleAPICallError, call: ApiCall, clock: str) -> AdapterError:
    text = shown(error)
    if isinstance(error, google.ResourceExhausted | google.TooManyRequests):
        return _exhausted(error, text, call)
    if isinstance(error, google.Unauthenticated):
        why = by_reason(error) or f"Google refuses the credentials, which are invalid or have expired: {WHERE}"
        return PermissionDenied(f"{call.resource}: {'; '.join(filter(None, (why, clock)))}")
    if isinstance(error, google.Forbidden):
        return Denial(call.resource, call.permission, call.method).of(error)
    if isinstance(error, google.ServiceUnavailable):
        return _unavailable(error, text, call)
    known = by_reason(error) if error.reason else ""
    if known:
        return PermissionDenied(f"{call.resource}: {known}")
    if isinstance(error, google.NotFound):
        return NotFound(f"{call.resource} does not exist ({text}): create it, or correct the pool's lever in the policy")
    if isinstance(error, google.Aborted | google.Conflict | google.FailedPrecondition):
        return Conflict(f"{call.resource} is being changed by another client, or cannot be changed now: {text}")
    if isinstance(error, google.InvalidArgument | google.MethodNotImplemented | google.OutOfRange):
        return Unsupported(f"{call.resource}: {call.method} was refused: {text}")
    return no_answer(call, type(error).__name__)


def _unavailable(error: google.ServiceUnavailable, text: str, call: ApiCall) -> AdapterError:
    """Return the error for UNAVAILABLE: no connection, a broken connection, or a response of the service."""
    if NEVER_SENT.match(text):
        return not_sent(call, "", _unreached(text))
    pause = _pause(error)
    if pause is not None and not call.writes:
        return Throttled(f"{call.resource}: {call.method} is unavailable for {pause.total_seconds():g} s: {text}", pause)
    return no_answer(call, type(error).__name__)


def _unreached(text: str) -> str:
    proxy = PROXY.search(text)
    if proxy is not None:
        return (f"the proxy answers with status {proxy[1]}: check HTTPS_PROXY, the proxy's credentials, and the hosts that it "
                "allows")
    if UNTRUSTED in text or "ertificate" in text or "Hostname Verification" in text:
        return ("the server presents a certificate that is not trusted: behind a proxy that intercepts TLS, set "
                "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH to its CA file")
    if "resolv" in text or "lookup" in text or "resolution" in text:
        return "its name cannot be resolved: check DNS and network"
    return "no connection: check network, proxy and DNS"


def _exhausted(error: google.GoogleAPICallError, text: str, call: ApiCall) -> AdapterError:
    """Return `Throttled` for a rate limit, which is temporary, and `QuotaExceeded` for a quota of CPUs, instances or GPUs."""
    quota = _quota(error)
    if _is_rate(error, quota, text):
        what = f" ({quota})" if quota else ""
        return Throttled(f"{call.resource}: Google limits the rate of {call.method}{what}", _pause(error) or PAUSE)
    return QuotaExceeded(f"{call.resource}: a quota of the project is used up: {text}: have it raised, or lower the pool's max")


def _is_rate(error: google.GoogleAPICallError, quota: str, text: str) -> bool:
    if error.reason in ("RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"):
        return bool(error.reason == "RATE_LIMIT_EXCEEDED")
    if quota:
        return PER_TIME.search(quota) is not None
    return not text or PER_TIME.search(text) is not None or _pause(error) is not None


def _quota(error: google.GoogleAPICallError) -> str:
    """Return the name of the quota in the details, at most 120 characters. Empty when there is none."""
    metadata = error.metadata or {}
    names = [metadata.get("quota_limit", "")]
    for failure in _details(error, error_details_pb2.QuotaFailure):
        names += [violation.quota_id or violation.description or violation.subject for violation in failure.violations]
    return next((name[:120] for name in names if name), "")


def _pause(error: google.GoogleAPICallError) -> timedelta | None:
    """Return the wait that the response states; None when it states none."""
    for info in _details(error, error_details_pb2.RetryInfo):
        pause: timedelta = info.retry_delay.ToTimedelta()
        if pause > timedelta(0):
            return min(pause, LONGEST_PAUSE)
    return None


def _details(error: google.GoogleAPICallError, kind: type) -> list[Any]:
    return [detail for detail in error.details if isinstance(detail, kind)]
