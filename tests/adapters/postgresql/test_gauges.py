"""Numbers from a server with PostgreSQL's protocol: what is sent, and each error with its remedy."""

import psycopg
import pytest

from adapters.ports.errors import Malformed, Misconfigured, NotFound, PermissionDenied, Throttled, Unreachable, Unsupported
from adapters.postgresql.errors import translate
from adapters.postgresql.gauges import PostgresqlGauges, trusted
from adapters.postgresql.settings import PostgresqlSettings
from tests.adapters.postgresql.fake_postgresql import FakePostgresql
from tests.patience import PATIENCE_SECONDS


class Stage:
    """A server whose answers are by query."""

    def __init__(self):
        self.answers, self.gauges = {}, []
        self.fake = FakePostgresql(self._answer)

    async def _answer(self, query):
        return self.answers[query]

    async def read(self, **queries):
        common = {"kind": "postgresql", "host": "127.0.0.1", "port": self.fake.port, "database": "app", "username": "stoker"}
        made = {pool: PostgresqlSettings.model_validate(common | {"query": query}) for pool, query in queries.items()}
        self.gauges.append(PostgresqlGauges(made, PATIENCE_SECONDS, {}))
        return await self.gauges[-1].read(tuple(made))


@pytest.fixture
async def stage():
    built = Stage()
    await built.fake.start()
    yield built
    for gauges in built.gauges:
        await gauges.close()
    await built.fake.stop()


async def test_a_query_runs_in_a_read_only_transaction_with_a_timeout_in_one_round_trip(stage):
    stage.answers = {"SELECT 3": [("3",)]}
    found = await stage.read(a="SELECT 3")
    (batch,) = stage.fake.batches

    assert found == {"a": 3}
    assert batch.split("; ") == ["BEGIN READ ONLY", f"SET LOCAL statement_timeout = {PATIENCE_SECONDS * 600}",
                                 "DECLARE stoker NO SCROLL CURSOR FOR SELECT 3\n", "FETCH 2 FROM stoker", "ROLLBACK"]


async def test_connections_stay_open_and_are_few(stage):
    queries = {f"p{at}": f"SELECT {at}" for at in range(20)}
    stage.answers = {query: [("1",)] for query in queries.values()}
    await stage.read(**queries)
    await stage.gauges[0].read(tuple(queries))

    assert stage.fake.connections <= 4
    assert stage.gauges[0].calls.counts.total() == 40


async def test_each_query_fails_alone_and_ends_its_transaction(stage):
    stage.answers = {"SELECT a": "42703", "SELECT 1": [("1",)], "SELECT n": [(None,)], "SELECT 2": [("1",), ("2",)],
                     "SELECT 1, 2": [("1", "2")], "TABLE t": []}
    found = await stage.read(wrong="SELECT a", right="SELECT 1", null="SELECT n", rows="SELECT 2", columns="SELECT 1, 2",
                             none="TABLE t")

    assert found["right"] == 1
    assert {pool: type(error) for pool, error in found.items() if pool != "right"} == {
        "wrong": Unsupported, "null": Malformed, "rows": Unsupported, "columns": Unsupported, "none": Unsupported}
    assert "pool null" in str(found["null"])
    assert stage.fake.batches.count("ROLLBACK") == 1


@pytest.mark.parametrize(("state", "kind", "remedy"), [
    ("57014", Unreachable, "make it cheaper"), ("25006", Unsupported, "only reads"), ("42501", PermissionDenied, "GRANT SELECT"),
    ("42P01", Unsupported, "correct query"), ("53300", Throttled, "max_connections"), ("57P01", Unreachable, "check host"),
])
async def test_errors_of_the_server_name_the_remedy(stage, state, kind, remedy):
    stage.answers = {"SELECT 1": state}
    found = (await stage.read(a="SELECT 1"))["a"]

    assert type(found) is kind
    assert remedy in str(found)


async def test_data_of_the_database_is_not_quoted(stage):
    stage.answers = {"SELECT 1": "22P02"}
    found = (await stage.read(a="SELECT 1"))["a"]

    assert "a message of the server" not in str(found)
    assert "22P02" in str(found)


@pytest.mark.parametrize(("text", "kind", "remedy"), [
    ("FATAL: no pg_hba.conf entry for host, no encryption", PermissionDenied, "set tls"),
    ("FATAL: password authentication failed for user", PermissionDenied, "password_env"),
    ('FATAL: database "nowhere" does not exist', NotFound, "correct database"),
    ("SSL error: certificate verify failed", Unreachable, "tls.ca_file"),
    ("server does not support SSL, but SSL was required", Unsupported, "remove tls"),
    ("Connection refused", Unreachable, "check host, port"),
])
def test_errors_of_connections_name_the_remedy(text, kind, remedy):
    found = translate(psycopg.OperationalError(text), "postgresql at db:5432", "pool a", 5.0)

    assert type(found) is kind
    assert remedy in str(found)


async def test_a_missing_password_is_named():
    settings = PostgresqlSettings(kind="postgresql", host="db", database="app", username="stoker", password_env="UNSET",
                                  query="SELECT 1")
    found = (await PostgresqlGauges({"a": settings}, PATIENCE_SECONDS, {}).read(("a",)))["a"]

    assert isinstance(found, Misconfigured)
    assert "UNSET of password_env" in str(found)


def test_the_trusted_certificates_of_the_machine_are_found(tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.touch()

    assert trusted({"SSL_CERT_FILE": str(bundle)}) == str(bundle)
    assert trusted({"SSL_CERT_FILE": str(tmp_path / "absent")}) != str(tmp_path / "absent")
