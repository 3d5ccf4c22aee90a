"""What Google and its client library say when something is wrong, in Stoker's words: one line, the resource, the remedy.

Texts of the provider are passed on only for refusals that speak of the resource; what is said about credentials never is.
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from google.api_core import exceptions as google
from google.auth import exceptions as auth

from adapters.errors import (
    UNTRUSTED,
    AdapterError,
    Conflict,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
    brief,
    unanswered,
)

WHERE_CREDENTIALS = "give the workload a service account, or set GOOGLE_APPLICATION_CREDENTIALS"
PERMISSION = re.compile(r"[Pp]ermission '?([a-z]+\.[a-zA-Z]+\.[a-zA-Z]+)'? (?:denied|is missing)")
RATE = re.compile(r"per (?:minute|100 seconds|second)|rate|[Rr]equests'", re.ASCII)
NEVER_SENT = re.compile(r"failed to connect|connections to all backends|DNS resolution failed|name resolution", re.IGNORECASE)
DISABLED = re.compile(r"API has not been used|SERVICE_DISABLED|it is disabled")
PAUSE = timedelta(seconds=15)
"""Google's quotas are counted by the minute and come without a time to wait."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as an operator would name it. `permission`: what IAM calls it; `writes`: it may have changed something."""

    method: str
    resource: str
    permission: str
    writes: bool = False


def translate(error: Exception, asked: Asked) -> AdapterError:
    """What the client library raised, as an `AdapterError`. What it does not foresee comes of an answer it could not read."""
    if isinstance(error, auth.DefaultCredentialsError):
        return PermissionDenied(f"{asked.resource}: no Google credentials were found: {WHERE_CREDENTIALS}")
    if isinstance(error, auth.TransportError):
        return Unreachable(f"{asked.resource}: Google's token service cannot be reached: check network, proxy and DNS")
    if isinstance(error, auth.GoogleAuthError):
        return PermissionDenied(f"{asked.resource}: Google credentials could not be loaded or have expired "
                                f"({type(error).__name__}): {WHERE_CREDENTIALS}")
    if isinstance(error, google.GoogleAPICallError):
        return _answered(error, asked)
    return no_answer(asked, type(error).__name__)


def no_answer(asked: Asked, what: str) -> AdapterError:
    """See `adapters.errors.unanswered`."""
    return unanswered(asked.resource, asked.method, what, writes=asked.writes)


def _answered(error: google.GoogleAPICallError, asked: Asked) -> AdapterError:
    text = brief(error.message or "")
    if isinstance(error, google.Unauthenticated):
        return PermissionDenied(f"{asked.resource}: Google refuses the credentials, which are invalid or have expired: "
                                f"{WHERE_CREDENTIALS}")
    if isinstance(error, google.Forbidden):
        return _denied(text, asked)
    if isinstance(error, google.ResourceExhausted | google.TooManyRequests):
        return _exhausted(text, asked)
    if isinstance(error, google.NotFound):
        return NotFound(f"{asked.resource} does not exist ({text}): create it, or correct the pool's lever in the policy")
    if isinstance(error, google.Aborted | google.Conflict | google.FailedPrecondition):
        return Conflict(f"{asked.resource} is being changed by somebody else, or not fit for a change now: {text}")
    if isinstance(error, google.ServiceUnavailable) and UNTRUSTED in text:
        return Unreachable(f"{asked.resource}: what answers for Google shows a certificate that is not trusted, so nothing was "
                           "sent: behind a proxy that opens TLS, name its CA file in GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    if isinstance(error, google.ServiceUnavailable) and NEVER_SENT.search(text):
        return Unreachable(f"{asked.resource}: Google cannot be reached: check network, proxy and DNS")
    if isinstance(error, google.InvalidArgument | google.MethodNotImplemented | google.OutOfRange):
        return Unsupported(f"{asked.resource}: {asked.method} was refused: {text}")
    return no_answer(asked, type(error).__name__)


def _denied(text: str, asked: Asked) -> PermissionDenied:
    if DISABLED.search(text):
        return PermissionDenied(f"{asked.resource}: its API is not enabled in the project: enable run.googleapis.com and "
                                "monitoring.googleapis.com")
    named = PERMISSION.search(text)
    permission = named.group(1) if named else asked.permission
    return PermissionDenied(f"{asked.resource}: permission {permission} is missing: allow it to Stoker's service account")


def _exhausted(text: str, asked: Asked) -> AdapterError:
    """A rate of requests passes by itself; a quota of processors, instances or GPUs does not."""
    if RATE.search(text) or not text:
        return Throttled(f"{asked.resource}: Google limits the rate of {asked.method}: asked again later", PAUSE)
    return QuotaExceeded(f"{asked.resource}: a quota of the project is used up: {text}: have it raised, or lower the pool's max")
