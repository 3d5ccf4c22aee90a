"""Reader of any number of CloudWatch metrics, which counts the metrics that CloudWatch bills."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar

from adapters.aws.clients import Connections, Digest
from adapters.aws.cloudwatch.metric_queries import Query, Result, batches, request, results_of
from adapters.aws.errors import ApiCall
from adapters.aws.paging import all_pages
from adapters.ports.errors import AdapterError, Malformed, PermissionDenied, Unreachable
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

T = TypeVar("T")

COMPLETE = "Complete"
"""Status of a query's last result, when all its points were returned."""

RATE, BURST, AT_ONCE = 10.0, 20.0, 4
"""Calls a second, calls in a burst, and concurrent calls: far below CloudWatch's quota (50 a second or more, by account), which
dashboards and alarms share."""


class MetricReader:
    """Reader of one account and region, with a separate rate limit for GetMetricData."""

    def __init__(self, connections: Connections, clock: Clock, what: str = "") -> None:
        self.metrics_requested = 0
        """Metrics requested since the start, which CloudWatch bills."""
        self._connections = connections
        self._bucket = TokenBucket(clock, RATE, BURST, f"CloudWatch calls in {connections.place}")
        self._call = ApiCall("cloudwatch", "get_metric_data", what or f"Lambda metrics in {connections.place}")

    async def read(self, queries: Sequence[Query]) -> tuple[dict[Query, list[Result]], dict[str, AdapterError]]:
        """Return the results of each query, and the error of each resource that failed."""
        results: dict[Query, list[Result]] = {}
        failures: dict[str, AdapterError] = {}
        turns = asyncio.Semaphore(AT_ONCE)

        async def read_batch(batch: Sequence[Query]) -> None:
            async with turns:
                try:
                    answers = await self._batch(batch)
                except AdapterError as error:
                    failures.update(dict.fromkeys((query.resource for query in batch), error))
                    return
            for query, parts in zip(batch, answers, strict=True):
                results[query] = parts
                failed = _failure(query, parts, self._connections.region)
                if failed is not None:
                    failures[query.resource] = failed

        await asyncio.gather(*(read_batch(batch) for batch in batches(queries)))
        return results, failures

    async def _batch(self, batch: Sequence[Query]) -> list[list[Result]]:
        """Return the results of each query of one call, from all its pages."""
        results: list[list[Result]] = [[] for _ in batch]
        self.metrics_requested += len(batch)
        for result in await all_pages(self._page, request(batch), results_of):
            if not 0 <= result.place < len(batch):
                raise Unreachable(f"{self._call.resource}: CloudWatch returned a result of an unknown query")
            results[result.place].append(result)
        return results

    async def _page(self, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        async with self._bucket.turn():
            return await self._connections.call(self._call, parameters, digest)


def _failure(query: Query, parts: Sequence[Result], region: str) -> AdapterError | None:
    """Return the error of one query in a call that succeeded; None when its result is complete."""
    what = f"metric {query.metric.name} of {query.resource or 'all functions'} in {region}"
    status = {part.status for part in parts}
    if "Forbidden" in status:
        return PermissionDenied(f"{what}: permission cloudwatch:GetMetricData is missing: allow it in Stoker's IAM role")
    if any(part.impossible for part in parts):
        return Malformed(f"{what}: a point is negative or not finite, so its minutes are unknown: correct what publishes it")
    if "InternalError" in status:
        return Unreachable(f"{what}: internal error of CloudWatch")
    if COMPLETE not in status:  # minutes without a point may have one in the rest of the answer
        return Unreachable(f"{what}: CloudWatch returned an incomplete result ({', '.join(filter(None, status)) or 'no status'})")
    return None
