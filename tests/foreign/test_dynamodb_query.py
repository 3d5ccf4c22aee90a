"""Numbers of items of a table at two emulators of other projects."""

import time

import numpy as np
import pytest

from adapters.aws.dynamodb.item_counts import ItemCounts
from adapters.aws.provider import Aws
from adapters.aws.table_settings import DynamoQuerySettings
from adapters.ports.errors import NotFound
from adapters.runtime.clock import SystemClock
from tests.builders import pool_policy

LARGE = 300_000
"""Bytes of an item of which a page of 1 MB has at most three."""


def key(name, role):
    return {"AttributeName": name, "KeyType": role}


@pytest.fixture(params=["ministack", "moto"])
def emulator(request, account, monkeypatch):
    server = account.server if request.param == "ministack" else account.scaling
    for name, value in (account.environment | {"AWS_ENDPOINT_URL": server.url}).items():
        monkeypatch.setenv(name, value)
    client = account.client("dynamodb", server.url)
    client.create_table(
        TableName="sessions", KeySchema=[key("pool", "HASH"), key("expires", "RANGE")], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pool", "AttributeType": "S"}, {"AttributeName": "expires", "AttributeType": "N"},
                              {"AttributeName": "state", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[{"IndexName": "by-state", "KeySchema": [key("state", "HASH"), key("expires", "RANGE")],
                                 "Projection": {"ProjectionType": "KEYS_ONLY"}}])
    now = int(time.time())
    for at in range(10):
        client.put_item(TableName="sessions", Item={
            "pool": {"S": "agent"}, "expires": {"N": str(now + 3600 * (at - 4))}, "state": {"S": "open" if at % 2 else "idle"},
            "text": {"S": "x" * LARGE}})
    return server


def settings(**changes):
    common = {"kind": "dynamodb-query", "region": "us-east-1", "table": "sessions", "key_condition": "#p = :p",
              "names": {"#p": "pool"}, "values": {":p": "agent"}}
    return DynamoQuerySettings.model_validate(common | changes)


async def test_items_are_counted_over_pages_and_indexes(emulator):
    pools = {
        "all": settings(), "none": settings(values={":p": "nobody"}),
        "open": settings(index="by-state", key_condition="#s = :s", names={"#s": "state"}, values={":s": "open"}),
        "future": settings(key_condition="#p = :p AND expires > :now"),
        "absent": settings(table="absent"),
    }
    provider = Aws(SystemClock(), np.random.default_rng(0))
    counts = ItemCounts(provider.sessions.connections("us-east-1"), SystemClock(), pools)
    try:
        found = await counts.read(tuple(pools))
        findings = [each for check in provider.demand_checks([(pool_policy(), settings())]) for each in await check.run()]
    finally:
        await provider.close()

    assert {pool: found[pool] for pool in pools if pool != "absent"} == {"all": 10, "none": 0, "open": 5, "future": 5}
    assert isinstance(found["absent"], NotFound)
    assert counts.spent_usd > 0
    assert [each.text.partition(",")[0] for each in findings if each.check == "demand"] == ["10 items now"]
