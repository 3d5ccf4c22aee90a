"""A sandbox with its HTTP server and a manual clock, and boto3 clients of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, minute_of
from tests.patience import PATIENCE_SECONDS

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONFIG = Config(retries={"max_attempts": 0}, connect_timeout=PATIENCE_SECONDS, read_timeout=PATIENCE_SECONDS,
                max_pool_connections=20)
SIX_MINUTES = (timedelta(minutes=6), timedelta(minutes=6))
_SESSION = boto3.Session(region_name="us-east-1")


def flat(peak: float, before: int, after: int = 0, start: datetime = NOON) -> DemandSeries:
    """Return equal minutes with maximum `peak`, average `peak` / 2 and 10 × `peak` requests."""
    column = np.full(before + after, peak, np.float32)
    return DemandSeries(minute_of(start) - before, column, column / 2, column * 10)


class World:
    """A running sandbox: `aws("lambda", "get_alias", ...)` is one call over loopback."""

    def __init__(self, sandbox: Sandbox, clock: ManualClock, url: str) -> None:
        self.sandbox, self.clock, self.url = sandbox, clock, url
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, key: str | None = None) -> Any:
        credentials = self.sandbox.credentials.for_boto3 | ({} if key is None else {"aws_access_key_id": key})
        if (service, key) not in self._clients:
            self._clients[service, key] = _SESSION.client(service, endpoint_url=self.url, config=CONFIG, **credentials)
        return self._clients[service, key]

    async def aws(self, service: str, method: str, /, **arguments: Any) -> dict[str, Any]:
        return await asyncio.to_thread(getattr(self.client(service), method), **arguments)

    async def refusal(self, service: str, method: str, /, **arguments: Any) -> SimpleNamespace:
        """Return the error of a call that must fail: its class, code, message and HTTP status."""
        with pytest.raises(ClientError) as caught:
            await self.aws(service, method, **arguments)
        response = caught.value.response
        return SimpleNamespace(
            kind=type(caught.value).__name__,
            code=response["Error"]["Code"],
            message=response["Error"]["Message"],
            status=response["ResponseMetadata"]["HTTPStatusCode"],
            response=response,
        )

    async def provision(self, units: int, function: str = "agent", qualifier: str = "live") -> dict[str, Any]:
        return await self.aws(
            "lambda",
            "put_provisioned_concurrency_config",
            FunctionName=function,
            Qualifier=qualifier,
            ProvisionedConcurrentExecutions=units,
        )

    async def provisioned(self, function: str = "agent", qualifier: str = "live") -> dict[str, Any]:
        return await self.aws("lambda", "get_provisioned_concurrency_config", FunctionName=function, Qualifier=qualifier)

    async def pass_time(self, **span: float) -> None:
        await self.clock.advance(timedelta(**span))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


WorldMaker = Callable[..., "World"]


@pytest.fixture
async def make_world() -> AsyncIterator[Callable[..., Any]]:
    """Return a function that creates worlds from settings. Each has the function `agent` with 3 requests in flight, for 60 min
    before now and 600 min after, unless `history` says otherwise.
    """
    open_worlds: list[tuple[World, SandboxServer]] = []

    async def make(seed: int = 7, history: DemandSeries | None = None, **settings: Any) -> World:
        clock = ManualClock(NOON)
        sandbox = Sandbox(clock, seed, Settings(**settings))
        sandbox.add_function("agent", flat(3, 60, 600) if history is None else history, keep_alive=SIX_MINUTES)
        server = SandboxServer(sandbox)
        world = World(sandbox, clock, await server.start())
        open_worlds.append((world, server))
        return world

    yield make
    for world, server in open_worlds:
        world.close()
        await server.stop()


@pytest.fixture
async def world(make_world: Any) -> World:
    return await make_world(control_rps=1000.0)
