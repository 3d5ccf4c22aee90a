"""Demand from Debian's PostgreSQL: read-only queries, timeouts, roles, TLS, kills and hangs."""

import asyncio
import os
import shutil
import signal
from contextlib import closing
from datetime import timedelta

import numpy as np
import psycopg
import pytest

from adapters.ports.errors import Malformed, NotFound, PermissionDenied, Unreachable, Unsupported
from adapters.postgresql.gauges import PostgresqlGauges
from adapters.postgresql.provider import PostgresqlStores
from adapters.postgresql.settings import PostgresqlSettings
from adapters.runtime.clock import ScaledClock
from tests.builders import NOON, pool_policy
from tests.foreign import servers
from tests.foreign.google.authority import Authority
from tests.patience import PATIENCE_SECONDS

OPEN = "SELECT count(*) FROM sessions WHERE closed_at IS NULL"
PASSWORD = "the-password-of-stoker"
HBA = """local all postgres trust
host all postgres all trust
hostssl secured stoker all scram-sha-256
host app stoker all scram-sha-256
"""
DATABASES = "CREATE DATABASE app; CREATE DATABASE secured"
TABLES = """CREATE TABLE sessions (id int, closed_at timestamptz); CREATE TABLE private (id int);
INSERT INTO sessions SELECT number, CASE WHEN number > 7 THEN now() END FROM generate_series(1, 20) AS number;
CREATE ROLE stoker LOGIN PASSWORD 'the-password-of-stoker'; GRANT SELECT ON sessions TO stoker"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgresql")
    authority = Authority(folder)
    key, certificate = authority.issue("localhost")
    with servers.postgresql(folder) as started:
        home, owner = started.home, (started.home / "data").stat().st_uid
        (home / "data" / "pg_hba.conf").write_text(HBA)
        for source, name in ((key, "server.key"), (certificate, "server.crt")):
            shutil.copy(source, home / "data" / name)
            (home / "data" / name).chmod(0o600)
            os.chown(home / "data" / name, owner, -1)
        for database, statements in (("postgres", DATABASES), ("app", TABLES), ("postgres", "ALTER SYSTEM SET ssl = on")):
            run(started, database, statements)
        run(started, "postgres", "SELECT pg_reload_conf()")
        started.authority = authority
        yield started


def run(server, database, statements):
    with closing(psycopg.connect(host="127.0.0.1", port=server.port, dbname=database, user="postgres", autocommit=True)) as admin:
        for statement in statements.split(";"):
            admin.execute(statement)


def settings(server, **changes):
    place = {"kind": "postgresql", "host": "localhost", "port": server.port, "database": "app", "username": "postgres"}
    return PostgresqlSettings.model_validate(place | {"query": OPEN} | changes)


async def read(seconds=PATIENCE_SECONDS, environment=None, **pools):
    gauges = PostgresqlGauges(pools, seconds, environment or {})
    try:
        return await gauges.read(tuple(pools))
    finally:
        await gauges.close()


async def test_a_query_returns_what_the_database_has(server):
    queries = {"open": OPEN, "part": "WITH a AS (SELECT 2.5) SELECT * FROM a", "table": "VALUES (3)  -- a comment",
               "percent": "SELECT 10 % 4", "text": "SELECT '4'"}
    found = await read(**{name: settings(server, query=query) for name, query in queries.items()})

    assert found == {"open": 7, "part": 2.5, "table": 3, "percent": 2, "text": 4}


@pytest.mark.parametrize(("query", "kind", "what"), [
    ("SELECT 1 WHERE false", Unsupported, "returns 0 rows"),
    ("SELECT generate_series(1, 1000000)", Unsupported, "more than 1 row"),
    ("SELECT 1, 2", Unsupported, "2 columns"),
    ("SELECT sum(id) FROM sessions WHERE id > 1000", Malformed, "NULL"),
    ("SELECT -1", Malformed, "'-1'"),
    ("SELECT 'NaN'::float", Malformed, "'nan'"),
    ("SELECT true", Malformed, "'True'"),
    ("SELECT count(*) FROM nowhere", Unsupported, 'relation "nowhere" does not exist'),
    ("SELECT count(* FROM sessions", Unsupported, "syntax error"),
    ("WITH gone AS (DELETE FROM sessions RETURNING 1) SELECT count(*) FROM gone", Unsupported, "must not contain data-modifying"),
    ("SELECT set_config('stoker.a', 'b', false)::int", Unsupported, "SQLSTATE 22P02"),
    ("SELECT nextval(pg_get_serial_sequence('a', 'b'))", Unsupported, "does not exist"),
    ("SELECT id FROM sessions WHERE id = 1 FOR UPDATE", Unsupported, "read-only transaction"),
])
async def test_anything_but_one_number_is_refused(server, query, kind, what):
    found = (await read(a=settings(server, query=query)))["a"]

    assert type(found) is kind
    assert what in str(found)
    assert "\n" not in str(found)
    assert (await read(a=settings(server)))["a"] == 7


async def test_a_failed_query_leaves_its_connection_usable(server):
    pools = {"wrong": settings(server, query="SELECT count(*) FROM nowhere"), "right": settings(server)}
    gauges = PostgresqlGauges(pools, PATIENCE_SECONDS, {})
    for _ in range(5):
        found = await gauges.read(tuple(pools))
    connections = len(gauges._idle)
    await gauges.close()

    assert isinstance(found["wrong"], Unsupported)
    assert found["right"] == 7
    assert 1 <= connections <= 2


async def test_the_server_cancels_a_slow_query(server):
    pools = {"slow": settings(server, query="SELECT 1 FROM pg_sleep(600)"), "right": settings(server)}
    gauges = PostgresqlGauges(pools, PATIENCE_SECONDS, {})
    gauges._query_seconds = 0.5
    found = await gauges.read(tuple(pools))
    await gauges.close()

    assert isinstance(found["slow"], Unreachable)
    assert "did not finish within 0.5 s" in str(found["slow"])
    assert found["right"] == 7


async def test_a_role_needs_select_on_what_the_query_reads(server):
    role = {"username": "stoker", "password_env": "STORE"}
    good = await read(environment={"STORE": PASSWORD}, open=settings(server, **role),
                      private=settings(server, query="SELECT count(*) FROM private", **role))
    wrong = (await read(environment={"STORE": "wrong-password"}, a=settings(server, **role)))["a"]

    assert good["open"] == 7
    assert isinstance(good["private"], PermissionDenied)
    assert "GRANT SELECT" in str(good["private"])
    assert isinstance(wrong, PermissionDenied)
    assert "wrong-password" not in str(wrong)


async def test_connections_are_encrypted_and_the_name_of_the_server_is_checked(server):
    role = {"username": "stoker", "password_env": "STORE", "database": "secured", "query": "SELECT 5"}
    trusting = {"tls": {"ca_file": str(server.authority.path)}}
    cases = {"good": trusting, "another": trusting | {"host": "127.0.0.1"}, "untrusted": {"tls": {}}, "plain": {}}
    found = {name: (await read(environment={"STORE": PASSWORD}, a=settings(server, **role, **changes)))["a"]
             for name, changes in cases.items()}

    assert found["good"] == 5
    assert "correct host" in str(found["another"])
    assert "set tls.ca_file" in str(found["untrusted"])
    assert "set tls if it requires encryption" in str(found["plain"])


async def test_wrong_places_are_named(server):
    found = await read(a=settings(server, database="nowhere"))

    assert isinstance(found["a"], NotFound)
    assert "correct database" in str(found["a"])


async def test_a_unix_socket_is_read(server):
    assert (await read(a=settings(server, host=str(server.home))))["a"] == 7


async def answered(gauges):
    """The number of pool `a` once the server answers in time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while isinstance(found := (await gauges.read(("a",)))["a"], Unreachable):
            pass
    return found


