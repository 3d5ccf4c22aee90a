"""Connections: destinations and timeouts of calls, and that a slow call delays no other."""

import asyncio
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.aws.clients import CONTROL_THREADS, Connections, Timeouts
from adapters.aws.errors import ApiCall
from adapters.aws.lambda_.control_plane import BURST, RATE, SharedAnswer
from adapters.aws.library_sessions import epoch_seconds
from adapters.ports.errors import OutcomeUnknown, PermissionDenied, Unreachable
from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parents[3]
ALIAS = {"FunctionName": "agent", "Name": "live"}
READ = ApiCall("lambda", "get_alias", "alias agent:live")
PUT = ApiCall("lambda", "put_provisioned_concurrency_config", "alias agent:live", writes=True)
UNITS = {"FunctionName": "agent", "Qualifier": "live", "ProvisionedConcurrentExecutions": 3}
SHORT = Timeouts(connect=1.0, read={}, read_otherwise=30.0, slack=-30.0)
"""The caller's own limit ends the wait (after 1 s) long before the socket's does."""


@pytest.fixture
async def server():
    sandbox = Sandbox(ManualClock(NOON))
    sandbox.add_function("agent")
    async with SandboxServer(sandbox) as running:
        yield running


@pytest.fixture
async def connected():
    made = []

    def connect(url, timeouts=None):
        made.append(Connections("us-east-1", url, timeouts))
        return made[-1]

    yield connect
    for one in made:
        await one.close()


async def run_with(environment, code):
    """Run a new process, because the environment is read once; in a thread, because the server runs on this loop."""
    command = [sys.executable, "-c", code]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, cwd=ROOT,
                                   env=os.environ | environment)


async def test_a_call_reaches_the_sandbox(server, connected):
    assert await connected(server.url).call(READ, ALIAS, lambda answer: answer["FunctionVersion"]) == "1"


