"""Translation of AWS and botocore errors: one line with the resource and the remedy.

Provider texts are quoted only where they are known to contain no credential: the error of a refused signature quotes the signed
request with its session token, and is never quoted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore import exceptions as boto

from adapters.aws.error_codes import (
    CANCELLED,
    CONTENDED,
    EXPIRED,
    FAULTS,
    FORBIDDEN,
    INVALID,
    THROTTLED,
    THROTTLED_STATUS,
    UNMET,
    cause_of_cancellation,
    clock_text,
    stem,
)
from adapters.aws.setup_faults import connection_fault, fault_of
from adapters.ports.errors import (
    UNTRUSTED,
    AdapterError,
    Conflict,
    Misconfigured,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Retryable,
    Throttled,
    Unreachable,
    Unsupported,
    brief,
    unanswered,
)

CONFLICTS = {"ResourceConflictException", "ResourceInUseException", "PreconditionFailedException"}
QUOTAS = {"LimitExceededException", "LimitExceeded", "ServiceQuotaExceededException"}

NEVER_SENT = (boto.ConnectTimeoutError, boto.EndpointConnectionError, boto.ProxyConnectionError)

FLOOR = re.compile(r"UnreservedConcurrentExecutions? below its minimum value of \[(\d+)\]")
ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
BECAUSE = re.compile(r"(because no [\w-]+ policy allows|with an explicit deny in an? [\w-]+(?: [\w-]+)* policy)")


class NotSet(NotFound):
    """The resource is there and the setting is not: no units are asked for. Does not leave the AWS adapter."""


class FunctionFull(QuotaExceeded):
    """The function's own reserved concurrency forbids the amount. Does not leave the AWS adapter."""


class AccountFull(QuotaExceeded):
    """The account has no concurrency to give. `floor`: what AWS insists on leaving unreserved; 100 by its documentation, and 10
    or 50 in new accounts, hence taken from the refusal.
    """

    def __init__(self, message: str, floor: int) -> None:
        super().__init__(message)
        self.floor = floor


class Garbled(Exception):
    """An answer of AWS's protocol in JSON of which the body is none."""


class Contended(Retryable):
    """Another request changes the same thing at this moment: nothing was changed, and the same request can succeed later."""


class ConditionFailed(Conflict):
    """A change was made under a condition that did not hold: nothing was changed. Does not leave the AWS adapter."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as an operator would name it. `resource` is what the message is about; `writes`: it may have changed something."""

    service: str
    operation: str
    resource: str
    writes: bool = False

    @property
    def permission(self) -> str:
        """The IAM action that the call needs."""
        return f"{self.service}:{''.join(word.capitalize() for word in self.operation.split('_'))}"


def unsent(error: Exception, asked: Asked) -> AdapterError:
    """What the client library raised before the request was sent: nothing was changed."""
    if isinstance(error, boto.ParamValidationError):
        return Unsupported(f"{asked.resource}: {asked.permission} was not sent: {brief(str(error))}")
    return fault_of(error).of(asked.resource)


def translate(error: Exception, asked: Asked) -> AdapterError:
    """What the client library raised once the request had left. What it does not foresee comes of an answer it could not read."""
    if isinstance(error, boto.ClientError):
        return _answered(error, asked)
    if isinstance(error, boto.SSLError) and UNTRUSTED in str(error):
        return Unreachable(f"{asked.resource}: the server for {asked.service} has a certificate that is not trusted, so "
                           "nothing was sent: behind a proxy that intercepts TLS, set AWS_CA_BUNDLE to its CA file")
    if isinstance(error, NEVER_SENT):
        return Unreachable(f"{asked.resource}: {asked.service} cannot be reached ({type(error).__name__}): check the region, "
                           "network, proxy and DNS")
    if isinstance(error, Garbled):
        return no_answer(asked, "a response that is truncated or not JSON: check the proxy and the endpoint")
    fault = connection_fault(error)
    return no_answer(asked, type(error).__name__) if fault is None else fault.of(asked.resource)


def refuses_keys(error: Exception) -> bool:
    """Whether AWS answered that it does not accept the keys that the request was signed with: others may be there by now."""
    return isinstance(error, boto.ClientError) and stem(str(error.response.get("Error", {}).get("Code", ""))) in EXPIRED | INVALID


