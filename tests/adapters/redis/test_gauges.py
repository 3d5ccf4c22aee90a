"""Numbers from a server with Redis' protocol: each command, and each error with its remedy."""

import asyncio

import pytest

from adapters.ports.errors import Malformed, Misconfigured, NotFound, PermissionDenied, Throttled, Unreachable, Unsupported
from adapters.redis.gauges import MOST_KEYS, RedisGauges
from adapters.redis.settings import RedisSettings
from tests.adapters.redis.fake_redis import FakeRedis
from tests.patience import PATIENCE_SECONDS

SECRET = "the-password-of-the-store"


class Stage:
    """A server whose answers are by command and first argument."""

    def __init__(self):
        self.answers, self.gauges = {}, []
        self.fake = FakeRedis(self._answer, SECRET)

    async def _answer(self, command, *arguments):
        found = self.answers.get((command, *arguments[:1]), self.answers.get(command))
        return found(*arguments) if callable(found) else found

    async def read(self, password=None, **pools):
        common = {"kind": "redis", "host": "127.0.0.1", "port": self.fake.port}
        if password is not None:
            common |= {"username": "stoker", "password_env": "STORE"}
        made = {pool: RedisSettings.model_validate(common | settings) for pool, settings in pools.items()}
        self.gauges.append(RedisGauges(made, PATIENCE_SECONDS, {"STORE": password} if password else {}))
        return await self.gauges[-1].read(tuple(pools))


@pytest.fixture
async def stage():
    built = Stage()
    await built.fake.start()
    yield built
    for gauges in built.gauges:
        await gauges.close()
    await built.fake.stop()


def length(key="jobs"):
    return {"command": "LLEN", "key": key}


async def test_commands_of_many_pools_are_sent_together_and_each_fails_alone(stage):
    stage.answers = {("LLEN", "jobs"): 4, ("LLEN", "text"): ValueError("WRONGTYPE wrong kind of value"), "DBSIZE": 7,
                     ("GETRANGE", "open"): "2.5", ("GETRANGE", "absent"): "", ("GETRANGE", "word"): "many"}
    found = await stage.read(jobs=length(), wrong=length("text"), size={"command": "DBSIZE"},
                             open={"command": "GET", "key": "open"}, absent={"command": "GET", "key": "absent"},
                             word={"command": "GET", "key": "word"})

    assert (found["jobs"], found["size"], found["open"]) == (4, 7, 2.5)
    assert isinstance(found["wrong"], Unsupported)
    assert "LLEN text" in str(found["wrong"])
    assert isinstance(found["absent"], NotFound)
    assert "'many' is not a number" in str(found["word"])
    assert stage.gauges[0].calls.counts.total() == 1


async def test_only_the_commands_of_the_policy_are_sent(stage):
    stage.answers = {"LLEN": 4}
    await stage.read(jobs=length() | {"database": 3})

    assert stage.fake.commands == [("SELECT", "3"), ("LLEN", "jobs")]


async def test_of_a_large_value_only_the_start_is_read(stage):
    stage.answers = {"GETRANGE": "9" * 65}
    found = (await stage.read(a={"command": "GET", "key": "open"}))["a"]

    assert stage.fake.commands == [("GETRANGE", "open", "0", "64")]
    assert isinstance(found, Malformed)


async def test_keys_that_match_a_pattern_count_once(stage):
    pages = {"0": ["7", ["s:1", "s:2"]], "7": ["0", ["s:2", "s:3"]]}
    stage.answers = {"DBSIZE": 10, "SCAN": lambda cursor, *_: pages[cursor]}
    found = await stage.read(open={"command": "SCAN", "pattern": "s:*"})

    assert found["open"] == 3
    assert stage.fake.commands[1] == ("SCAN", "0", "MATCH", "s:*", "COUNT", "1000")


