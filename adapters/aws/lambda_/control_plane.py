"""Lambda's control plane in one account and region, with what all its pools share: the rate limit and a few region-wide answers.

AWS allows 15 requests a second to all of Lambda's control plane together, GetFunction (100) and GetPolicy apart, per account and
region, and does not raise it (Lambda quotas page). Deployments and other tools live from the same 15, so Stoker keeps well below.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from adapters.aws.autoscaling.scaling_policies import others
from adapters.aws.clients import Answer, Connections, Digest
from adapters.aws.errors import Asked
from adapters.aws.lambda_.functions import Function
from adapters.ports.errors import AdapterError, PermissionDenied, Retryable
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket

T = TypeVar("T")

RATE, BURST = 4.0, 8.0
FUNCTION_RATE, FUNCTION_BURST = 20.0, 40.0
READ_PATIENCE, WRITE_PATIENCE = 50.0, 25.0
"""Seconds: a reading that would wait longer for its turn than to the next tick waits for that tick instead."""

TARGETS_FRESH, ACCOUNT_FRESH = timedelta(minutes=3), timedelta(minutes=10)
FAILED_FRESH = timedelta(minutes=1)
STALE_AFTER_SECONDS = 3.0
"""Of the machine's time: so long one waits for a new answer before the old one will do."""

SCALE_RATE, SCALE_BURST = 2.0, 10.0
"""Of calls to Application Auto Scaling about single targets."""


class Kept(Generic[T]):
    """An answer that many pools share: fetched by the first that needs it, once for all, and again when it is no longer fresh.

    A failure is shared too, for a minute. While it is one that may pass, or while a new answer is long in coming, the older one
    stands in: nobody waits for a provider that hangs but those who have no answer at all yet.
    """

    def __init__(self, clock: Clock, fresh: timedelta, fetch: Callable[[], Awaitable[T]]) -> None:
        self._clock, self._fresh, self._fetch = clock, fresh, fetch
        self._value: tuple[T] | None = None
        self._error: AdapterError | None = None
        self._due: datetime | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def get(self) -> T:
        if self._fetching is None and (self._due is None or self._clock.now() >= self._due):
            self._fetching = asyncio.create_task(self._renew(), name="what pools share")
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
        """Ask again next time."""
        self._due = None

    def close(self) -> None:
        """Give up on an answer that is on its way."""
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
    """Concurrency of an account in a region: its limit, and what no function has reserved. None where AWS does not say."""

    limit: int | None
    unreserved: int | None


class ControlPlane:
    """Every call that a lever makes goes through here."""

    def __init__(self, connections: Connections, clock: Clock) -> None:
        self.region = connections.region
        self._connections, self._clock = connections, clock
        self._bucket = TokenBucket(clock, RATE, BURST, f"Lambda calls in {self.region}")
        self._scaling = TokenBucket(clock, SCALE_RATE, SCALE_BURST, f"Application Auto Scaling calls in {self.region}")
        self._functions = TokenBucket(clock, FUNCTION_RATE, FUNCTION_BURST, f"GetFunction calls in {self.region}")
        self._targets = Kept(clock, TARGETS_FRESH, lambda: others(connections))
        self.account = Kept(clock, ACCOUNT_FRESH, self._account)
        self.requested: dict[str, int] = {}
        """Provisioned concurrency last seen of each alias that Stoker looks after, by `function:alias`."""
        self._reserving: set[str] = set()
        """Those of functions with reserved concurrency of their own."""
        self.floor: int | None = None
        """What must stay unreserved, once a refusal has told."""
        self.whole_functions = True
        """GetFunction is allowed: it tells everything in one call, from a quota of its own."""
        self.busy_refused = False
        """A Put was refused because the one before was still being allocated; AWS does not document which it does."""

    async def ask(self, operation: str, resource: str, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """A call that changes nothing."""
        bucket = self._functions if operation == "get_function" else self._bucket
        async with bucket.turn(patience=READ_PATIENCE):
            return await self._connections.call(Asked("lambda", operation, resource), parameters, digest)

    async def tell(self, operation: str, resource: str, parameters: Mapping[str, object], digest: Digest[T],
                   *, writes: bool = True) -> T:
        """A write, or a look right before one: passes the readings that wait."""
        async with self._bucket.turn(urgent=True, patience=WRITE_PATIENCE):
            return await self._connections.call(Asked("lambda", operation, resource, writes), parameters, digest)

    async def function(self, resource: str, qualified: Mapping[str, object]) -> Function:
        """What is configured of a function, for the qualifier in `qualified`, and how much concurrency it has reserved.

        By GetFunction where that is allowed: one call instead of two, from a quota of its own. Its answer also holds a link to
        the code, so an operator may rather allow only the two calls; that link is not kept.
        """
        if self.whole_functions:
            try:
                return await self.ask("get_function", resource, qualified, _whole)
            except PermissionDenied as error:
                if "GetFunction" not in str(error):
                    raise
                self.whole_functions = False
        bare = await self.ask("get_function_configuration", resource, qualified, lambda answer: Function.of(answer, None))
        name = {"FunctionName": qualified["FunctionName"]}
        return replace(bare, reserved=await self.ask("get_function_concurrency", resource, name, _reserved))

    async def scale(self, operation: str, resource: str, parameters: Mapping[str, object], digest: Digest[T], *,
                    writes: bool = True) -> T:
        """A call to Application Auto Scaling about one target."""
        async with self._scaling.turn(patience=READ_PATIENCE):
            return await self._connections.call(Asked("application-autoscaling", operation, resource, writes), parameters, digest)

    async def scaler(self, function: str, qualifiers: tuple[str, ...]) -> str | None:
        """What Application Auto Scaling does with the function's aliases or versions `qualifiers`, for people; None: nothing."""
        targets = await self._targets.get()
        found = [targets[key] for key in (f"function:{function}:{qualifier}" for qualifier in qualifiers) if key in targets]
        return found[0] if found else None

    def note(self, key: str, units: int, reserves: bool) -> None:
        """Remember an alias's provisioned concurrency. `reserves`: its function has reserved concurrency."""
        self.requested[key] = units
        (self._reserving.add if reserves else self._reserving.discard)(key)

    def others(self, key: str) -> int:
        """Provisioned concurrency of the other aliases that is taken from the account: that of functions without reserved
        concurrency.
        """
        return sum(units for each, units in self.requested.items() if each != key and each not in self._reserving)

    def siblings(self, key: str) -> int:
        """Provisioned concurrency of the other aliases of the same function."""
        function = key.partition(":")[0]
        return sum(units for each, units in self.requested.items() if each != key and each.partition(":")[0] == function)

    def close(self) -> None:
        """Give up on whoever waits for a turn or an answer."""
        for part in (self._bucket, self._scaling, self._functions, self._targets, self.account):
            part.close()

    async def _account(self) -> Account:
        def digest(answer: Answer) -> Account:
            limits = answer.get("AccountLimit") or {}
            return Account(*(None if limits.get(name) is None else int(limits[name])
                             for name in ("ConcurrentExecutions", "UnreservedConcurrentExecutions")))

        return await self.ask("get_account_settings", f"the AWS account in {self.region}", {}, digest)


def _whole(answer: Answer) -> Function:
    return Function.of(answer["Configuration"], _reserved(answer.get("Concurrency") or {}))


def _reserved(answer: Answer) -> int | None:
    given = answer.get("ReservedConcurrentExecutions")
    return None if given is None else int(given)
