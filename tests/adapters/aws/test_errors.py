"""Translation of AWS's errors."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from urllib3.exceptions import SSLError

from adapters.aws.errors import AccountFull, ApiCall, FunctionFull, NotSet, not_sent, translate
from adapters.ports.errors import (
    Conflict,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
)

WHO = "Lambda alias agent:live in us-east-1"
READ = ApiCall("lambda", "get_provisioned_concurrency_config", WHO)
WRITE = ApiCall("lambda", "put_provisioned_concurrency_config", WHO, writes=True)
FLOOR = ("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value "
         "of [{}].")
INVALID = "InvalidParameterValueException"


def said(code, message="no", status=400, headers=None, **fields):
    response = {"Error": {"Code": code, "Message": message},
                "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers or {}}}
    return ClientError(response | fields, "Whatever")


@pytest.mark.parametrize(("code", "status", "message", "kind", "needle"), [
    ("TooManyRequestsException", 429, "Rate exceeded", Throttled, "lambda:PutProvisionedConcurrencyConfig"),
    ("Throttling", 400, "Rate exceeded", Throttled, WHO),
    ("ThrottlingException", 400, "Rate exceeded", Throttled, WHO),
    ("AccessDeniedException", 403, "denied", PermissionDenied, "lambda:PutProvisionedConcurrencyConfig"),
    ("AccessDenied", 403, "x is not authorized to perform: lambda:GetAlias on resource: y", PermissionDenied, "lambda:GetAlias"),
    ("ExpiredTokenException", 403, "expired", Misconfigured, "expired"),
    ("UnrecognizedClientException", 403, "invalid", Misconfigured, "UnrecognizedClientException"),
    ("OptInRequired", 403, "no", PermissionDenied, "opted in"),
    ("ResourceNotFoundException", 404, "Cannot find alias arn: x", NotFound, "Cannot find alias"),
    ("ProvisionedConcurrencyConfigNotFoundException", 404, "none", NotSet, WHO),
    ("ResourceConflictException", 409, "A previous request is being processed.", Conflict, "previous request"),
    (INVALID, 400, FLOOR.format(10), AccountFull, "10"),
    (INVALID, 400, "Alias with weights can not be used with Provisioned Concurrency", Conflict, "deployment"),
    (INVALID, 400, "Invalid alias configuration for Provisioned Concurrency", Conflict, "deployment"),
    (INVALID, 400, "should not be greater than the reservedConcurrentExecution for function", FunctionFull,
     "reserved concurrency"),
    (INVALID, 400, "cannot be applied to unpublished function versions.", Unsupported, "unpublished"),
    ("LimitExceededException", 400, "too many", QuotaExceeded, "quota"),
    ("ServiceException", 500, "oops", OutcomeUnknown, WHO),
    ("404", 404, "<html>", OutcomeUnknown, "proxy"),
])
def test_each_refusal_has_its_class_resource_and_remedy(code, status, message, kind, needle):
    error = translate(said(code, message, status), WRITE)

    assert type(error) is kind
    assert WHO in str(error)
    assert needle in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(("code", "status"), [("ServiceException", 500), ("InternalFailure", 500), ("Some", 503), ("404", 404)])
def test_the_same_fault_on_a_read_is_retryable(code, status):
    assert type(translate(said(code, "oops", status), READ)) is Unreachable


@pytest.mark.parametrize("floor", [10, 50, 100])
def test_the_floor_is_read_from_the_text(floor):
    assert translate(said(INVALID, FLOOR.format(floor)), WRITE).floor == floor


@pytest.mark.parametrize("given", [{"headers": {"retry-after": "7"}}, {"retryAfterSeconds": "7"}])
def test_the_retry_time_is_passed_on(given):
    assert translate(said("TooManyRequestsException", "x", 429, **given), READ).retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("given", [{}, {"headers": {"retry-after": "soon"}}, {"headers": {"retry-after": "nan"}}])
def test_an_invalid_retry_time_is_ignored(given):
    assert translate(said("TooManyRequestsException", "x", 429, **given), READ).retry_after is None


@pytest.mark.parametrize(("why", "shown"), [
    ("because no identity-based policy allows the lambda:GetAlias action", "because no identity-based policy allows it"),
    ("with an explicit deny in a service control policy", "with an explicit deny in a service control policy"),
])
def test_the_reason_of_a_missing_permission_is_quoted(why, shown):
    text = f"User: arn:aws:iam::1:user/x is not authorized to perform: lambda:GetAlias on resource: y {why}"

    assert shown in str(translate(said("AccessDeniedException", text, 403), READ))


def test_a_refused_signature_is_never_quoted():
    text = "The request signature ... Canonical String: x-amz-security-token:IQoJSECRET host:lambda"
    for code in ("SignatureDoesNotMatch", "InvalidSignatureException"):
        assert "IQoJSECRET" not in str(translate(said(code, text, 403), WRITE))


@pytest.mark.parametrize(("error", "read", "write"), [
    (boto.ConnectTimeoutError(endpoint_url="u"), Unreachable, Unreachable),
    (boto.EndpointConnectionError(endpoint_url="u"), Unreachable, Unreachable),
    (boto.ReadTimeoutError(endpoint_url="u"), Unreachable, OutcomeUnknown),
    (boto.ConnectionClosedError(endpoint_url="u"), Unreachable, OutcomeUnknown),
    (boto.SSLError(endpoint_url="u", error="e"), Unreachable, OutcomeUnknown),
    (boto.HTTPClientError(error="e"), Unreachable, OutcomeUnknown),
    (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), Unreachable, OutcomeUnknown),
])
def test_without_a_response_the_error_depends_on_whether_it_was_sent(error, read, write):
    assert type(translate(error, READ)) is read
    assert type(translate(error, WRITE)) is write
    assert "SECRET" not in str(translate(error, WRITE))
    assert WHO in str(translate(error, WRITE))


@pytest.mark.parametrize(("error", "kind"), [
    (boto.NoCredentialsError(), Misconfigured),
    (boto.PartialCredentialsError(provider="env", cred_var="x"), Misconfigured),
    (boto.CredentialRetrievalError(provider="p", error_msg="key=SECRET"), Misconfigured),
    (boto.TokenRetrievalError(provider="sso", error_msg="SECRET"), Misconfigured),
    (boto.ProfileNotFound(profile="x"), Misconfigured),
    (boto.EndpointConnectionError(endpoint_url="https://sts.us-east-1.amazonaws.com/"), Unreachable),
    (boto.ReadTimeoutError(endpoint_url="https://sts.us-east-1.amazonaws.com/"), Unreachable),
    (boto.HTTPClientError(error="SECRET"), Unreachable),
    (said("Throttling", "SECRET"), Unreachable),
    (said("InternalFailure", "SECRET", 500), Unreachable),
    (said("AccessDenied", "SECRET", 403), Misconfigured),
    (said("InvalidIdentityToken", "SECRET", 400), Misconfigured),
    (RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."), Misconfigured),
    (boto.ParamValidationError(report="Invalid length"), Unsupported),
    (MemoryError("SECRET"), Misconfigured),
])
def test_a_write_that_was_not_sent_has_not_happened(error, kind):
    assert type(not_sent(error, WRITE)) is kind
    assert str(not_sent(error, WRITE)).startswith(WHO)
    assert "SECRET" not in str(not_sent(error, WRITE))


@pytest.mark.parametrize(("date", "code", "reply"), [
    (-900, "InvalidSignatureException", "900 s ahead of the provider's"),
    (900, "SignatureDoesNotMatch", "behind the provider's"),
    (-900, "RequestTimeTooSkewed", "ahead of the provider's"),
    (-900, "ExpiredTokenException", "ahead of the provider's"),
    (0, "RequestExpired", "check this machine's clock"),
    (0, "InvalidSignatureException", "check access key, secret key and session token"),
    (-900, "AccessDeniedException", "permission lambda:GetProvisionedConcurrencyConfig is missing"),
])
def test_a_wrong_clock_is_named_in_refusals_that_it_can_cause(date, code, reply):
    then = datetime.now(UTC) + timedelta(seconds=date)
    error = translate(said(code, "no", 403, headers={"date": format_datetime(then, usegmt=True)}), READ)

    assert re.search(reply.replace("900", r"90\d") if date else reply, str(error)), error


@pytest.mark.parametrize(("cause", "named"), [
    (SSLError(FileNotFoundError(2, "No such file or directory")), "cannot be read"),
    (SSLError("[X509: NO_CERTIFICATE_OR_CRL_FOUND] no certificate or crl found"), "PEM"),
    (SSLError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "does not use TLS"),
])
def test_a_tls_failure_by_a_setting_has_sent_nothing(cause, named):
    error = translate(boto.SSLError(endpoint_url="u", error=cause), WRITE)

    assert type(error) is Misconfigured
    assert named in str(error)
    assert "nothing was sent" in str(error)


def test_long_texts_are_cut():
    assert len(str(translate(said(INVALID, "x" * 5000), WRITE))) < 600
