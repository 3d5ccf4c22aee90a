"""Faults of a credentials file."""

import json
from pathlib import Path

import pytest

from adapters.gcp.auth.credential_file import FIELDS, CredentialFile, credential_file
from tests.foreign.google.authority import rsa_key
from tests.foreign.google.credential_kinds import USER, Wallet

PRIVATE, _ = rsa_key()
SUBJECT = {"type": "external_account", "audience": "a", "subject_token_type": "b", "token_url": "https://c"}


def fault(folder: Path, content: object, environment=None) -> str:
    path = folder / "credentials.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return CredentialFile(path, "GOOGLE_APPLICATION_CREDENTIALS").fault(environment or {})


@pytest.mark.parametrize(("content", "words"), [
    ("", "is empty"), (" \n", "is empty"), ("{\n  'type'", "is not valid JSON (line 2, column 3)"),
    ("\ufeff{}", "starts with a byte order mark"), ("[]", "contains no JSON object"),
    ("{}", "has no type; allowed are authorized_user, external_account"), ({"type": "secret-text" * 9}, "has the unknown type"),
    ({"installed": {}}, "is the file of an OAuth client"), ({"web": {}}, "run gcloud auth application-default login"),
    (USER | {"refresh_token": ""}, "is of type authorized_user and lacks refresh_token"),
    ({"type": "service_account"}, "lacks client_email, private_key, token_uri"),
    ({"type": "service_account", "client_email": "a@b", "token_uri": "c", "private_key": "secret-text" * 4},
     "has a private_key that is not a valid PEM key"),
    ({"type": "impersonated_service_account", "service_account_impersonation_url": "a", "source_credentials": {"type": "x"}},
     "contains source_credentials that has the unknown type 'x'"),
    (SUBJECT, "lacks credential_source"),
    (SUBJECT | {"credential_source": "x"}, "has a credential_source that is not a JSON object"),
    (SUBJECT | {"credential_source": {"fiel": "x"}}, "has a credential_source without file, url"),
    (SUBJECT | {"credential_source": {"file": "/nowhere/token"}}, "names the subject token file /nowhere/token, which cannot"),
    (SUBJECT | {"credential_source": {"executable": {"command": "x"}}}, "set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"),
])
def test_a_fault_does_not_quote_the_file(tmp_path, content, words):
    text = fault(tmp_path, content)

    assert words in text
    assert "secret-text" * 4 not in text


@pytest.mark.parametrize(("content", "words"), [("", "is empty"), ("plain", "is not JSON with a field id"),
                                                ('{"id": ""}', "is not JSON with a field id")])
def test_the_subject_token_file_is_checked(tmp_path, content, words):
    (tmp_path / "token").write_text(content)
    source = {"file": str(tmp_path / "token"), "format": {"type": "json", "subject_token_field_name": "id"}}

    assert words in fault(tmp_path, SUBJECT | {"credential_source": source})


def test_a_directory_and_invalid_utf_8_are_reported(tmp_path):
    assert CredentialFile(tmp_path, "x").fault({}) == "is a directory, not a file"
    (tmp_path / "bytes").write_bytes("{}".encode("utf-16"))
    assert CredentialFile(tmp_path / "bytes", "x").fault({}) == "is not UTF-8 text"


@pytest.mark.parametrize("kind", ["service account", "authorized user", "impersonated", "federation by file",
                                  "federation by AWS", "federation by URL", "federation by executable"])
def test_a_file_that_the_library_accepts_has_no_fault(tmp_path, kind):
    wallet = Wallet(tmp_path, PRIVATE, 1)

    assert fault(tmp_path, wallet.content(kind), {"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES": "1"}) == ""


def test_the_file_is_where_the_library_reads_it(tmp_path):
    gcloud = tmp_path / "application_default_credentials.json"
    assert credential_file({"CLOUDSDK_CONFIG": str(tmp_path)}) is None
    gcloud.write_text("{}")

    assert str(credential_file({"CLOUDSDK_CONFIG": str(tmp_path)})) == f"{gcloud} (written by gcloud)"
    both = {"CLOUDSDK_CONFIG": str(tmp_path), "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"}
    assert str(credential_file(both)) == "/nowhere/key.json (GOOGLE_APPLICATION_CREDENTIALS)"


def test_the_types_are_those_of_the_library():
    from google.auth import _default

    assert set(FIELDS) == set(_default._VALID_TYPES)