async def test_a_server_that_hangs_or_is_killed_makes_no_zero_and_is_read_when_it_returns(tmp_path):
    with servers.postgresql(tmp_path) as one:
        gauges = PostgresqlGauges({"a": settings(one, database="postgres", query="SELECT 5")}, 1.0, {})
        first = await answered(gauges)
        (backend,) = [connection.info.backend_pid for connection in gauges._idle]
        for process in (backend, one.process.pid):
            os.kill(process, signal.SIGSTOP)
        hanging = (await gauges.read(("a",)))["a"]
        for process in (backend, one.process.pid):
            os.kill(process, signal.SIGCONT)
        back = await answered(gauges)
        os.kill(one.process.pid, signal.SIGINT)  # without it, the server waits for its clients
    killed = (await gauges.read(("a",)))["a"]
    await gauges.close()

    assert (first, back) == (5, 5)
    assert isinstance(hanging, Unreachable)
    assert isinstance(killed, Unreachable)


async def test_minutes_of_a_running_server_are_sampled(server):
    """Twenty times faster than real time: a minute takes 3 s."""
    clock = ScaledClock(NOON, 20)
    stores = PostgresqlStores(clock, np.random.default_rng(0))
    ((source, names),) = stores.sources([(pool_policy(), settings(server))])
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                now = clock.now()
                found = (await source.collect(names, {names[0]: now - timedelta(hours=1)}, now))[names[0]]
                if found.series.known.any():
                    break
                await clock.sleep(10)
    finally:
        await stores.close()

    assert set(found.series.peak[found.series.known].tolist()) == {7.0}
    assert (found.error, found.alive) == (None, True)
