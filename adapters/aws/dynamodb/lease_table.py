"""Lease in a DynamoDB table: one item for the lease and one for each text. All changes are conditional."""

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

from adapters.aws.clients import Answer, Connections, Digest, Timeouts
from adapters.aws.errors import ApiCall, ConditionFailed, Contended
from adapters.aws.paging import KEY, all_pages
from adapters.ports.errors import NotFound, Unsupported
from adapters.ports.lease_store import Lease
from config.model.lease import DynamoLeaseSettings, LeaseSettings

T = TypeVar("T")

PARTITION, LEASE, TEXT = "stoker", "lease", "text/"
"""Values of the table's keys `group` and `item`: one partition contains the lease and the texts."""

TIMEOUTS = Timeouts(connect=2.0, read={}, read_otherwise=3.0, slack=1.0)
"""Short, because a lease is renewed every few seconds: a new request is more useful than a slow response."""

MOST_TEXTS = 99
"""A transaction has at most 100 items, of which one is the lease."""

TRIES = 3
"""Maximum tries of a change: concurrent changes of one item fail, and another daemon may be taking the lease."""

NAMES = {"#holder": "holder", "#number": "number"}


def opened(settings: LeaseSettings, sandbox_url: str | None = None) -> "DynamoLease":
    """Return the lease store of `settings`; the registry calls this."""
    if not isinstance(settings, DynamoLeaseSettings):
        raise TypeError(f"settings of another kind of lease: {settings.kind}")
    return DynamoLease(settings.region, settings.table, sandbox_url)


class DynamoLease:
    """Lease store in an existing table with partition key `group` (S) and sort key `item` (S). See `LeaseStore`."""

    def __init__(self, region: str, table: str, sandbox_url: str | None = None) -> None:
        self._table = table
        self._resource = f"lease table {table} in {region}"
        self._connections = Connections(region, sandbox_url, TIMEOUTS)

    async def read(self) -> Lease | None:
        return await self._call("get_item", {"TableName": self._table, "Key": _key(LEASE), "ConsistentRead": True}, self._lease)

    async def take(self, seen: Lease | None, wanted: Lease) -> bool:
        if seen is None:
            return await self._put(wanted, "attribute_not_exists(#item)", {"#item": "item"}, {})
        names = NAMES | {"#renewal": "renewal"}
        condition = "#number = :number AND #renewal = :renewal AND #holder = :holder"
        return await self._put(wanted, condition, names, _values(seen) | {":renewal": {"N": str(seen.renewal)}})

    async def renew(self, renewed: Lease) -> bool:
        return await self._put(renewed, "#number = :number AND #holder = :holder", NAMES, _values(renewed))

    async def keep(self, lease: Lease, texts: Mapping[str, str]) -> bool:
        """Store `texts` in transactions of up to 99, each of which succeeds or fails as a whole and fails for an older leader.
        Each text is complete without the others.
        """
        check = {"TableName": self._table, "Key": _key(LEASE), "ConditionExpression": "#number = :number AND #holder = :holder",
                 "ExpressionAttributeNames": NAMES, "ExpressionAttributeValues": _values(lease)}
        puts = [{"Put": {"TableName": self._table, "Item": _key(f"{TEXT}{key}") | {"text": {"S": text}}}}
                for key, text in texts.items()]
        for first in range(0, len(puts), MOST_TEXTS):
            changes = [{"ConditionCheck": check}, *puts[first:first + MOST_TEXTS]]
            if not await self._change("transact_write_items", {"TransactItems": changes}):
                return False
        return True

    async def kept(self) -> Mapping[str, str]:
        parameters = {
            "TableName": self._table,
            "KeyConditionExpression": "#group = :group AND begins_with(#item, :text)", "ConsistentRead": True,
            "ExpressionAttributeNames": {"#group": "group", "#item": "item"},
            "ExpressionAttributeValues": {":group": {"S": PARTITION}, ":text": {"S": TEXT}}}
        return dict(await all_pages(partial(self._call, "query"), parameters, self._texts, KEY))

    async def close(self) -> None:
        await self._connections.close()

    async def _put(self, lease: Lease, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        item = _key(LEASE) | {"holder": {"S": lease.holder}, "url": {"S": lease.url}, "number": {"N": str(lease.number)},
                              "renewal": {"N": str(lease.renewal)}}
        parameters = {"TableName": self._table, "Item": item, "ConditionExpression": condition,
                      "ExpressionAttributeNames": names} | ({"ExpressionAttributeValues": values} if values else {})
        return await self._change("put_item", parameters)

    async def _change(self, operation: str, parameters: Mapping[str, object]) -> bool:
        """Make a conditional change. Return whether the condition held."""
        for last in (False,) * (TRIES - 1) + (True,):
            try:
                await self._call(operation, parameters, lambda _: None)
            except ConditionFailed:
                return False
            except Contended:
                if last:
                    raise
            else:
                return True
        raise AssertionError("the last try returns or raises")

    async def _call(self, operation: str, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        try:
            return await self._connections.call(ApiCall("dynamodb", operation, self._resource), parameters, digest)
        except NotFound as error:
            raise NotFound(f"{self._resource} does not exist: create it (see docs/high-availability.md), or correct the lease in "
                           "the policy") from error

    def _lease(self, answer: Answer) -> Lease | None:
        item = answer.get("Item")
        if not item:
            return None
        try:
            return Lease(item["holder"]["S"], item["url"]["S"], int(item["number"]["N"]), int(item["renewal"]["N"]))
        except (KeyError, TypeError, ValueError):
            raise self._foreign_item(LEASE) from None

    def _texts(self, answer: Answer) -> list[tuple[str, str]]:
        items = answer["Items"]
        try:
            return [(item["item"]["S"].removeprefix(TEXT), item["text"]["S"]) for item in items]
        except (KeyError, TypeError):
            raise self._foreign_item(f"{TEXT}...") from None

    def _foreign_item(self, item: str) -> Unsupported:
        return Unsupported(f"{self._resource}: Stoker did not write the item {item} in the partition {PARTITION}: use a table "
                           "that nothing else writes to, or delete the item")


def _key(item: str) -> dict[str, Any]:
    return {"group": {"S": PARTITION}, "item": {"S": item}}


def _values(lease: Lease) -> dict[str, Any]:
    return {":number": {"N": str(lease.number)}, ":holder": {"S": lease.holder}}


