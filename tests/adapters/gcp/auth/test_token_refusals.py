"""Why there is no token: by what the library raised, the last request, and the credentials file."""

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
def test_no_answer_is_told_by_its_kind_alone(tmp_path, text, words):
    told = why(tmp_path, auth.TransportError(text), Exchange(STS))

    assert told.kind is Unreachable
    assert f"the token service {STS} {words}" in str(told)
    assert "secret-text" not in str(told)


def test_a_bundle_that_does_not_exist_is_told_with_its_variable(tmp_path):
    error = OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /nowhere")
    told = why(tmp_path, error, Exchange(STS), CURL_CA_BUNDLE="/nowhere")

    assert str(told) == "CURL_CA_BUNDLE names a certificate file that does not exist: correct or unset it"


@pytest.mark.parametrize(("status", "kind"), [(500, Unreachable), (503, Unreachable), (408, Unreachable), (429, Throttled),
                                              (400, PermissionDenied), (403, PermissionDenied), (200, Unreachable)])
def test_an_answer_is_told_by_its_status(tmp_path, status, kind):
    told = why(tmp_path, auth.RefreshError("secret-text"), Exchange(STS, status=status))

    assert told.kind is kind
    assert "secret-text" not in str(told)


@pytest.mark.parametrize(("code", "content", "words"), [
    ("invalid_grant", USER, "run gcloud auth application-default login"), ("invalid_grant", EXTERNAL, "issuer or audience"),
    ("invalid_target", EXTERNAL, "deleted or disabled"), ("rapt_required", USER, "new login"),
    ("", USER, "create the file again"),
])
def test_a_refusal_has_the_remedy_for_its_code_and_file(tmp_path, code, content, words):
    told = str(why(tmp_path, auth.RefreshError("x"), Exchange(STS, status=400, code=code), content))

    assert told.startswith(f"the token service {STS} refuses the credentials file {tmp_path}/credentials.json")
    assert words in told


def test_an_account_that_cannot_be_impersonated_is_named(tmp_path):
    missing = Exchange("iamcredentials.googleapis.com", account="a@b.example", status=404)

    assert "finds no service account a@b.example (status 404)" in str(why(tmp_path, auth.RefreshError("x"), missing))


def test_the_source_of_a_subject_token_is_no_token_service(tmp_path):
    told = str(why(tmp_path, auth.RefreshError("x"), Exchange("source.example:8080", status=403), EXTERNAL))

    assert told.startswith("the source of the subject token source.example:8080 returns no subject token (status 403): check")


@pytest.mark.parametrize(("error", "kind", "words"), [
    (subprocess.TimeoutExpired("secret-text", 5), Unreachable, "did not exit in time"),
    (auth.RefreshError("Executable exited: secret-text"), PermissionDenied, "gives no subject token (RefreshError)"),
    (FileNotFoundError(2, "secret-text"), PermissionDenied, "gives no subject token (FileNotFoundError)"),
])
def test_a_source_that_fails_on_this_machine_is_told_without_its_output(tmp_path, error, kind, words):
    told = why(tmp_path, error, content=EXTERNAL)

    assert told.kind is kind
    assert words in str(told)
    assert "secret-text" not in str(told)


def test_without_a_file_the_metadata_server_is_named(tmp_path):
    absent = auth.DefaultCredentialsError("x")

    assert "the metadata server 169.254.169.254 does not answer" in str(why(tmp_path, absent, Exchange("169.254.169.254"), None))
    assert "metadata" not in str(why(tmp_path, absent, content=None))
    none = Exchange("metadata.google.internal", status=404)
    assert "has no credentials for this workload (status 404)" in str(why(tmp_path, auth.RefreshError("x"), none, None))


def test_a_fault_of_the_file_comes_before_anything_else(tmp_path):
    told = why(tmp_path, auth.TransportError("Read timed out"), Exchange(STS), {"type": "magic"})

    assert "has the unknown type 'magic'" in str(told)


def test_an_error_of_a_call_says_that_nothing_was_sent(tmp_path):
    told = why(tmp_path, auth.TransportError("x"), Exchange(STS)).about("Cloud Run service chat", "this machine's clock is wrong")

    assert str(told).endswith("; this machine's clock is wrong; nothing was sent to Google")
