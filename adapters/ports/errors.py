"""Errors of everything outside the process: one hierarchy for all providers.

    AdapterError
    ├── Retryable                 the next tick is the retry; capacity is held
    │   ├── Throttled             slow down; `retry_after` when the provider gives it
    │   ├── Unreachable           no response, a broken connection or a provider fault
    │   │   └── Malformed         the response cannot be used: correct the sender
    │   └── OutcomeUnknown        a write may have happened: read before the next write
    └── Refused                   a retry fails until the user changes something
        ├── NotFound              the resource in the policy does not exist
        ├── PermissionDenied      credentials missing, invalid, expired or not authorised
        │   └── Misconfigured     credentials or client settings are at fault, not a permission
        ├── QuotaExceeded         a provider limit; `allowed`: units left, when known; `limit`: which limit
        ├── Conflict              something else owns or changes the resource (deployment, traffic shift, autoscaler)
        └── Unsupported           this resource cannot take this lever ($LATEST, SnapStart)

A class exists only where the core handles it differently; all other details are in the message.
Every message is one line that names the resource and what the operator can do.
"""

from dataclasses import dataclass
from datetime import timedelta

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""Part of the TLS libraries' message for a certificate that is not trusted."""


class AdapterError(Exception):
    """Base class. `code` is the reason code in the plan and the status."""

    code = "adapter-error"


class Retryable(AdapterError):
    """Error that may resolve without an action."""

    code = "retryable"


class Throttled(Retryable):
    """Rate limit of the provider or of Stoker's token bucket."""

    code = "throttled"

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(Retryable):
    """No usable response: refused connection, read timeout, server fault, invalid data."""

    code = "unreachable"


class Malformed(Unreachable):
    """Response that cannot be used, such as a metrics page in an unknown format. The message says what to correct."""


class OutcomeUnknown(Retryable):
    """Write that was sent and got no response. The next step is a read, never a second write."""

    code = "outcome-unknown"


class Refused(AdapterError):
    """Error that recurs until the user changes something."""

    code = "refused"


class NotFound(Refused):
    """The pool's resource does not exist under the name in the policy."""

    code = "not-found"


class PermissionDenied(Refused):
    """Credentials are missing, invalid or expired, or lack a permission (named in the message)."""

    code = "permission-denied"


class Misconfigured(PermissionDenied):
    """Credentials or settings of the provider's client are missing, invalid or expired. Nothing was changed, and adding a
    permission does not help. The message names the variable, file or setting.
    """


@dataclass(frozen=True, slots=True)
class Limit:
    """Provider limit that bounds a pool. `name`: a fixed identifier, such as `account-concurrency`,
    `reserved-concurrency`, `service-maximum`, `revision-maximum` or `project-quota`. `text`: the limit with its numbers.
    `remedy`: what the operator can change.
    """

    name: str
    text: str
    remedy: str

    def sentence(self, allowed: int) -> str:
        """Return a sentence with the limit, the `allowed` units and the remedy."""
        return f"{self.text}, so at most {allowed} units: {self.remedy}"


class QuotaExceeded(Refused):
    """A provider limit forbids the requested amount. `allowed` is the maximum that the provider would accept, when known; `limit`
    is the limit, when known.
    """

    code = "quota-exceeded"

    def __init__(self, message: str, allowed: int | None = None, limit: Limit | None = None) -> None:
        super().__init__(message)
        self.allowed, self.limit = allowed, limit


class Conflict(Refused):
    """Something else owns or changes the resource: a deployment, another autoscaler."""

    code = "conflict"


class Unsupported(Refused):
    """The resource does not support this lever in its current configuration."""

    code = "unsupported"


def unanswered(resource: str, call: str, what: str, *, writes: bool) -> Retryable:
    """Return the error of a call without a usable response: `OutcomeUnknown` for a write, which may have happened.

    `call`: the provider's name of the call. `what`: what came instead of a response.
    """
    if writes:
        return OutcomeUnknown(f"{resource}: {call} was sent and got no usable response ({what}): Stoker reads the resource "
                              "before the next write")
    return Unreachable(f"{resource}: no usable response to {call} ({what}): if it lasts, check the network and the "
                       "provider's status")


def brief(text: str) -> str:
    """Return a provider's text on one line, at most 300 characters."""
    plain = " ".join(text.split())
    return plain if len(plain) <= 300 else f"{plain[:297]}..."
