"""Reads metrics from CloudWatch, however many, and counts what that costs."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar

from adapters.aws.clients import Connections, Digest
from adapters.aws.cloudwatch.metric_queries import Query, Result, answered, batches, request
from adapters.aws.errors import Asked
from adapters.aws.paging import all_pages
from adapters.ports.errors import AdapterError, PermissionDenied, Unreachable
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

T = TypeVar("T")

COMPLETE = "Complete"
"""The status of the last part of a query's answer, once all its points have come."""

RATE, BURST, AT_ONCE = 10.0, 20.0, 4
"""Calls a second: far below CloudWatch's quota (50 or more, by account), which dashboards and alarms share."""


class MetricReader:
    """GetMetricData of one account and region, at a rate of its own."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self.metrics_requested = 0
        """Metrics asked for since the start: what CloudWatch charges by."""
        self._connections = connections
        self._bucket = TokenBucket(clock, RATE, BURST, f"CloudWatch calls in {connections.region}")
        self._asked = Asked("cloudwatch", "get_metric_data", f"Lambda metrics in {connections.region}")

    async def read(self, queries: Sequence[Query]) -> tuple[dict[Query, list[Result]], dict[str, AdapterError]]:
        """Points of each query, and what went wrong by resource."""
        results: dict[Query, list[Result]] = {}
        failures: dict[str, AdapterError] = {}
        turns = asyncio.Semaphore(AT_ONCE)

        async def one(batch: Sequence[Query]) -> None:
            async with turns:
                try:
                    found = await self._batch(batch)
                except AdapterError as error:
                    failures.update(dict.fromkeys((query.resource for query in batch), error))
                    return
            for query, parts in zip(batch, found, strict=True):
                results[query] = parts
                failed = _failure(query, parts, self._connections.region)
                if failed is not None:
                    failures[query.resource] = failed

        await asyncio.gather(*(one(batch) for batch in batches(queries)))
        return results, failures

    async def _batch(self, batch: Sequence[Query]) -> list[list[Result]]:
        """All pages of one call."""
        found: list[list[Result]] = [[] for _ in batch]
        self.metrics_requested += len(batch)
        for result in await all_pages(self._page, request(batch), answered):
            if not 0 <= result.place < len(batch):
                raise Unreachable(f"{self._asked.resource}: CloudWatch answered what was not asked")
            found[result.place].append(result)
        return found

    async def _page(self, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        async with self._bucket.turn():
            return await self._connections.call(self._asked, parameters, digest)


def _failure(query: Query, parts: Sequence[Result], region: str) -> AdapterError | None:
    """What CloudWatch says is wrong with one query of a call that went well otherwise."""
    what = f"metric {query.metric.name} of {query.resource or 'all functions'} in {region}"
    status = {part.status for part in parts}
    if "Forbidden" in status:
        return PermissionDenied(f"{what}: permission cloudwatch:GetMetricData is missing: allow it in Stoker's IAM role")
    if "InternalError" in status:
        return Unreachable(f"{what}: CloudWatch failed on its side")
    if COMPLETE not in status:  # a minute without a point in it may yet have one
        return Unreachable(f"{what}: CloudWatch did not answer it completely ({', '.join(filter(None, status)) or 'no status'})")
    return None
