"""Settings of PostgreSQL: one SELECT, and nothing that authenticates is part of the resource."""

import pytest
from pydantic import ValidationError

from adapters.postgresql.settings import PostgresqlSettings


def settings(**changes):
    common = {"kind": "postgresql", "host": "db.example.com", "database": "app", "username": "stoker",
              "query": "SELECT count(*)\n  FROM sessions"}
    return PostgresqlSettings.model_validate(common | changes)


@pytest.mark.parametrize(("changes", "what"), [
    ({"query": "DELETE FROM sessions"}, "must begin with SELECT"),
    ({"query": "SELECT 1; DROP TABLE sessions"}, "without a semicolon"),
    ({"query": "SELECT 1\x00"}, "NUL"),
    ({"host": "/run/postgresql", "tls": {}}, "no TLS"),
    ({"host": "db/../x"}, "pattern"),
])
def test_anything_but_one_select_is_refused(changes, what):
    with pytest.raises(ValidationError, match=what):
        settings(**changes)


def test_the_resource_is_the_server_and_the_query():
    assert settings(password_env="STORE").resource == ("host=db.example.com port=5432 database=app "
                                                       "query=SELECT count(*) FROM sessions")


def test_a_password_without_encryption_is_noticed():
    assert settings(password_env="STORE").unprotected
    assert not settings(password_env="STORE", host="/run/postgresql").unprotected