async def test_a_sandbox_client_ignores_the_machines_configuration(server):
    """No profile, endpoint, proxy or FIPS setting of the environment applies."""
    code = ("import asyncio\nfrom tests.adapters.aws.test_clients import *\n"
            f"async def main():\n    c = Connections('us-east-1', {server.url!r})\n"
            "    print(await c.call(READ, ALIAS, lambda a: a['FunctionVersion']))\n    await c.close()\nasyncio.run(main())")
    misleading = {"AWS_PROFILE": "nowhere", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
                  "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9",
                  "HTTP_PROXY": "http://127.0.0.1:9", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_CONFIG_FILE": "/nonexistent"}
    run = await run_with(misleading, code)

    assert run.stdout.strip() == "1", run.stderr


async def test_a_missing_profile_is_a_fault_of_credentials():
    code = ("import asyncio\nfrom tests.adapters.aws.test_clients import *\n"
            "async def main():\n    c = Connections('us-east-1')\n"
            "    try: await c.call(PUT, UNITS, dict)\n    except PermissionDenied as error: print(error)\n    await c.close()\n"
            "asyncio.run(main())")
    run = await run_with({"AWS_PROFILE": "nowhere"}, code)

    assert "alias agent:live" in run.stdout, run.stderr
    assert "AWS_PROFILE" in run.stdout


async def test_a_slow_answer_ends_by_the_callers_timeout(server, connected):
    server.sandbox.faults.drip("GetAlias")
    with pytest.raises(Unreachable, match="nothing within 1 s"):
        await connected(server.url, SHORT).call(READ, ALIAS, dict)


async def test_the_outcome_of_a_write_with_a_slow_answer_is_unknown(server, connected):
    server.sandbox.faults.drip("PutProvisionedConcurrencyConfig")
    with pytest.raises(OutcomeUnknown):
        await connected(server.url, SHORT).call(PUT, UNITS, dict)


async def test_the_librarys_exception_is_not_chained(server, connected):
    server.sandbox.credentials.expired |= server.sandbox.credentials.accepted
    with pytest.raises(PermissionDenied) as caught:
        await connected(server.url).call(READ, ALIAS, dict)

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_call_is_never_sent_twice(server, connected):
    server.sandbox.faults.server_error()
    connections = connected(server.url)
    for asked, parameters in ((READ, ALIAS), (PUT, UNITS)):
        with pytest.raises((Unreachable, OutcomeUnknown)):
            await connections.call(asked, parameters, dict)

    calls = server.sandbox.calls
    assert (calls.reading["GetAlias"], calls.mutating["PutProvisionedConcurrencyConfig"]) == (1, 1)


async def test_the_event_loop_runs_while_a_client_is_created(server, connected):
    connections, turned, went_on = connected(server.url), threading.Event(), []
    make = connections._client

    def slow(*arguments, **options):
        went_on.append(turned.wait(10))
        return make(*arguments, **options)

    connections._client = slow
    asyncio.get_running_loop().call_later(0.05, turned.set)
    await connections.call(READ, ALIAS, dict)

    assert went_on == [True]


async def test_the_maximum_of_hanging_calls_leaves_a_thread_for_others(server, connected):
    timeouts = Timeouts()
    most = RATE * (timeouts.connect + timeouts.reading("lambda")) + BURST
    server.sandbox.faults.hang("GetPolicy")
    connections = connected(server.url)
    hanging = [asyncio.create_task(connections.call(ApiCall("lambda", "get_policy", "x"), {"FunctionName": "agent"}, dict))
               for _ in range(int(most))]
    async with asyncio.timeout(PATIENCE_SECONDS):
        await connections.call(READ, ALIAS, dict)

    assert most < CONTROL_THREADS
    assert not any(task.done() for task in hanging)
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await server.stop()


@pytest.mark.parametrize("given", [1772452800, 1772452800.0, "2026-03-02T12:00:00Z", NOON])
def test_timestamps_of_every_protocol_are_seconds(given):
    assert epoch_seconds(given) == 1772452800


class Asking:
    """Fake fetch that returns its number of calls, or raises."""

    def __init__(self):
        self.times, self.error, self.hangs = 0, None, False

    async def __call__(self):
        self.times += 1
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.error is not None:
            raise self.error
        return self.times


async def test_concurrent_callers_share_one_fetch():
    asking = Asking()
    kept = SharedAnswer(ManualClock(NOON), timedelta(minutes=3), asking)

    assert await asyncio.gather(*(kept.get() for _ in range(50))) == [1] * 50


async def test_an_old_answer_is_fetched_again():
    clock, asking = ManualClock(NOON), Asking()
    kept = SharedAnswer(clock, timedelta(minutes=3), asking)
    await kept.get()
    clock.set(NOON + timedelta(minutes=3))

    assert await kept.get() == 2


async def test_a_failure_is_shared_for_1_minute():
    clock, asking = ManualClock(NOON), Asking()
    kept = SharedAnswer(clock, timedelta(minutes=3), asking)
    asking.error = Unreachable("gone")
    for _ in range(3):
        with pytest.raises(Unreachable):
            await kept.get()
    once = asking.times
    asking.error = None
    clock.set(NOON + timedelta(minutes=1))

    assert once == 1
    assert await kept.get() == 2


async def test_only_a_retryable_failure_returns_the_older_answer():
    clock, asking = ManualClock(NOON), Asking()
    kept = SharedAnswer(clock, timedelta(minutes=3), asking)
    await kept.get()
    asking.error = Unreachable("gone")
    clock.set(NOON + timedelta(minutes=5))
    assert await kept.get() == 1
    asking.error = PermissionDenied("no more")
    clock.set(NOON + timedelta(minutes=10))
    with pytest.raises(PermissionDenied):
        await kept.get()


async def test_a_fetch_that_hangs_returns_the_older_answer():
    clock, asking = ManualClock(NOON), Asking()
    kept = SharedAnswer(clock, timedelta(minutes=3), asking)
    await kept.get()
    asking.hangs = True
    clock.set(NOON + timedelta(minutes=5))
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await asyncio.gather(*(kept.get() for _ in range(5))) == [1] * 5

    assert asking.times == 2
    kept.close()


async def test_a_cancelled_caller_does_not_cancel_the_fetch():
    asking = Asking()
    kept = SharedAnswer(ManualClock(NOON), timedelta(minutes=3), asking)
    first, second = asyncio.create_task(kept.get()), asyncio.create_task(kept.get())
    await asyncio.sleep(0)
    first.cancel()

    assert await second == 1


@pytest.mark.parametrize(("operation", "parameters"), [
    ("list_functions", {}), ("get_function_concurrency", {"FunctionName": "agent"}), ("get_alias", ALIAS),
])
async def test_a_truncated_answer_is_not_an_empty_one(server, connected, operation, parameters):
    """The library reads invalid JSON as an answer without members, which would mean: no functions, nothing reserved."""
    server.sandbox.hosted("agent").function.reserved = 7
    server.sandbox.faults.cut()

    with pytest.raises(Unreachable, match="truncated or not JSON"):
        await connected(server.url).call(ApiCall("lambda", operation, "x"), parameters, dict)


async def test_a_truncated_answer_to_a_write_is_an_unknown_outcome(server, connected):
    server.sandbox.faults.cut()

    with pytest.raises(OutcomeUnknown, match="truncated or not JSON"):
        await connected(server.url).call(PUT, UNITS, dict)


async def test_an_answer_without_body_or_members_is_valid(server, connected):
    connections = connected(server.url)
    nothing = ApiCall("lambda", "get_function_concurrency", "x")
    await connections.call(PUT, UNITS, dict)

    assert (await connections.call(nothing, {"FunctionName": "agent"}, dict)).keys() == {"ResponseMetadata"}
    await connections.call(ApiCall("lambda", "delete_provisioned_concurrency_config", "x", writes=True),
                           {"FunctionName": "agent", "Qualifier": "live"}, dict)
