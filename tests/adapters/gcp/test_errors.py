"""What Google says, in Stoker's words."""

import pytest
from google.api_core import exceptions as google
from google.auth import exceptions as auth

from adapters.errors import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
)
from adapters.gcp.errors import Asked, translate

READ = Asked("GetService", "Cloud Run service chat", "run.services.get")
WRITE = Asked("UpdateService", "Cloud Run service chat", "run.services.update", writes=True)
RATE = ("Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute per region' of service "
        "'run.googleapis.com'")


@pytest.mark.parametrize(("error", "asked", "kind", "words"), [
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
    (google.ServiceUnavailable("Socket closed"), WRITE, OutcomeUnknown, "read before anything else"),
    (google.ServiceUnavailable("Socket closed"), READ, Unreachable, "next tick"),
    (google.DeadlineExceeded("Deadline Exceeded"), WRITE, OutcomeUnknown, "DeadlineExceeded"),
    (google.InternalServerError("oops"), WRITE, OutcomeUnknown, "UpdateService"),
    (google.InternalServerError("oops"), READ, Unreachable, "GetService"),
    (auth.DefaultCredentialsError("none"), READ, PermissionDenied, "GOOGLE_APPLICATION_CREDENTIALS"),
    (auth.RefreshError("invalid_grant ya29.secret"), READ, PermissionDenied, "expired"),
    (auth.TransportError("metadata server"), READ, Unreachable, "token service"),
    (ValueError("what is this"), WRITE, OutcomeUnknown, "ValueError"),
])
def test_every_error_says_what_is_known_and_what_to_do(error, asked, kind, words):
    told = translate(error, asked)

    assert type(told) is kind
    assert words in str(told)
    assert str(told).startswith("Cloud Run service chat")
    assert "\n" not in str(told)
    assert "ya29" not in str(told)


def test_a_long_text_is_cut():
    assert len(str(translate(google.InvalidArgument("x\n" * 2000), READ))) < 500
