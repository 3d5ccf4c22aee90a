import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.policy import PoolPolicy
from controller import redact
from controller.given import forms, in_environment, named_in
from controller.hidden import HIDDEN, Hidden
from tests.builders import pool_policy

letters = st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc", "Cs", "Z"])
secrets = st.text(letters, min_size=8, max_size=60).filter(lambda text: text not in HIDDEN and HIDDEN not in text)


@given(st.lists(secrets, min_size=1, max_size=4), st.text(max_size=30), st.text(max_size=30))
def test_what_was_given_is_said_nowhere_whatever_it_looks_like(given_, before, after):
    hidden = Hidden()
    hidden.hide(given_)

    for secret in given_:
        said = hidden.without(f"{before}{secret}{after}")
        assert secret not in said.replace(HIDDEN, "\0")


@given(secrets)
def test_escapes_of_it_are_not_said_either(secret):
    hidden = Hidden()
    for given_ in (f"Bearer {secret}", f"https://hooks.example/T0/{quote(secret, safe='')}"):
        hidden.hide(forms(given_))

    for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
        assert form not in hidden.without(f"refused: {form}, of 5")


@given(secrets, st.text(max_size=40))
def test_everything_that_is_redacted_knows_it(secret, around):
    before = redact.HERE
    redact.HERE = Hidden()
    try:
        redact._redacted.cache_clear()
        redact.redact_text(f"{around}{secret}")    # said before it was known
        redact.HERE.hide([secret])
        value = {"text": f"{around}{secret}", secret: [secret, {"deep": secret.encode()}], "error": ValueError(secret)}
        once = redact.redact(value)

        told = json.dumps(once, ensure_ascii=False)
        assert secret not in told.replace(HIDDEN, "\0")
        assert redact.redact(once) == once
    finally:
        redact.HERE = before
        redact._redacted.cache_clear()


def test_variables_are_found_by_their_own_names_and_by_the_policy_that_names_them():
    environment = {"STOKER_TOKEN": "a" * 20, "AWS_SECRET_ACCESS_KEY": "b" * 20, "AWS_SESSION_TOKEN": "c" * 20, "PING": "d" * 20,
                   "GOOGLE_APPLICATION_CREDENTIALS": "/etc/google.json", "STOKER_TOKEN_FILE": "/etc/token", "PATH": "/usr/bin",
                   "HOOK": "https://hooks.example/x", "AWS_REGION": "eu-west-1", "DB_PASSWORD": ""}
    policy = {"pools": ({"lever": {"headers_from": {"X-Agent": "PING"}}},), "notify": [{"url_env": "HOOK", "secret_env": None}]}

    assert in_environment(environment, named_in(policy)) == ["b" * 20, "c" * 20, "https://hooks.example/x", "d" * 20, "a" * 20]


@pytest.mark.parametrize("text", ["", "short", "none", "redacted", "[redacted]"])
def test_ordinary_words_stay_in_messages(text):
    hidden = Hidden()
    hidden.hide([text])

    assert hidden.without(f"the {text} pool") == f"the {text} pool"


def test_a_pool_of_today_names_no_variable():
    assert isinstance(pool_policy(), PoolPolicy)
    assert list(named_in(pool_policy().model_dump())) == []
