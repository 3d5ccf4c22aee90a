"""Error codes of all AWS services, grouped by how Stoker handles them.

AWS writes one code in several ways: Throttling, ThrottlingException and, in the reasons of a cancelled transaction,
ThrottlingError. Codes are therefore compared by their stem. A test compares these sets with botocore's retry lists.
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
"""Too many calls. Nothing was changed. botocore's list also has LimitExceededException, which here is a quota."""

CONTENDED = {"ConcurrentUpdate", "ReplicatedWriteConflict", "TransactionConflict", "TransactionInProgress"}
"""Another request is changing the same item or target. Nothing was changed; the same request can succeed later."""

FAULTS = {"IDPCommunication", "Internal", "InternalFailure", "InternalServer", "InternalService", "RequestTimeout", "Service",
          "ServiceUnavailable"}
"""Fault on the side of AWS, with any HTTP status. The request may have been carried out."""

UNMET = {"ConditionalCheckFailed"}
"""The condition of a change did not hold. Nothing was changed."""

FORBIDDEN = {"AccessDenied", "Authorization", "NotAuthorized", "UnauthorizedOperation"}
"""The caller is authenticated but not authorised."""

EXPIRED = {"ExpiredToken"}
INVALID = {
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignature", "InvalidToken",
    "MissingAuthenticationToken", "NotSignedUp", "SignatureDoesNotMatch", "UnrecognizedClient",
}
"""AWS does not accept the keys or the signature made with them. Nothing was changed."""

OUT_OF_TIME = {"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"}
"""The time in the request differs too much from AWS's. Other codes can have the same cause: see `clock_text`."""

THROTTLED_STATUS = (429, 509)
CANCELLED = "TransactionCanceledException"
ENDING = re.compile(r"(?<=\w)(Exception|Error|Fault)$")
REASONS = re.compile(r"\[([\w, ]+)\]\s*$")


def stem(code: str) -> str:
    """Return a code without the ending, which differs between services and protocols."""
    return ENDING.sub("", code)


def clock_text(code: str, answer: Mapping[str, Any]) -> str | None:
    """Return the error of this machine's clock, by the `Date` of the answer; None when the code has another cause."""
    if stem(code) not in OUT_OF_TIME | INVALID | EXPIRED:
        return None
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    wrong = skew_words(headers.get("date"), SystemClock().now(), SKEW_FAIL)
    if wrong:
        return f"{wrong}: synchronise it with NTP (chrony, timesyncd)"
    return "check this machine's clock" if stem(code) in OUT_OF_TIME else None


def cause_of_cancellation(answer: Mapping[str, Any], text: str) -> tuple[str, str]:
    """Return the code and the text of the reason why DynamoDB cancelled a transaction.

    The answer has a reason for each item, "None" for an item that could be changed. A failed condition has priority over all
    others, because a retry cannot succeed. If the answer has no reasons, which are optional, the codes are read from `text`.
    """
    reasons: Sequence[Mapping[str, Any]] = answer.get("CancellationReasons") or _named_in(text)
    causes = {stem(str(each["Code"])): str(each.get("Message") or text) for each in reasons
             if each.get("Code") not in (None, "None")}
    for codes in (UNMET, THROTTLED, CONTENDED, FAULTS):
        for code, message in causes.items():
            if code in codes:
                return code, message
    return next(iter(causes.items()), (CANCELLED, text))


def _named_in(text: str) -> list[dict[str, str]]:
    match = REASONS.search(text)
    return [] if match is None else [{"Code": code.strip()} for code in match[1].split(",")]
