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

PREFIXES = {"resourcegroupstaggingapi": "tag"}
"""Prefix of IAM actions by service, where it is not the name of the service."""

NEVER_SENT = (boto.ConnectTimeoutError, boto.EndpointConnectionError, boto.ProxyConnectionError)

FLOOR = re.compile(r"UnreservedConcurrentExecutions? below its minimum value of \[(\d+)\]")
ACTION = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
BECAUSE = re.compile(r"(because no [\w-]+ policy allows|with an explicit deny in an? [\w-]+(?: [\w-]+)* policy)")


class NotSet(NotFound):
    """The resource exists without the setting: no units are requested. Used only within the AWS adapter."""


class FunctionFull(QuotaExceeded):
    """The function's reserved concurrency forbids the amount. Used only within the AWS adapter."""


class AccountFull(QuotaExceeded):
    """The account has no concurrency left. `floor`: units that AWS requires to stay unreserved: 100 by its documentation, 10 or
    50 in new accounts, therefore read from the refusal.
    """

    def __init__(self, message: str, floor: int) -> None:
        super().__init__(message)
        self.floor = floor


class InvalidBody(Exception):
    """The body of a response in AWS's JSON protocol is not a JSON object."""


class Contended(Retryable):
    """Another request is changing the same item or target. Nothing was changed; the same request can succeed later."""


class ConditionFailed(Conflict):
    """The condition of a change did not hold. Nothing was changed. Used only within the AWS adapter."""


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of an operation. `resource`: subject of error messages, as display text. `writes`: the call changes something."""

    service: str
    operation: str
    resource: str
    writes: bool = False

    @property
    def permission(self) -> str:
        """IAM action that allows the call."""
        return f"{PREFIXES.get(self.service, self.service)}:{''.join(word.capitalize() for word in self.operation.split('_'))}"


def not_sent(error: Exception, call: ApiCall) -> AdapterError:
    """Return the error of a call that the client library did not send, so that nothing was changed."""
    if isinstance(error, boto.ParamValidationError):
        return Unsupported(f"{call.resource}: {call.permission} was not sent: {brief(str(error))}")
    return fault_of(error).of(call.resource)


def translate(error: Exception, call: ApiCall) -> AdapterError:
    """Return the error of a call that was sent. An unexpected error of the library means that it could not read the response."""
    if isinstance(error, boto.ClientError):
        return _answered(error, call)
    if isinstance(error, boto.SSLError) and UNTRUSTED in str(error):
        return Unreachable(f"{call.resource}: the server for {call.service} has a certificate that is not trusted, so "
                           "nothing was sent: behind a proxy that intercepts TLS, set AWS_CA_BUNDLE to its CA file")
    if isinstance(error, NEVER_SENT):
        return Unreachable(f"{call.resource}: {call.service} cannot be reached ({type(error).__name__}): check the region, "
                           "network, proxy and DNS")
    if isinstance(error, InvalidBody):
        return no_response(call, "a response that is truncated or not JSON: check the proxy and the endpoint")
    fault = connection_fault(error)
    return no_response(call, type(error).__name__) if fault is None else fault.of(call.resource)


def refuses_keys(error: Exception) -> bool:
    """Return whether AWS refused the keys that signed the request; the source may have newer ones."""
    return isinstance(error, boto.ClientError) and stem(str(error.response.get("Error", {}).get("Code", ""))) in EXPIRED | INVALID


def no_response(call: ApiCall, what: str) -> AdapterError:
    """See `adapters.ports.errors.unanswered`."""
    return unanswered(call.resource, call.permission, what, writes=call.writes)


def _answered(error: boto.ClientError, call: ApiCall) -> AdapterError:
    answer: Mapping[str, Any] = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    text = brief(str(answer.get("Error", {}).get("Message", "")))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code == CANCELLED:
        code, text = cause_of_cancellation(answer, text)
    if stem(code) in THROTTLED or status in THROTTLED_STATUS:
        return Throttled(f"{call.resource}: AWS throttled {call.permission} ({code or status})", _retry_after(answer))
    if stem(code) in CONTENDED:
        return Contended(f"{call.resource}: another request was changing it ({stem(code)})")
    denied = _denied(code, text, answer, call)
    if denied is not None:
        return denied
    if status >= 500 or stem(code) in FAULTS:
        return no_response(call, f"{code} {status}".strip())
    if code.isdigit() or not code:
        what = f"response {status or code}, which AWS does not send: check the proxy and the endpoint"
        return no_response(call, what)
    if code == "ProvisionedConcurrencyConfigNotFoundException":
        return NotSet(f"{call.resource} has no provisioned concurrency")
    if code in ("ResourceNotFoundException", "ResourceNotFound", "ObjectNotFoundException"):
        return NotFound(f"{call.resource} does not exist ({text}): create it, or correct the pool's lever in the policy")
    if stem(code) in UNMET:
        return ConditionFailed(f"{call.resource} was changed since it was read")
    if code in CONFLICTS:
        return Conflict(f"{call.resource} has a change in progress: {text}")
    return _limits(code, text, call)


def _denied(code: str, text: str, answer: Mapping[str, Any], call: ApiCall) -> PermissionDenied | None:
    kind = stem(code)
    if kind in FORBIDDEN:
        action = ACTION.search(text)
        why = BECAUSE.search(text)
        permission = action.group(1) if action else call.permission
        reason = f" ({why.group(1)} it)" if why and "allows" in why.group(1) else f" ({why.group(1)})" if why else ""
        return PermissionDenied(f"{call.resource}: permission {permission} is missing{reason}: allow it in Stoker's IAM role")
    clock = clock_text(code, answer)
    if clock is not None:
        return Misconfigured(f"{call.resource}: AWS refuses the time or signature of requests ({code}): {clock}")
    if kind in EXPIRED:
        return Misconfigured(f"{call.resource}: the AWS credentials have expired ({code}): renew them")
    if kind in INVALID:
        return Misconfigured(f"{call.resource}: AWS refuses the credentials ({code}): check access key, secret key and session "
                             "token")
    if code == "OptInRequired":
        return PermissionDenied(f"{call.resource}: the account has not opted in to this service or region: enable it there")
    return None


def _limits(code: str, text: str, call: ApiCall) -> AdapterError:
    """Return the error of any other 400: a limit of the account or function, or a resource that does not support the lever."""
    floor = FLOOR.search(text)
    if floor is not None:
        least = int(floor.group(1))
        return AccountFull(f"{call.resource}: the account has no concurrency left, and {least} must stay unreserved: "
                           "lower the pool's max, or request a higher quota L-B99A9384", least)
    if code in QUOTAS:
        return QuotaExceeded(f"{call.resource}: a quota is reached: {text}")
    if "reservedconcurren" in text.lower().replace(" ", ""):
        return FunctionFull(f"{call.resource}: {text}: raise the function's reserved concurrency, or lower the pool's max")
    if "weights" in text or "Invalid alias configuration" in text:
        return Conflict(f"{call.resource} shifts traffic between versions ({text}): finish or roll back the deployment")
    return Unsupported(f"{call.resource}: {call.permission} was refused ({code}): {text}")


def _retry_after(answer: Mapping[str, Any]) -> timedelta | None:
    """Return the retry time from the modelled field or the header, at most 1 h; None without a valid one."""
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    text = str(answer.get("retryAfterSeconds") or headers.get("retry-after") or "")
    try:
        seconds = float(text)
    except ValueError:
        return None
    return timedelta(seconds=min(3600.0, seconds)) if seconds >= 0 else None
