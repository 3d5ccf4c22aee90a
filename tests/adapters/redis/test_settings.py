"""Settings of Redis: a command has its key, and nothing that authenticates is part of the resource."""

import pytest
from pydantic import ValidationError

from adapters.redis.settings import RedisSettings


def settings(**changes):
    common = {"kind": "redis", "host": "cache.example.com", "command": "LLEN", "key": "jobs"}
    return RedisSettings.model_validate(common | changes)


@pytest.mark.parametrize(("changes", "what"), [
    ({"key": None}, "LLEN needs key"),
    ({"command": "DBSIZE"}, "DBSIZE takes no key"),
    ({"command": "SCAN"}, "SCAN takes no key"),
    ({"command": "SCAN", "key": None}, "SCAN needs pattern"),
    ({"pattern": "a*"}, "LLEN takes no pattern"),
    ({"username": "stoker"}, "username needs password_env"),
    ({"tls": {"cert_file": "/a"}}, "give both or none"),
    ({"command": "FLUSHALL"}, "Input should be"),
    ({"host": "user:secret@cache"}, "pattern"),
])
def test_incomplete_settings_are_refused(changes, what):
    with pytest.raises(ValidationError, match=what):
        settings(**changes)


def test_pools_with_the_same_connection_share_it():
    assert settings().connection == settings(command="GET", key="open").connection
    assert settings().connection != settings(database=1).connection


def test_the_resource_is_the_server_and_the_number():
    assert settings(password_env="STORE").resource == "host=cache.example.com port=6379 database=0 command=LLEN key=jobs"


def test_a_password_without_encryption_is_noticed():
    assert settings(password_env="STORE").unprotected
    assert not settings(password_env="STORE", host="127.0.0.1").unprotected
    assert not settings(password_env="STORE", tls={}).unprotected
