"""Causes of a missing token: from the exception, the last request and the credentials file."""

import json
import subprocess

import pytest
from google.auth import exceptions as auth

from adapters.gcp.auth.token_refusals import explain
from adapters.gcp.auth.token_requests import Exchange
from adapters.ports.errors import PermissionDenied, Throttled, Unreachable
from tests.foreign.google.credential_kinds import USER

EXTERNAL = {"type": "external_account", "audience": "a", "subject_token_type": "b", "token_url": "https://c",
            "credential_source": {"url": "http://source.example:8080/token"}}
STS = "sts.googleapis.com"


def why(folder, error, last=None, content=USER, **environment):
    if content is not None:
        path = folder / "credentials.json"
        path.write_text(json.dumps(content))
        environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(path)
    return explain(error, last or Exchange(), {"CLOUDSDK_CONFIG": str(folder / "nothing"), **environment})


@pytest.mark.parametrize(("text", "words"), [
    ("[SSL: CERTIFICATE_VERIFY_FAILED] secret-text", "presents a certificate that is not trusted"),
    ("ProxyError('Cannot connect', OSError('Tunnel connection failed: 403'))", "cannot be reached through the proxy"),
    ("Failed to resolve 'sts.googleapis.com'", "cannot be reached, because its name cannot be resolved"),
    ("Read timed out.", "does not answer"),
    ("Connection refused secret-text", "cannot be reached: check network, proxy and DNS"),
])
def test_a_missing_response_is_explained_without_the_exception_text(tmp_path, text, words):
    refusal = why(tmp_path, auth.TransportError(text), Exchange(STS))

    assert refusal.kind is Unreachable
    assert f"the token service {STS} {words}" in str(refusal)
    assert "secret-text" not in str(refusal)


def test_a_missing_ca_bundle_is_reported_with_its_variable(tmp_path):
    error = OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /nowhere")
    refusal = why(tmp_path, error, Exchange(STS), CURL_CA_BUNDLE="/nowhere")

    assert str(refusal) == "CURL_CA_BUNDLE names a certificate file that does not exist: correct or unset it"


@pytest.mark.parametrize(("status", "kind"), [(500, Unreachable), (503, Unreachable), (408, Unreachable), (429, Throttled),
                                              (400, PermissionDenied), (403, PermissionDenied), (200, Unreachable)])
def test_a_response_is_explained_by_its_status(tmp_path, status, kind):
    refusal = why(tmp_path, auth.RefreshError("secret-text"), Exchange(STS, status=status))

    assert refusal.kind is kind
    assert "secret-text" not in str(refusal)


@pytest.mark.parametrize(("code", "content", "words"), [
    ("invalid_grant", USER, "run gcloud auth application-default login"), ("invalid_grant", EXTERNAL, "issuer or audience"),
    ("invalid_target", EXTERNAL, "deleted or disabled"), ("rapt_required", USER, "new login"),
    ("", USER, "create the file again"),
])
def test_a_rejection_has_the_remedy_for_its_code_and_file(tmp_path, code, content, words):
    refusal = str(why(tmp_path, auth.RefreshError("x"), Exchange(STS, status=400, code=code), content))

    assert refusal.startswith(f"the token service {STS} refuses the credentials file {tmp_path}/credentials.json")
    assert words in refusal


def test_an_account_that_cannot_be_impersonated_is_named(tmp_path):
    missing = Exchange("iamcredentials.googleapis.com", account="a@b.example", status=404)

    assert "finds no service account a@b.example (status 404)" in str(why(tmp_path, auth.RefreshError("x"), missing))


def test_the_source_of_a_subject_token_is_not_called_a_token_service(tmp_path):
    refusal = str(why(tmp_path, auth.RefreshError("x"), Exchange("source.example:8080", status=403), EXTERNAL))

    assert refusal.startswith("the source of the subject token source.example:8080 returns no subject token (status 403): check")


@pytest.mark.parametrize(("error", "kind", "words"), [
    (subprocess.TimeoutExpired("secret-text", 5), Unreachable, "did not exit in time"),
    (auth.RefreshError("Executable exited: secret-text"), PermissionDenied, "gives no subject token (RefreshError)"),
    (FileNotFoundError(2, "secret-text"), PermissionDenied, "gives no subject token (FileNotFoundError)"),
])
def test_a_local_source_that_fails_is_reported_without_its_output(tmp_path, error, kind, words):
    refusal = why(tmp_path, error, content=EXTERNAL)

    assert refusal.kind is kind
    assert words in str(refusal)
    assert "secret-text" not in str(refusal)


def test_without_a_file_the_metadata_server_is_named(tmp_path):
    absent = auth.DefaultCredentialsError("x")

    assert "the metadata server 169.254.169.254 does not answer" in str(why(tmp_path, absent, Exchange("169.254.169.254"), None))
    assert "metadata" not in str(why(tmp_path, absent, content=None))
    none = Exchange("metadata.google.internal", status=404)
    assert "has no credentials for this workload (status 404)" in str(why(tmp_path, auth.RefreshError("x"), none, None))


def test_a_fault_of_the_file_has_priority(tmp_path):
    text = why(tmp_path, auth.TransportError("Read timed out"), Exchange(STS), {"type": "magic"})

    assert "has the unknown type 'magic'" in str(text)


def test_the_error_of_a_call_states_that_nothing_was_sent(tmp_path):
    text = why(tmp_path, auth.TransportError("x"), Exchange(STS)).about("Cloud Run service chat", "this machine's clock is wrong")

    assert str(text).endswith("; this machine's clock is wrong; nothing was sent to Google")
