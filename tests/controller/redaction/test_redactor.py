import json
import math
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.redaction.redactor import HIDDEN, redact, redact_text
from tests.builders import NOON
from tests.test_named_commands import MODULES, shown

ACCESS_KEY = "AKIA" + "ABCDEFGH12345678"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzzzzzzzzKE"


@pytest.mark.parametrize("secret", [
    ACCESS_KEY, SECRET_KEY, "AIza" + "a" * 35, "ya29.a0AfH6SMB-x", "eyJhbGciOi.eyJzdWIiOi.sig-nature",
])
def test_text_in_the_form_of_a_credential_is_removed(secret):
    text = f"the call with {secret} was refused"

    assert secret not in redact_text(text)
    assert redact_text(text).endswith("was refused")


@pytest.mark.parametrize("text", [
    "Authorization: Bearer abcdef123456", "password=hunter2x", "'api_key': 'hunter2x'", "aws_secret_access_key = hunter2x",
    "https://user:hunter2x@host/path",
])
def test_a_named_secret_loses_its_value(text):
    assert "hunter2x" not in redact_text(text)
    assert "abcdef123456" not in redact_text(text)


@pytest.mark.parametrize("text", [
    "agent:live in us-east-1: allocation failed", "arn:aws:lambda:us-east-1:123456789012:function:support-agent:live",
    "holding 5, the newest is 7 min old", "2026-03-02T12:00:00Z",
    "the proxy answers without a token: check that no login page answers",
    "the URL of a webhook is a secret: use url_env instead",
    "AllocatedProvisionedConcurrentExecutions is missing", "Basic authentication is not supported", "a bearer of shares",
    "invalid credentials: the file is empty", "no password: set DB_PASSWORD where the daemon runs", "signature: not checked",
])
def test_ordinary_text_stays(text):
    assert redact_text(text) == text


def test_names_that_announce_a_secret_lose_their_values():
    assert redact({"token": 5, "Secret": {"a": 1}, "password": None, "pool": "a"}) == {
        "token": HIDDEN, "Secret": HIDDEN, "password": None, "pool": "a"}


def test_names_that_only_describe_a_secret_keep_their_values():
    said = {"token_file": "/run/secrets/token", "secret_env": "HOOK", "max_tokens": 4096, "public_key": "x"}

    assert redact(said) == said


OWN = {'Bearer error="invalid_token"', "missing token: send the header Authorization: Bearer TOKEN with the daemon's token",}
"""Parts of answers of HTTP that are not redacted by shape."""


def test_no_message_of_stoker_loses_a_word():
    changed = {text for path in MODULES for text in shown(path) if redact_text(text) != text}

    assert {text for text in changed if " " in text} - OWN == set()


def test_values_become_json_values():
    @dataclass
    class Thing:
        at: object
        span: object

    value = {"x": np.float32(1.5), "rows": np.array([1, 2]), "thing": Thing(NOON, timedelta(minutes=2)), "no": math.nan, "s": {1}}

    assert redact(value) == {"x": 1.5, "rows": [1, 2], "thing": {"at": NOON.isoformat(), "span": 120.0}, "no": None, "s": [1]}


values = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=20),
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)


@given(values)
def test_any_value_becomes_json_and_redaction_is_idempotent(value):
    once = redact(value)

    json.dumps(once, allow_nan=False)
    assert redact(once) == once


@given(st.text(), st.text())
def test_a_key_never_survives_between_any_two_texts(before, after):
    assert ACCESS_KEY not in redact_text(f"{before} {ACCESS_KEY} {after}")


def test_a_pool_named_like_a_secret_keeps_its_values():
    said = "token-issuer: metrics are late"

    assert redact_text(said) == said
    assert redact_text("token: abcdef") == f"token: {HIDDEN}"
