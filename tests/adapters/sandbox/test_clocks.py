"""The sandbox with a running, scaled clock."""

import asyncio
import base64
from typing import Any

import boto3

from adapters.runtime.clock import ScaledClock
from adapters.sandbox.report import report_of
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from tests.adapters.sandbox.conftest import CONFIG, NOON


async def test_concurrent_pings_overlap_also_with_a_fast_clock() -> None:
    sandbox = Sandbox(ScaledClock(NOON, 60.0), 1, Settings(ping_hold_ms=1_500))
    sandbox.add_function("quiet", init_seconds=1.0)
    async with SandboxServer(sandbox) as server:
        client = boto3.client("lambda", "us-east-1", endpoint_url=server.url, config=CONFIG, **sandbox.credentials.for_boto3)
        try:

            def ping() -> Any:
                return client.invoke(FunctionName="quiet", Qualifier="live", LogType="Tail", Payload=b'{"warmer": true}')

            answers = await asyncio.gather(*(asyncio.to_thread(ping) for _ in range(4)))
        finally:
            client.close()
    logs = [base64.b64decode(answer["LogResult"]).decode() for answer in answers]
    assert sum("Init Duration" in log for log in logs) == 4


async def test_a_running_clock_plays_traffic_and_completes_allocations() -> None:
    clock = ScaledClock(NOON, 3_600.0)
    sandbox = Sandbox(clock, 1)
    function = sandbox.add_function("agent")
    function.capacity("live").put(5, sandbox.now_ms(), 60_000, init_fails=False)
    await clock.sleep(300)
    assert sandbox.hosted("agent").function.capacities["live"].available == 5
    assert report_of(sandbox).total.minutes >= 5
