"""The error codes of AWS that say how to go on, whatever service they come from.

AWS writes one code in several ways: Throttling, ThrottlingException and, in the reasons of a cancelled transaction,
ThrottlingError. So codes are compared by their stem. A test compares these sets with botocore's own retry lists.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.ports.diagnostics import SKEW_FAIL, skew_words
from adapters.runtime.clock import SystemClock

THROTTLED = {
    "BandwidthLimitExceeded", "EC2Throttled", "PriorRequestNotComplete", "ProvisionedThroughputExceeded", "RequestLimitExceeded",
    "RequestThrottled", "SlowDown", "Throttled", "Throttling", "TooManyRequests",
}
"""Nothing was changed: ask less often. botocore's list also has LimitExceededException, which here is a quota."""

CONTENDED = {"ConcurrentUpdate", "ReplicatedWriteConflict", "TransactionConflict", "TransactionInProgress"}
"""Another request changes the same item or target at this moment. Nothing was changed; the same request can succeed later."""

FAULTS = {"IDPCommunication", "Internal", "InternalFailure", "InternalServer", "InternalService", "RequestTimeout", "Service",
          "ServiceUnavailable"}
"""AWS failed on its side, whatever the HTTP status is. The request may have been carried out."""

UNMET = {"ConditionalCheckFailed"}
"""The condition of a change did not hold. Nothing was changed."""

FORBIDDEN = {"AccessDenied", "Authorization", "NotAuthorized", "UnauthorizedOperation"}
"""The caller is known and is not allowed to do this."""

EXPIRED = {"ExpiredToken"}
INVALID = {
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignature", "InvalidToken",
    "MissingAuthenticationToken", "NotSignedUp", "SignatureDoesNotMatch", "UnrecognizedClient",
}
"""AWS does not accept the keys or the signature made with them. Nothing was changed."""

OUT_OF_TIME = {"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"}
"""The time in the request is too far from AWS's. Other codes can be for that, too: see `clock_text`."""

THROTTLED_STATUS = (429, 509)
CANCELLED = "TransactionCanceledException"
ENDING = re.compile(r"(?<=\w)(Exception|Error|Fault)$")
REASONS = re.compile(r"\[([\w, ]+)\]\s*$")


def stem(code: str) -> str:
    """A code without the ending that differs from one service and protocol to the other."""
    return ENDING.sub("", code)


def clock_text(code: str, answer: Mapping[str, Any]) -> str | None:
    """What is wrong with this machine's clock, where a refusal may be for that: the answer bears AWS's time."""
    if stem(code) not in OUT_OF_TIME | INVALID | EXPIRED:
        return None
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    wrong = skew_words(headers.get("date"), SystemClock().now(), SKEW_FAIL)
    if wrong:
        return f"{wrong}: have it set by NTP (chrony, timesyncd)"
    return "check this machine's clock" if stem(code) in OUT_OF_TIME else None


def cause_of_cancellation(answer: Mapping[str, Any], text: str) -> tuple[str, str]:
    """Why DynamoDB cancelled a transaction: the code and the text of the reason that decides.

    There is a reason for each item, "None" for those that would have passed. A condition that does not hold decides before
    all others: repeating the transaction cannot help. Without the reasons, which are optional, the text names their codes.
    """
    reasons: Sequence[Mapping[str, Any]] = answer.get("CancellationReasons") or _named_in(text)
    found = {stem(str(each["Code"])): str(each.get("Message") or text) for each in reasons
             if each.get("Code") not in (None, "None")}
    for codes in (UNMET, THROTTLED, CONTENDED, FAULTS):
        for code, message in found.items():
            if code in codes:
                return code, message
    return next(iter(found.items()), (CANCELLED, text))


def _named_in(text: str) -> list[dict[str, str]]:
    match = REASONS.search(text)
    return [] if match is None else [{"Code": code.strip()} for code in match[1].split(",")]
