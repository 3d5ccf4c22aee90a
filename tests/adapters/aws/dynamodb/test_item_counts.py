"""Numbers of items: pages are added up within a bound, each pool succeeds or fails alone, and what it costs is counted."""

import pytest

from adapters.aws.dynamodb.item_counts import MOST_PAGES, USD_PER_UNIT, ItemCounts
from adapters.aws.table_settings import DynamoQuerySettings
from adapters.ports.errors import NotFound, Unsupported
from adapters.runtime.clock import ManualClock
from tests.builders import NOON

OPEN = {"kind": "dynamodb-query", "region": "us-east-1", "table": "sessions", "key_condition": "#s = :s",
        "names": {"#s": "state"}, "values": {":s": "open"}}


class FakeConnections:
    """Answers of pages, or an error, by table."""

    region = place = "us-east-1"

    def __init__(self, **answers):
        self.answers, self.sent = answers, []

    async def call(self, call, parameters, digest):
        self.sent.append(dict(parameters))
        answer = self.answers[parameters["TableName"]]
        if isinstance(answer, Exception):
            raise answer
        return digest(answer[len([each for each in self.sent if each["TableName"] == parameters["TableName"]]) - 1])


def page(count, last=None, units=2.0):
    return {"Count": count, "ConsumedCapacity": {"CapacityUnits": units}} | ({"LastEvaluatedKey": last} if last else {})


def counts_of(connections, **changes):
    settings = {pool: DynamoQuerySettings.model_validate(OPEN | each) for pool, each in (changes or {"a": {}}).items()}
    return ItemCounts(connections, ManualClock(NOON), settings)


async def test_pages_are_added_up():
    connections = FakeConnections(sessions=[page(7, {"id": {"S": "x"}}), page(0, {"id": {"S": "y"}}), page(2)])
    counts = counts_of(connections)

    assert await counts.read(("a",)) == {"a": 9}
    assert [each.get("ExclusiveStartKey") for each in connections.sent] == [None, {"id": {"S": "x"}}, {"id": {"S": "y"}}]
    assert counts.spent_usd == pytest.approx(6 * USD_PER_UNIT)
    assert counts.usd_per_sample() == pytest.approx(6 * USD_PER_UNIT)


async def test_more_pages_than_allowed_are_no_number():
    found = await counts_of(FakeConnections(sessions=[page(1, {"id": {"S": "x"}})] * 50)).read(("a",))

    assert isinstance(found["a"], Unsupported)
    assert f"more than {MOST_PAGES} MB" in str(found["a"])


async def test_what_is_sent():
    connections = FakeConnections(sessions=[page(1)])
    await counts_of(connections, a={"index": "by-state", "key_condition": "#s = :s AND expires > :now"}).read(("a",))

    assert connections.sent == [{
        "TableName": "sessions", "IndexName": "by-state", "Select": "COUNT", "ReturnConsumedCapacity": "TOTAL",
        "KeyConditionExpression": "#s = :s AND expires > :now", "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":s": {"S": "open"}, ":now": {"N": str(int(NOON.timestamp()))}}}]


async def test_each_pool_fails_alone():
    connections = FakeConnections(sessions=[page(3)], gone=NotFound("not there"))
    found = await counts_of(connections, a={}, b={"table": "gone"}).read(("a", "b"))

    assert found["a"] == 3
    assert str(found["b"]) == "pool b: table gone in us-east-1 does not exist: correct table, index or region"


def test_the_smallest_query_is_assumed_before_the_first():
    assert counts_of(FakeConnections()).usd_per_sample() == 0.5 * USD_PER_UNIT
