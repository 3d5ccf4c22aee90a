import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.model.policy import PoolPolicy
from controller.redaction import redactor
from controller.redaction.known_secrets import HIDDEN, KnownSecrets, is_ordinary
from controller.redaction.process_secrets import forms, in_environment, named_in, texts_in
from tests.builders import pool_policy

letters = st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc", "Cs", "Z"])
secrets = st.text(letters, min_size=8, max_size=60).filter(
    lambda text: HIDDEN not in text and not is_ordinary(text))


@given(st.lists(secrets, min_size=1, max_size=4), st.text(max_size=30), st.text(max_size=30))
def test_a_known_secret_is_removed_in_any_form_of_text(given_, before, after):
    hidden = KnownSecrets()
    hidden.hide(given_)

    for secret in given_:
        said = hidden.without(f"{before}{secret}{after}")
        assert secret not in said.replace(HIDDEN, "\0")


@given(secrets)
def test_escaped_forms_of_a_secret_are_removed(secret):
    hidden = KnownSecrets()
    for given_ in (f"Bearer {secret}", f"https://hooks.example/T0/{quote(secret, safe='')}"):
        hidden.hide(forms(given_))

    for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
        assert form not in hidden.without(f"refused: {form}, of 5")


@given(secrets, st.text(max_size=40))
def test_every_redaction_removes_known_secrets(secret, around):
    before = redactor.PROCESS_SECRETS
    redactor.PROCESS_SECRETS = KnownSecrets()
    try:
        redactor._redacted.cache_clear()
        redactor.redact_text(f"{around}{secret}")    # said before it was known
        redactor.PROCESS_SECRETS.hide([secret])
        value = {"text": f"{around}{secret}", secret: [secret, {"deep": secret.encode()}], "error": ValueError(secret)}
        once = redactor.redact(value)

        told = json.dumps(once, ensure_ascii=False)
        assert secret not in told.replace(HIDDEN, "\0")
        assert redactor.redact(once) == once
    finally:
        redactor.PROCESS_SECRETS = before
        redactor._redacted.cache_clear()


def test_secret_variables_are_found_by_name_and_by_policy():
    environment = {"STOKER_TOKEN": "a" * 20, "AWS_SECRET_ACCESS_KEY": "b" * 20, "AWS_SESSION_TOKEN": "c" * 20, "PING": "d" * 20,
                   "GOOGLE_APPLICATION_CREDENTIALS": "/etc/google.json", "STOKER_TOKEN_FILE": "/etc/token", "PATH": "/usr/bin",
                   "HOOK": "https://hooks.example/x", "AWS_REGION": "eu-west-1", "DB_PASSWORD": ""}
    policy = {"pools": ({"lever": {"headers_from": {"X-Agent": "PING"}}},), "notify": [{"url_env": "HOOK", "secret_env": None}]}

    assert in_environment(environment, named_in(policy)) == ["b" * 20, "c" * 20, "https://hooks.example/x", "d" * 20, "a" * 20]


@pytest.mark.parametrize("text", ["", "short", "none", "redacted", "[redacted]", "password", "Password", "changeme", "postgres",
                                  "us-east-1", "europe-west1", "us-gov-west-1", "eastus2", "localhost", "production"])
def test_ordinary_words_stay_in_messages(text):
    hidden = KnownSecrets()
    hidden.hide([text])

    assert hidden.without(f"the {text} pool") == f"the {text} pool"


def test_ordinary_environment_values_stay_in_messages(tmp_path):
    (tmp_path / "key.json").touch()
    environment = {"PWD": "/srv/stoker-production", "OLDPWD": "/srv/stoker-staging", "HOME": "/home/operations",
                   "USER": "operations",
                   "SSH_AUTH_SOCK": "/run/user/1000/keyring/ssh", "KEYBOARD": "us-international", "MAX_TOKENS": "100000000",
                   "AWS_SHARED_CREDENTIALS_FILE": "/home/operations/.aws/credentials", "AWS_REGION": "us-east-1",
                   "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
                   "DB_PASSWORD": "operations", "TLS_KEY": str(tmp_path / "key.json"), "APP_SECRET": "checkout-agent"}

    assert in_environment(environment, (), ["checkout-agent"]) == []
    assert list(texts_in({"pools": [{"name": "checkout-agent", "max": 5}]})) == ["checkout-agent"]


@pytest.mark.parametrize(("value", "goes", "stays"), [
    ("Bearer hunter2hunter2", "hunter2hunter2", "Bearer authentication"),
    ("operations runbook for nights", "operations runbook for nights", "see the operations runbook"),
    ("https://chat.example/hooks/incoming-notifications", "https://chat.example/hooks/incoming-notifications",
     "incoming-notifications"),
    ("https://chat.example/hooks/T0aB9xyz1", "T0aB9xyz1", "chat.example/hooks"),
])
def test_a_secret_is_removed_and_a_word_of_it_stays(value, goes, stays):
    hidden = KnownSecrets()
    hidden.hide(forms(value))

    assert hidden.without(f"refused: {goes}") == "refused: [redacted]"
    assert hidden.without(stays) == stays


def test_a_value_that_only_looks_like_a_url_is_hidden_whole():
    assert next(forms("http://[::1")) == "http://[::1"


def test_headers_for_traces_are_secrets_one_by_one():
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": "x-team=0123456789abcdef, x-set=fedcba9876543210",
                   "OTEL_SERVICE_NAME": "stoker-prod"}

    assert in_environment(environment, ()) == ["0123456789abcdef", "fedcba9876543210"]


def test_a_pool_of_today_names_no_variable():
    assert isinstance(pool_policy(), PoolPolicy)
    assert list(named_in(pool_policy().model_dump())) == []
