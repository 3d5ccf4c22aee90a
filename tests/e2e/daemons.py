"""Real `stoker` processes against the sandbox, which runs in the test's own loop."""

import asyncio
import contextlib
import json
import os
import textwrap
from datetime import UTC, datetime

import numpy as np

from adapters.runtime.clock import SystemClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, minute_of
from tests.e2e.forked import forked
from tests.patience import PATIENCE_SECONDS


def steady_history(units: float, days: float = 1.0) -> DemandSeries:
    """`units` in flight in every minute of the last `days`, and of the next hour."""
    end = minute_of(datetime.now(UTC)) + 60
    rows = np.full(int(days * 1440) + 60, units, np.float32)
    return DemandSeries(end - len(rows), rows, rows * np.float32(0.9), rows * 10)


def sandbox_of(preparation: float = 0.4, **functions: float) -> Sandbox:
    """Functions by name with their steady traffic; allocations take `preparation` seconds."""
    sandbox = Sandbox(SystemClock(), settings=Settings(preparation_seconds=(preparation, preparation)))
    for name, units in functions.items():
        sandbox.add_function(name, steady_history(units), init_seconds=0.1)
    return sandbox


def policy_text(*names: str, mode: str = "active", low: int = 0, high: int = 20, **functions: str) -> str:
    text = f"version: 1\ndefaults: {{mode: {mode}}}\npools:\n"
    kind = "lambda-provisioned-concurrency"
    for name in names:
        text += textwrap.indent(textwrap.dedent(f"""\
            - name: {name}
              lever: {{kind: {kind}, region: us-east-1, function: {functions.get(name, name)}, alias: live}}
              min: {low}
              max: {high}
            """), "  ")
    return text


class Daemon:
    """One `stoker run` with its log lines as they come."""

    def __init__(self, process):
        self.process, self.lines = process, []
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        async for raw in self.process.stderr:
            text = raw.decode().strip()
            try:
                self.lines.append(json.loads(text))
            except ValueError:
                self.lines.append({"event": "raw", "text": text})

    def told(self, event, **facts):
        return [line for line in self.lines if line["event"] == event and facts.items() <= line.items()]

    async def until(self, condition, seconds=PATIENCE_SECONDS):
        """Wait until `condition()` holds; fails with what the daemon said."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never came to pass; the daemon said {self.lines}") from None

    async def end(self, sign):
        """Send a signal; the exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(sign)
        code = await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)
        await self._reading
        return code


@contextlib.asynccontextmanager
async def serving(sandbox):
    async with SandboxServer(sandbox) as server:
        yield server.url


@contextlib.asynccontextmanager
async def started(arguments, environment, **how):
    """`stoker` with these arguments; killed when it still runs at the end of the block, so that no other test meets it."""
    process = await forked(arguments, environment, **how)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@contextlib.asynccontextmanager
async def daemon(policy, state_dir, url, *more, environment=None, inherited=True, google=False):
    """`stoker run` until the block ends; whatever still runs then is killed. `url` None: it goes to the provider itself.
    `environment` is added to this process's own, unless that is not inherited. `google`: Google's libraries are loaded already.
    """
    sandbox = () if url is None else ("--sandbox-url", url)
    arguments = ("run", "--policy", str(policy), "--state-dir", str(state_dir), "--port", "0", "--log-format", "json", *sandbox,
                 *more)
    async with started(arguments, surroundings(environment, inherited), stdout=False, google=google) as process:
        run = Daemon(process)
        try:
            yield run
        finally:
            process.kill()
            await process.wait()
            await run._reading


async def stoker(*arguments, seconds=PATIENCE_SECONDS, environment=None, inherited=True, google=False):
    """Run a command to its end: exit code, standard output, standard error. For the rest, see `daemon`."""
    async with started(arguments, surroundings(environment, inherited), google=google) as process:
        out, err = await asyncio.wait_for(process.communicate(), seconds)
    return process.returncode, out.decode(), err.decode()


def surroundings(environment, inherited):
    return (clean_environment() if inherited else {}) | (environment or {})


def clean_environment():
    """No credentials of the machine's, wide terminal."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STOKER_"))}
    return kept | {"COLUMNS": "200", "AWS_EC2_METADATA_DISABLED": "true"}


def puts(sandbox):
    """Units of every Put that took effect, in order."""
    return [write.value for write in sandbox.calls.accepted("PutProvisionedConcurrencyConfig")]


