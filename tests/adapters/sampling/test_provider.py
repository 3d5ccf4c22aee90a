"""Pools with the same connection share a source, and each server is checked once."""

import numpy as np
import pytest

from adapters.ports.errors import NotFound, Unsupported
from adapters.redis.provider import RedisStores
from adapters.redis.settings import RedisSettings
from adapters.runtime.clock import ManualClock
from adapters.sampling.provider import checked
from tests.builders import NOON, pool_policy


def settings(key, **changes):
    common = {"kind": "redis", "host": "cache.example.com", "command": "LLEN", "key": key}
    return RedisSettings.model_validate(common | changes)


class FakeGauges:
    def __init__(self, **numbers):
        self.numbers = numbers

    async def read(self, pools):
        return {pool: self.numbers[pool] for pool in pools}


async def test_pools_with_the_same_connection_share_a_source():
    stores = RedisStores(ManualClock(NOON), np.random.default_rng(0))
    pools = [(pool_policy(name=name), settings(name, **changes)) for name, changes in {
        "a": {}, "b": {}, "c": {"database": 1}, "d": {"tls": {}}}.items()]
    names = [members for _, members in stores.sources(pools)]
    titles = [check.title for check in stores.demand_checks(pools)]
    await stores.close()

    assert names == [("a", "b"), ("c",), ("d",)]
    assert titles == ["redis of a, b", "redis of c", "redis of d"]


def test_a_run_within_the_sandbox_has_no_store():
    with pytest.raises(Unsupported, match="of kind redis"):
        RedisStores(ManualClock(NOON), np.random.default_rng(0), "http://127.0.0.1:1")


async def test_the_check_reports_each_number_and_a_connection_that_is_not_encrypted():
    pools = {name: settings(name, password_env="STORE") for name in ("busy", "idle", "gone")}
    found = await checked(FakeGauges(busy=3.0, idle=0.0, gone=NotFound("no such key")), pools)

    assert [(each.check, each.verdict) for each in found] == [
        ("credentials", "warn"), ("demand", "ok"), ("demand", "warn"), ("demand", "fail")]
    assert "number 3 now" in found[1].text
    assert found[0].remedy == "set tls"