async def test_a_database_that_is_too_large_is_not_scanned(stage):
    stage.answers = {"DBSIZE": MOST_KEYS + 1}
    found = await stage.read(open={"command": "SCAN", "pattern": "s:*"})

    assert "count with SCARD" in str(found["open"])
    assert stage.fake.commands == [("DBSIZE",)]


async def test_a_scan_that_does_not_end_is_given_up(stage):
    stage.answers = {"DBSIZE": 10, "SCAN": lambda *_: ["1", []]}

    assert isinstance((await stage.read(open={"command": "SCAN", "pattern": "*"}))["open"], Unsupported)


@pytest.mark.parametrize(("error", "kind", "remedy"), [
    ("NOPERM this user has no permissions", PermissionDenied, "allow both in its ACL"),
    ("NOAUTH Authentication required.", PermissionDenied, "password_env"),
    ("MASTERDOWN Link with MASTER is down", Unreachable, "set host to the primary"),
    ("MOVED 3999 127.0.0.1:6381", Unsupported, "proxy of the cluster"),
    ("LOADING Redis is loading the dataset", Unreachable, "wait"),
    ("ERR unknown command 'LLEN'", Unsupported, "correct command"),
    ("ERR max number of clients reached", Throttled, "maxclients"),
])
async def test_errors_of_the_server_name_the_remedy(stage, error, kind, remedy):
    stage.answers = {"LLEN": ValueError(error)}
    found = (await stage.read(jobs=length()))["jobs"]

    assert type(found) is kind
    assert remedy in str(found)
    assert "\n" not in str(found)


async def test_the_password_is_sent_and_never_shown(stage):
    stage.answers = {"LLEN": 4}
    assert (await stage.read(password=SECRET, jobs=length()))["jobs"] == 4
    refused = (await stage.read(password="another", jobs=length()))["jobs"]

    assert isinstance(refused, PermissionDenied)
    assert "another" not in str(refused)


async def test_a_missing_password_or_file_is_named(stage):
    unset = (await stage.read(jobs=length() | {"password_env": "UNSET"}))["jobs"]
    no_file = (await stage.read(jobs=length() | {"tls": {"ca_file": "/nowhere/ca.pem"}}))["jobs"]

    assert isinstance(unset, Misconfigured)
    assert "UNSET of password_env" in str(unset)
    assert "/nowhere/ca.pem of tls.ca_file" in str(no_file)
    assert stage.fake.commands == []


async def test_a_server_that_is_down_is_read_again_when_it_returns(stage):
    stage.answers = {"LLEN": 4}
    await stage.read(jobs=length())
    await stage.fake.stop()
    down = (await stage.gauges[0].read(("jobs",)))["jobs"]
    await stage.fake.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while isinstance((found := await stage.gauges[0].read(("jobs",)))["jobs"], Unreachable):
            pass

    assert "check host, port" in str(down)
    assert found["jobs"] == 4


@pytest.mark.parametrize("settings", [length(), {"command": "SCAN", "pattern": "s:*"}], ids=["pipeline", "scan"])
async def test_a_late_answer_is_never_taken_for_that_of_the_next_sample(stage, settings):
    """The read is abandoned while its answers are on the way; they must not be read by the next one."""
    free, asked = asyncio.Event(), asyncio.Event()

    async def late(command, *arguments):
        asked.set()
        await free.wait()
        return ["0", ["s:1"]] if command == "SCAN" else 1

    stage.fake._answer, answer = late, stage.fake._answer
    stage.answers = {"LLEN": 7, "DBSIZE": 9, "SCAN": ["0", [f"s:{at}" for at in range(7)]]}
    reading = asyncio.create_task(stage.read(a=settings))
    await asked.wait()
    (job,) = asyncio.all_tasks() - {asyncio.current_task(), reading, *stage.fake._tasks}
    job.cancel()  # what a timeout does
    await asyncio.gather(reading, return_exceptions=True)
    stage.fake._answer = answer
    free.set()

    for _ in range(3):
        assert (await stage.gauges[0].read(("a",)))["a"] == 7