def no_answer(asked: Asked, what: str) -> AdapterError:
    """See `adapters.ports.errors.unanswered`."""
    return unanswered(asked.resource, asked.permission, what, writes=asked.writes)


def _answered(error: boto.ClientError, asked: Asked) -> AdapterError:
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    text = brief(str(answer.get("Error", {}).get("Message", "")))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == CANCELLED:
        code, text = cause_of_cancellation(answer, text)
    if stem(code) in THROTTLED or status in THROTTLED_STATUS:
        return Throttled(f"{asked.resource}: AWS throttled {asked.permission} ({code or status})", _retry_after(answer))
    if stem(code) in CONTENDED:
        return Contended(f"{asked.resource}: another request was changing it ({stem(code)})")
    denied = _denied(code, text, answer, asked)
    if denied is not None:
        return denied
    if status >= 500 or stem(code) in FAULTS:
        return no_answer(asked, f"{code} {status}".strip())
    if code.isdigit() or not code:
        what = f"an answer {status or code} that AWS does not send: check the proxy and the endpoint"
        return no_answer(asked, what)
    if code == "ProvisionedConcurrencyConfigNotFoundException":
        return NotSet(f"{asked.resource} has no provisioned concurrency")
    if code in ("ResourceNotFoundException", "ResourceNotFound", "ObjectNotFoundException"):
        return NotFound(f"{asked.resource} does not exist ({text}): create it, or correct the pool's lever in the policy")
    if stem(code) in UNMET:
        return ConditionFailed(f"{asked.resource} was changed since it was read")
    if code in CONFLICTS:
        return Conflict(f"{asked.resource} is being changed: {text}")
    return _limits(code, text, asked)


def _denied(code: str, text: str, answer: Mapping[str, Any], asked: Asked) -> PermissionDenied | None:
    kind = stem(code)
    if kind in FORBIDDEN:
        action = ACTION.search(text)
        why = BECAUSE.search(text)
        permission = action.group(1) if action else asked.permission
        reason = f" ({why.group(1)} it)" if why and "allows" in why.group(1) else f" ({why.group(1)})" if why else ""
        return PermissionDenied(f"{asked.resource}: permission {permission} is missing{reason}: allow it in Stoker's IAM role")
    clock = clock_text(code, answer)
    if clock is not None:
        return Misconfigured(f"{asked.resource}: AWS refuses the time or signature of requests ({code}): {clock}")
    if kind in EXPIRED:
        return Misconfigured(f"{asked.resource}: the AWS credentials have expired ({code}): renew them")
    if kind in INVALID:
        return Misconfigured(f"{asked.resource}: AWS refuses the credentials ({code}): check access key, secret key and session "
                             "token")
    if code == "OptInRequired":
        return PermissionDenied(f"{asked.resource}: the account has not opted in to this service or region: enable it there")
    return None


def _limits(code: str, text: str, asked: Asked) -> AdapterError:
    """What is left of a 400: a limit of the account or function, or a resource that cannot take the lever at all."""
    floor = FLOOR.search(text)
    if floor is not None:
        least = int(floor.group(1))
        return AccountFull(f"{asked.resource}: the account has no concurrency left, and {least} must stay unreserved: "
                           "lower the pool's max, or request a higher quota L-B99A9384", least)
    if code in QUOTAS:
        return QuotaExceeded(f"{asked.resource}: a quota is reached: {text}")
    if "reservedconcurren" in text.lower().replace(" ", ""):
        return FunctionFull(f"{asked.resource}: {text}: raise the function's reserved concurrency, or lower the pool's max")
    if "weights" in text or "Invalid alias configuration" in text:
        return Conflict(f"{asked.resource} shifts traffic between versions ({text}): finish or roll back the deployment")
    return Unsupported(f"{asked.resource}: {asked.permission} was refused ({code}): {text}")


def _retry_after(answer: Mapping[str, Any]) -> timedelta | None:
    """From the modelled field or the plain header, in seconds."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    given = str(answer.get("retryAfterSeconds") or headers.get("retry-after") or "")
    try:
        seconds = float(given)
    except ValueError:
        return None
    return timedelta(seconds=min(3600.0, seconds)) if seconds >= 0 else None
