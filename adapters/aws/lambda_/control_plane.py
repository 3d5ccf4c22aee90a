"""Lambda's control plane in one account and region: rate limits and region-wide answers, which all pools of the region share.

AWS allows 15 requests a second to Lambda's whole control plane per account and region, without GetFunction (100) and GetPolicy,
and does not raise this quota (Lambda quotas page). Deployments and other tools use the same 15, so Stoker's own limit is 4.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from adapters.aws.autoscaling.scaling_policies import foreign_scalers
from adapters.aws.clients import Answer, Connections, Digest
from adapters.aws.errors import ApiCall
from adapters.aws.lambda_.functions import Function
from adapters.ports.errors import AdapterError, PermissionDenied, Retryable
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

T = TypeVar("T")

RATE, BURST = 4.0, 8.0
FUNCTION_RATE, FUNCTION_BURST = 20.0, 40.0
READ_PATIENCE, WRITE_PATIENCE = 50.0, 25.0
"""Seconds. A read that would wait longer for the rate limit fails, and the next tick is its retry."""

TARGETS_FRESH, ACCOUNT_FRESH = timedelta(minutes=3), timedelta(minutes=10)
FAILED_FRESH = timedelta(minutes=1)
STALE_AFTER_SECONDS = 3.0
"""Seconds of the machine's clock that a caller waits for a new answer before it gets the old one."""

SCALE_RATE, SCALE_BURST = 2.0, 10.0
"""Calls to Application Auto Scaling about single targets, a second and at once."""


class SharedAnswer(Generic[T]):
    """Answer that many pools share. The first caller that needs it starts one fetch for all; it is fetched again after `fresh`.

    A failure is shared for 1 min. After a retryable failure, or when a fetch takes longer than 3 s, callers get the older answer:
    only callers without any answer wait for a provider that hangs.
    """

    def __init__(self, clock: Clock, fresh: timedelta, fetch: Callable[[], Awaitable[T]]) -> None:
        self._clock, self._fresh, self._fetch = clock, fresh, fetch
        self._value: tuple[T] | None = None
        self._error: AdapterError | None = None
        self._due: datetime | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def get(self) -> T:
        """Return the answer; fetch it first when it is not fresh. Raise `AdapterError` when there is none."""
        if self._fetching is None and (self._due is None or self._clock.now() >= self._due):
            self._fetching = asyncio.create_task(self._renew(), name="answer that pools share")
        if self._fetching is not None:
            patience = None if self._value is None else STALE_AFTER_SECONDS
            done, _ = await asyncio.wait({self._fetching}, timeout=patience)
            for task in done:
                task.result()
        if self._error is not None and (self._value is None or not isinstance(self._error, Retryable)):
            raise self._error.with_traceback(None)
        if self._value is None:
            raise AssertionError("neither a value nor an error")
        return self._value[0]

    def expire(self) -> None:
        """Fetch the answer again at the next `get`."""
        self._due = None

    def close(self) -> None:
        """Cancel a running fetch."""
        if self._fetching is not None:
            self._fetching.cancel()

    async def _renew(self) -> None:
        try:
            self._value, self._error = (await self._fetch(),), None
        except AdapterError as error:
            self._error = error
        finally:
            self._due = self._clock.now() + (self._fresh if self._error is None else FAILED_FRESH)
            self._fetching = None


@dataclass(frozen=True, slots=True)
class Account:
    """Concurrency of an account in a region: its limit, and the units that no function has reserved. None when not reported."""

    limit: int | None
    unreserved: int | None


