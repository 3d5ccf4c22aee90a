"""What can go wrong outside the process, in our own words.

    AdapterError
    ├── Retryable                 the next tick is the retry; capacity is held
    │   ├── Throttled             slow down; `retry_after` when the provider said so
    │   ├── Unreachable           no answer, a broken connection or a provider's fault
    │   │   └── Malformed         an answer came and cannot be used: what sends it must be corrected
    │   └── OutcomeUnknown        a write may or may not have happened: read again before writing
    └── Refused                   trying again without a change on the user's side is pointless
        ├── NotFound              the resource the policy names is not there
        ├── PermissionDenied      credentials missing, wrong, expired or not allowed
        │   └── Misconfigured     no permission cures it: credentials or settings of the provider's client
        ├── QuotaExceeded         a limit of the provider; `allowed` when it is known how much is left, `limit` which it is
        ├── Conflict              something else owns or is changing the resource now (deployment, shifting traffic, autoscaler)
        └── Unsupported           this resource cannot take this lever ($LATEST, SnapStart)

A class exists only because the core treats it apart; everything else a provider says is text in the message.
Every message is one line that names the resource and what the operator can do.
"""

from dataclasses import dataclass
from datetime import timedelta

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""By this TLS libraries say, within longer texts, that nobody known vouches for a certificate."""


class AdapterError(Exception):
    """Base of all. `code` is the reason code that the plan and the status carry."""

    code = "adapter-error"


class Retryable(AdapterError):
    """May pass by itself."""

    code = "retryable"


class Throttled(Retryable):
    """The provider, or our own token bucket, asks us to slow down."""

    code = "throttled"

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unreachable(Retryable):
    """No usable answer: refused connection, timeout on a read, server fault, garbage."""

    code = "unreachable"


class Malformed(Unreachable):
    """An answer came and cannot be used, such as a page of metrics in no known format. The message says what to correct."""


class OutcomeUnknown(Retryable):
    """A write was sent and no answer came back. The next step is a read, never a second write."""

    code = "outcome-unknown"


class Refused(AdapterError):
    """Will fail again until the user changes something."""

    code = "refused"


class NotFound(Refused):
    """The pool's resource does not exist under the name the policy gives."""

    code = "not-found"


class PermissionDenied(Refused):
    """Credentials are missing, wrong, expired, or lack a permission (named in the message)."""

    code = "permission-denied"


class Misconfigured(PermissionDenied):
    """Credentials or settings of the provider's client are missing, wrong or expired: no permission cures that, and nothing was
    changed. The message names the variable, file or setting.
    """


@dataclass(frozen=True, slots=True)
class Limit:
    """Which of a provider's limits bounds a pool. `name`: a fixed word for machines, such as `account-concurrency`,
    `reserved-concurrency`, `service-maximum`, `revision-maximum` or `project-quota`. `text`: the limit with its numbers.
    `remedy`: what the operator can change.
    """

    name: str
    text: str
    remedy: str

    def sentence(self, allowed: int) -> str:
        """That it allows so many units, and what to do about it."""
        return f"{self.text}, so at most {allowed} units: {self.remedy}"


class QuotaExceeded(Refused):
    """A limit of the provider forbids the amount asked for. `allowed` is the most that would be accepted, when known; `limit`
    says which limit it is, when known.
    """

    code = "quota-exceeded"

    def __init__(self, message: str, allowed: int | None = None, limit: Limit | None = None) -> None:
        super().__init__(message)
        self.allowed, self.limit = allowed, limit


class Conflict(Refused):
    """The resource is owned or being changed by something else: a deployment, another autoscaler."""

    code = "conflict"


class Unsupported(Refused):
    """This resource cannot take this lever at all, as it is configured now."""

    code = "unsupported"


def unanswered(resource: str, call: str, what: str, *, writes: bool) -> Retryable:
    """A call went out and nothing usable came back: after a write, whatever it asked for may have happened.

    `call`: in the provider's words. `what`: what came instead of an answer.
    """
    if writes:
        return OutcomeUnknown(f"{resource}: {call} was sent and no usable answer came ({what}): what became of it is read before "
                              "anything else is asked for")
    return Unreachable(f"{resource}: no usable answer to {call} ({what})")


def brief(text: str) -> str:
    """A provider's text on one line, and not endless."""
    plain = " ".join(text.split())
    return plain if len(plain) <= 300 else f"{plain[:297]}..."
