"""Errors of Google as errors of Stoker."""

import pytest
from google.api_core import exceptions as google
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, QuotaFailure, RetryInfo

from adapters.gcp.errors import ApiCall, translate
from adapters.ports.errors import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
)

READ = ApiCall("GetService", "Cloud Run service chat", "run.services.get")
WRITE = ApiCall("UpdateService", "Cloud Run service chat", "run.services.update", writes=True)
RATE = ("Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per region' of service "
        "'run.googleapis.com'")


@pytest.mark.parametrize(("error", "call", "kind", "words"), [
    (google.ResourceExhausted(RATE), READ, Throttled, "limits the rate"),
    (google.ResourceExhausted("Quota exceeded for NvidiaL4GpuAllocPerProjectRegion"), WRITE, QuotaExceeded, "NvidiaL4"),
    (google.Aborted("Conflict for resource 'chat': version '1' was specified but current version is '2'."), WRITE, Conflict,
     "version '1'"),
    (google.FailedPrecondition("not now"), WRITE, Conflict, "not now"),
    (google.NotFound("Resource 'chat' was not found"), READ, NotFound, "create it"),
    (google.PermissionDenied("Permission 'run.services.update' denied on resource 'x'"), WRITE, PermissionDenied,
     "permission run.services.update is missing"),
    (google.PermissionDenied("The caller does not have permission"), READ, PermissionDenied, "run.services.get"),
    (google.PermissionDenied("Cloud Run Admin API has not been used in project 1 before or it is disabled."), READ,
     PermissionDenied, "enable run.googleapis.com"),
    (google.Unauthenticated("ACCESS_TOKEN_EXPIRED ya29.secret"), READ, PermissionDenied, "expired"),
    (google.InvalidArgument("Violation in Field"), WRITE, Unsupported, "Violation"),
    (google.ServiceUnavailable("failed to connect to all addresses"), WRITE, Unreachable, "check network"),
    (google.ServiceUnavailable("Socket closed"), WRITE, OutcomeUnknown, "before the next write"),
    (google.ServiceUnavailable("Socket closed"), READ, Unreachable, "no usable response to GetService"),
    (google.DeadlineExceeded("Deadline Exceeded"), WRITE, OutcomeUnknown, "DeadlineExceeded"),
    (google.InternalServerError("oops"), WRITE, OutcomeUnknown, "UpdateService"),
    (google.InternalServerError("oops"), READ, Unreachable, "GetService"),
    (google.ServiceUnavailable("errors resolving run.googleapis.com:443: [field:hostname lookup error:address lookup failed for "
                               "run.googleapis.com:443: Domain name not found]"), WRITE, Unreachable, "cannot be resolved"),
    (google.ServiceUnavailable("errors resolving proxy:3128: [field:hostname lookup error:Address lookup failed for proxy:3128 "
                               "os_error: Name or service not known syscall: getaddrinfo]"), WRITE, Unreachable, "nothing was"),
    (google.ServiceUnavailable("failed to connect to all addresses; last error: UNKNOWN: HTTP proxy returned response code 407"),
     WRITE, Unreachable, "the proxy answers with status 407"),
    (google.ServiceUnavailable("the backend says: name resolution failed"), WRITE, OutcomeUnknown, "UpdateService"),
    (google.ResourceExhausted("Quota exceeded for a separate limit: CpuAllocPerProjectRegion"), WRITE, QuotaExceeded, "CpuAlloc"),
    (google.ResourceExhausted(""), READ, Throttled, "limits the rate"),
    (ValueError("what is this"), WRITE, OutcomeUnknown, "ValueError"),
])
def test_every_error_states_cause_and_remedy(error, call, kind, words):
    result = translate(error, call)

    assert type(result) is kind
    assert words in str(result)
    assert str(result).startswith("Cloud Run service chat")
    assert "\n" not in str(result)
    assert "ya29" not in str(result)


def test_a_long_text_is_shortened():
    assert len(str(translate(google.InvalidArgument("x\n" * 2000), READ))) < 500


def with_details(error, *details):
    info = next((detail for detail in details if isinstance(detail, ErrorInfo)), None)
    return type(error)(error.message, details=details, error_info=info)


def quota(**violation):
    return QuotaFailure(violations=[QuotaFailure.Violation(**violation)])


@pytest.mark.parametrize(("details", "kind", "seconds"), [
    ([ErrorInfo(reason="RATE_LIMIT_EXCEEDED", metadata={"quota_limit": "ReadRequestsPerMinutePerProject"})], Throttled, 15),
    ([ErrorInfo(reason="RATE_LIMIT_EXCEEDED"), RetryInfo(retry_delay=Duration(seconds=42))], Throttled, 42),
    ([RetryInfo(retry_delay=Duration(nanos=500_000_000))], Throttled, 0.5),
    ([RetryInfo(retry_delay=Duration(seconds=86_400))], Throttled, 600),
    ([RetryInfo(retry_delay=Duration(seconds=-5))], QuotaExceeded, None),
    ([quota(quota_id="WriteRequestsPerMinutePerProject")], Throttled, 15),
    ([quota(description="read requests per minute")], Throttled, 15),
    ([ErrorInfo(reason="RESOURCE_QUOTA_EXCEEDED"), RetryInfo(retry_delay=Duration(seconds=42))], QuotaExceeded, None),
    ([quota(quota_id="NvidiaL4GpuAllocPerProjectRegion"), RetryInfo(retry_delay=Duration(seconds=42))], QuotaExceeded, None),
])
def test_an_exhausted_quota_is_classified_by_its_details(details, kind, seconds):
    result = translate(with_details(google.ResourceExhausted("Separate trouble"), *details), READ)

    assert type(result) is kind
    if seconds is not None:
        assert result.retry_after.total_seconds() == seconds


def test_unavailable_with_a_retry_time_throttles_a_read_and_leaves_a_write_unknown():
    error = with_details(google.ServiceUnavailable("restarting"), RetryInfo(retry_delay=Duration(seconds=20)))

    assert translate(error, READ).retry_after.total_seconds() == 20
    assert type(translate(error, WRITE)) is OutcomeUnknown


@pytest.mark.parametrize("error", [google.FailedPrecondition("x"), google.NotFound("x"), google.InvalidArgument("x")])
def test_a_reason_is_used_for_any_status(error):
    result = translate(with_details(error, ErrorInfo(reason="BILLING_DISABLED", metadata={"consumer": "projects/123"})), WRITE)

    assert type(result) is PermissionDenied
    assert "billing is disabled for projects/123" in str(result)


def test_rejected_credentials_are_reported_with_clock_skew():
    result = str(translate(google.Unauthenticated("Invalid JWT"), READ, "this machine's clock is 900 s behind the provider's"))

    assert result.endswith("; this machine's clock is 900 s behind the provider's")


def test_a_disabled_account_is_reported():
    error = with_details(google.Unauthenticated("x"), ErrorInfo(reason="ACCOUNT_STATE_INVALID"))

    assert "the account of the credentials is disabled or deleted" in str(translate(error, READ))
