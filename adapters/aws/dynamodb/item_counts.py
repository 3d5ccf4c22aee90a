"""Reader of numbers of items in DynamoDB: one query that counts for each pool and sample, in a bounded number of pages."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from adapters.aws.clients import Answer, Connections
from adapters.aws.errors import ApiCall
from adapters.aws.table_settings import NOW, PLACEHOLDER, DynamoQuerySettings
from adapters.ports.errors import AdapterError, NotFound, Unreachable, Unsupported
from adapters.runtime.clock import Clock
from adapters.sampling.readings import Readings

EVERY_SECONDS, READ_SECONDS = 10.0, 8.0
AT_ONCE = 8
MOST_PAGES = 10
"""Pages of one count, of 1 MB each."""

USD_PER_UNIT = 0.125 / 1_000_000
"""List price of a read request unit on demand in us-east-1: up to 8 KB, eventually consistent."""

LEAST_UNITS = 0.5
"""Read request units of the smallest query."""


class Page(NamedTuple):
    """Number of items of a page, its read request units, and the key that the next page starts after; None on the last page."""

    items: int
    units: float
    last: object


class ItemCounts:
    """Numbers of items of `pools` in one region; see `adapters.sampling.demand_source.Gauges`."""

    def __init__(self, connections: Connections, clock: Clock, pools: Mapping[str, DynamoQuerySettings]) -> None:
        self._connections, self._clock, self._pools = connections, clock, dict(pools)
        self._readings = Readings(AT_ONCE, READ_SECONDS)
        self.units = 0.0
        """Read request units of this process."""
        self._samples = 0

    @property
    def spent_usd(self) -> float:
        """Cost of all counts of this process at list price, in USD."""
        return self.units * USD_PER_UNIT

    def usd_per_sample(self) -> float:
        """Return the mean cost of a count so far, in USD; that of the smallest query before the first."""
        return USD_PER_UNIT * (self.units / self._samples if self._samples else LEAST_UNITS)

    async def read(self, pools: Sequence[str]) -> dict[str, float | AdapterError]:
        """See `Gauges`."""
        return await self._readings.each(pools, self._counted, self._late)

    async def close(self) -> None:
        """Wait until abandoned calls have ended."""
        await self._readings.close()

    async def _counted(self, pool: str) -> float:
        """Return the number of items that the key condition of a pool selects."""
        parameters, total = self._parameters(self._pools[pool]), 0
        call = ApiCall("dynamodb", "query", self._what(pool))
        self._samples += 1
        for _ in range(MOST_PAGES):
            try:
                page = await self._connections.call(call, parameters, _page)
            except NotFound:
                raise NotFound(f"{self._what(pool)} does not exist: correct table, index or region") from None
            self.units += page.units
            total += page.items
            if page.last is None:
                return float(total)
            parameters = {**parameters, "ExclusiveStartKey": page.last}
        raise Unsupported(f"{self._what(pool)}: the items of key_condition take more than {MOST_PAGES} MB, and are not counted: "
                          "narrow it, query an index with fewer attributes, or store the number in an item")

    def _parameters(self, settings: DynamoQuerySettings) -> dict[str, object]:
        values: dict[str, object] = {name: {"S": value} if isinstance(value, str) else {"N": str(value)}
                                     for name, value in settings.values.items()}
        if NOW in PLACEHOLDER.findall(settings.key_condition):
            values[NOW] = {"N": str(int(self._clock.now().timestamp()))}
        optional = {"IndexName": settings.index, "ExpressionAttributeNames": settings.names, "ExpressionAttributeValues": values}
        return {"TableName": settings.table, "Select": "COUNT", "KeyConditionExpression": settings.key_condition,
                "ReturnConsumedCapacity": "TOTAL", **{name: value for name, value in optional.items() if value}}

    def _what(self, pool: str) -> str:
        settings = self._pools[pool]
        index = "" if settings.index is None else f" with index {settings.index}"
        return f"pool {pool}: table {settings.table}{index} in {self._connections.place}"

    def _late(self, pool: str) -> AdapterError:
        return Unreachable(f"{self._what(pool)}: not counted within {READ_SECONDS:g} s: check the network, or narrow "
                           "key_condition")


def _page(answer: Answer) -> Page:
    """Return a page of a count."""
    units = float(answer.get("ConsumedCapacity", {}).get("CapacityUnits") or LEAST_UNITS)
    count = answer["Count"]
    if not isinstance(count, int) or count < 0:
        raise ValueError(f"Count is {count}")
    return Page(count, units, answer.get("LastEvaluatedKey") or None)