class ControlPlane:
    """Control plane of one region, through which all levers make their calls."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self.region, self.place = connections.region, connections.place
        self._connections, self._clock = connections, clock
        self._bucket = TokenBucket(clock, RATE, BURST, f"Lambda calls in {self.place}")
        self._scaling = TokenBucket(clock, SCALE_RATE, SCALE_BURST, f"Application Auto Scaling calls in {self.place}")
        self._functions = TokenBucket(clock, FUNCTION_RATE, FUNCTION_BURST, f"GetFunction calls in {self.place}")
        self._targets = SharedAnswer(clock, TARGETS_FRESH, lambda: foreign_scalers(connections))
        self.account = SharedAnswer(clock, ACCOUNT_FRESH, self._account)
        self.requested: dict[str, int] = {}
        """Last known provisioned concurrency of each alias that is a pool, by `function:alias`."""
        self._reserving: set[str] = set()
        """Aliases of functions with reserved concurrency."""
        self.floor: int | None = None
        """Units that must stay unreserved, by the last refusal; None before the first one."""
        self.whole_functions = True
        """Whether GetFunction is allowed: it needs one call instead of two, and has a separate quota."""
        self.busy_refused = False
        """Whether AWS refused a Put because the previous one was still being allocated; AWS does not document this case."""

    async def read(self, operation: str, resource: str, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """Make a call that changes nothing."""
        bucket = self._functions if operation == "get_function" else self._bucket
        async with bucket.turn(patience=READ_PATIENCE):
            return await self._connections.call(ApiCall("lambda", operation, resource), parameters, digest)

    async def call_urgently(self, operation: str, resource: str, parameters: Mapping[str, object], digest: Digest[T],
                   *, writes: bool = True) -> T:
        """Make a write, or a read right before one: ahead of waiting reads."""
        async with self._bucket.turn(urgent=True, patience=WRITE_PATIENCE):
            return await self._connections.call(ApiCall("lambda", operation, resource, writes), parameters, digest)

    async def function(self, resource: str, qualified: Mapping[str, object]) -> Function:
        """Read a function's configuration, for the qualifier in `qualified`, and its reserved concurrency.

        Uses GetFunction if it is allowed. Its answer also contains a link to the code, which Stoker discards; an operator can
        instead allow only the other two calls.
        """
        if self.whole_functions:
            try:
                return await self.read("get_function", resource, qualified, _whole)
            except PermissionDenied as error:
                if "GetFunction" not in str(error):
                    raise
                self.whole_functions = False
        found = await self.read("get_function_configuration", resource, qualified, lambda answer: Function.of(answer, None))
        name = {"FunctionName": qualified["FunctionName"]}
        return replace(found, reserved=await self.read("get_function_concurrency", resource, name, _reserved))

    async def call_scaling(self, operation: str, resource: str, parameters: Mapping[str, object], digest: Digest[T], *,
                    writes: bool = True) -> T:
        """Make a call to Application Auto Scaling about one target."""
        call = ApiCall("application-autoscaling", operation, resource, writes)
        async with self._scaling.turn(patience=READ_PATIENCE):
            return await self._connections.call(call, parameters, digest)

    async def foreign_scaler(self, function: str, qualifiers: tuple[str, ...]) -> str | None:
        """Return what scales the function's aliases or versions `qualifiers` through Application Auto Scaling, as display text;
        None when nothing does.
        """
        targets = await self._targets.get()
        found = [targets[key] for key in (f"function:{function}:{qualifier}" for qualifier in qualifiers) if key in targets]
        return found[0] if found else None

    def record_requested(self, key: str, units: int, reserves: bool) -> None:
        """Record an alias's provisioned concurrency. `reserves`: its function has reserved concurrency."""
        self.requested[key] = units
        if reserves:
            self._reserving.add(key)
        else:
            self._reserving.discard(key)

    def requested_by_others(self, key: str) -> int:
        """Return the provisioned concurrency that other aliases take from the account: their functions have no reservation."""
        return sum(units for each, units in self.requested.items() if each != key and each not in self._reserving)

    def requested_by_siblings(self, key: str) -> int:
        """Return the provisioned concurrency of the other aliases of the same function."""
        function = key.partition(":")[0]
        return sum(units for each, units in self.requested.items() if each != key and each.partition(":")[0] == function)

    def close(self) -> None:
        """Cancel all waiting calls and running fetches."""
        for part in (self._bucket, self._scaling, self._functions, self._targets, self.account):
            part.close()

    async def _account(self) -> Account:
        def digest(answer: Answer) -> Account:
            limits = answer.get("AccountLimit") or {}
            return Account(*(None if limits.get(name) is None else int(limits[name])
                             for name in ("ConcurrentExecutions", "UnreservedConcurrentExecutions")))

        return await self.read("get_account_settings", f"the AWS account in {self.place}", {}, digest)


def _whole(answer: Answer) -> Function:
    return Function.of(answer["Configuration"], _reserved(answer.get("Concurrency") or {}))


def _reserved(answer: Answer) -> int | None:
    reserved = answer.get("ReservedConcurrentExecutions")
    return None if reserved is None else int(reserved)
