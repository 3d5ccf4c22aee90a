"""Demand from Debian's Redis: every command, TLS with client certificates, ACLs, kills and hangs."""

import asyncio
import os
import signal
from datetime import timedelta

import numpy as np
import pytest
from redis import Redis

from adapters.ports.errors import NotFound, PermissionDenied, Unreachable, Unsupported
from adapters.redis.gauges import RedisGauges
from adapters.redis.provider import RedisStores
from adapters.redis.settings import RedisSettings
from adapters.runtime.clock import ScaledClock
from tests.builders import NOON, pool_policy
from tests.foreign import servers
from tests.foreign.google.authority import Authority
from tests.patience import PATIENCE_SECONDS

PASSWORD = "the-password-of-stoker"
COMMANDS = {"list": ("LLEN", 3), "set": ("SCARD", 2), "sorted": ("ZCARD", 1), "stream": ("XLEN", 4), "hash": ("HLEN", 5),
            "sketch": ("PFCOUNT", 6), "value": ("GET", 7)}
"""Key -> its command, and the number that it returns."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with servers.redis(tmp_path_factory.mktemp("redis")) as started:
        client = Redis(port=started.port)
        client.rpush("list", *range(3))
        client.sadd("set", *range(2))
        client.zadd("sorted", {"a": 1})
        for number in range(4):
            client.xadd("stream", {"a": number})
        client.hset("hash", mapping={str(number): 1 for number in range(5)})
        client.pfadd("sketch", *range(6))
        client.set("value", 7)
        client.mset({f"session:{number}": 1 for number in range(2500)})
        client.select(1)
        client.set("alone", 1)
        client.acl_setuser("stoker", enabled=True, passwords=[f"+{PASSWORD}"], keys=["list"], commands=["+llen"])
        client.close()
        yield started


def settings(server, **changes):
    common = {"kind": "redis", "host": "localhost", "port": server.port, "command": "DBSIZE"}
    return RedisSettings.model_validate(common | changes)


async def read(seconds=PATIENCE_SECONDS, environment=None, **pools):
    gauges = RedisGauges(pools, seconds, environment or {})
    try:
        return await gauges.read(tuple(pools))
    finally:
        await gauges.close()


async def test_every_command_returns_what_the_server_has(server):
    pools = {key: settings(server, command=command, key=key) for key, (command, _) in COMMANDS.items()}
    found = await read(**pools, absent=settings(server, command="LLEN", key="absent"),
                       unset=settings(server, command="GET", key="unset"), size=settings(server),
                       sessions=settings(server, command="SCAN", pattern="session:*"))

    assert {key: found[key] for key in COMMANDS} == {key: number for key, (_, number) in COMMANDS.items()}
    assert isinstance(found["unset"], NotFound)
    assert (found["absent"], found["sessions"], found["size"]) == (0, 2500, 2500 + len(COMMANDS))


async def test_a_database_of_its_own_is_read(server):
    assert (await read(a=settings(server, database=1)))["a"] == 1
    assert "correct database" in str((await read(a=settings(server, database=99)))["a"])


async def test_a_key_of_another_type_is_named(server):
    found = await read(wrong=settings(server, command="LLEN", key="set"), right=settings(server, command="SCARD", key="set"))

    assert isinstance(found["wrong"], Unsupported)
    assert "another type" in str(found["wrong"])
    assert found["right"] == 2


async def test_a_user_needs_only_the_command_and_the_key(server):
    user = {"username": "stoker", "password_env": "STORE"}
    pools = {key: settings(server, command=COMMANDS[key][0], key=key, **user) for key in ("list", "set")}
    found = await read(environment={"STORE": PASSWORD}, **pools)
    refused = await read(environment={"STORE": "wrong-password"}, **pools)

    assert found["list"] == 3
    assert isinstance(found["set"], PermissionDenied)
    assert isinstance(refused["list"], PermissionDenied)
    assert "wrong-password" not in str(refused)


async def test_connections_are_encrypted_with_certificates_of_both_sides(tmp_path):
    authority = Authority(tmp_path)
    (key, certificate), (own_key, own_certificate) = authority.issue("localhost"), authority.issue("stoker")
    directives = ["--port", "0", "--tls-port", "{port}", "--tls-cert-file", certificate, "--tls-key-file", key,
                  "--tls-ca-cert-file", authority.path]
    files = {"ca_file": str(authority.path), "cert_file": str(own_certificate), "key_file": str(own_key)}
    with servers.redis(tmp_path, *directives) as encrypted:
        good = (await read(a=settings(encrypted, tls=files)))["a"]
        untrusted = (await read(a=settings(encrypted, tls={})))["a"]
        another = (await read(a=settings(encrypted, tls=files, host="127.0.0.1")))["a"]
        without = (await read(a=settings(encrypted, tls={"ca_file": str(authority.path)})))["a"]
        plain = (await read(a=settings(encrypted)))["a"]

    assert good == 0
    assert "set tls.ca_file" in str(untrusted)
    assert "correct host" in str(another)
    assert isinstance(without, Unreachable)
    assert isinstance(plain, Unreachable)


async def answered(gauges):
    """The number of pool `a` once the server answers in time."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while isinstance(found := (await gauges.read(("a",)))["a"], Unreachable):
            pass
    return found


async def test_a_server_that_hangs_or_is_killed_makes_no_zero_and_is_read_when_it_returns(tmp_path):
    with servers.redis(tmp_path) as one:
        client = Redis(port=one.port)
        client.set("open", 5)
        gauges = RedisGauges({"a": settings(one, command="GET", key="open")}, 0.5)
        first = await answered(gauges)
        os.kill(one.process.pid, signal.SIGSTOP)
        hanging = (await gauges.read(("a",)))["a"]
        os.kill(one.process.pid, signal.SIGCONT)
        back = await answered(gauges)
        client.close()
    killed = (await gauges.read(("a",)))["a"]
    await gauges.close()

    assert (first, back) == (5, 5)
    assert isinstance(hanging, Unreachable)
    assert isinstance(killed, Unreachable)


async def test_minutes_of_a_running_server_are_sampled(server):
    """Twenty times faster than real time: a minute takes 3 s."""
    clock = ScaledClock(NOON, 20)
    stores = RedisStores(clock, np.random.default_rng(0))
    ((source, names),) = stores.sources([(pool_policy(), settings(server, command="LLEN", key="list"))])
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                now = clock.now()
                found = (await source.collect(names, {names[0]: now - timedelta(hours=1)}, now))[names[0]]
                if found.series.known.any():
                    break
                await clock.sleep(10)
        findings = [each for check in stores.demand_checks([(pool_policy(), settings(server))]) for each in await check.run()]
    finally:
        await stores.close()

    assert set(found.series.peak[found.series.known].tolist()) == {3.0}
    assert (found.error, found.alive) == (None, True)
    text = f"redis at localhost:{server.port} has the number {2500 + len(COMMANDS)} now"
    assert [(each.verdict, each.text) for each in findings] == [("ok", text)]
