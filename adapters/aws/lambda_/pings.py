"""Pings to one Lambda alias: synchronous invocations whose log distinguishes cold from warm."""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from numpy.random import Generator

from adapters.aws.clients import Answer as Reply
from adapters.aws.clients import Connections, Digest, Timeouts
from adapters.aws.credentials import CredentialSource
from adapters.aws.errors import ApiCall
from adapters.aws.lambda_.ping_payloads import Ping, environment_in, misunderstood, parameters, provisioned_in
from adapters.aws.lambda_.report_line import report_in
from adapters.aws.settings import LambdaPingSettings
from adapters.pinging.results import PingResult
from adapters.ports.errors import AdapterError, Unsupported
from adapters.runtime.clock import SystemClock

T = TypeVar("T")

AT_ONCE = 512
"""Maximum concurrent pings in one region: each occupies a thread for its duration, including a cold start."""

PATIENCE = Timeouts(read_otherwise=60.0)
"""Timeout that covers a cold start: initialisation may take more than 10 s, and a client that disconnects does not stop it."""

WORK_MS = 5000.0
"""A handler that runs this much longer than the hold time does other work, for any response."""

SEE = "see docs/ping-handler.md"


class TimedConnections(Connections):
    """Connections that record when each call was sent and answered, by the machine's clock: handlers hold pings in real time."""

    def __init__(self, region: str, sandbox_url: str | None = None, timeouts: Timeouts | None = None,
                 credentials: CredentialSource | None = None, account: str | None = None) -> None:
        super().__init__(region, sandbox_url, timeouts or PATIENCE, AT_ONCE, credentials, account)
        self._wire = SystemClock()

    def _send(self, call: ApiCall, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        sent = self._wire.monotonic()
        return super()._send(call, parameters, lambda reply: digest({**reply, "Sent": sent, "Answered": self._wire.monotonic()}))


class LambdaPinger:
    """Sender of pings to the alias in `settings`. See `adapters.pinging.rounds.Pinger`."""

    def __init__(self, settings: LambdaPingSettings, connections: TimedConnections, rng: Generator, resource: str) -> None:
        self._settings, self._connections, self._rng, self._resource = settings, connections, rng, resource
        self._call = ApiCall("lambda", "invoke", resource, writes=True)
        self.hold, self.fixed = settings.hold_ms / 1000, settings.handler != "stoker"

    async def canary(self) -> PingResult:
        """Send one test ping, which is not held."""
        return await self._ping(Ping(0, 1, self._mark(), 0))

    async def burst(self, count: int, hold: float) -> Sequence[PingResult | AdapterError]:
        """Send `count` concurrent pings, held for `hold` seconds. Return the result or the error of each."""
        mark, hold_ms = self._mark(), max(1, round(hold * 1000))
        outcomes = await asyncio.gather(*(self._ping(Ping(order, count, mark, hold_ms)) for order in range(count)),
                                        return_exceptions=True)
        failed = [each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, AdapterError)]
        if failed:
            raise failed[0]
        return [each for each in outcomes if isinstance(each, PingResult | AdapterError)]

    def _mark(self) -> str:
        return f"{int(self._rng.integers(2**32)):08x}"

    async def _ping(self, ping: Ping) -> PingResult:
        hold_ms = self._settings.hold_ms if self.fixed else ping.hold_ms
        return await self._connections.call(self._call, parameters(self._settings, ping), partial(self._digested, hold_ms))

    def _digested(self, hold_ms: int, reply: Reply) -> PingResult:
        """Return the parsed reply. Raise `Unsupported` if the handler did not recognise the ping, ValueError for other faults."""
        raw = reply["Payload"].read()
        report = report_in(base64.b64decode(reply["LogResult"]).decode(errors="replace"))
        if report is None:
            raise ValueError("the log has no REPORT")
        body = json.loads(raw) if raw else None
        if reply.get("FunctionError"):
            kind = body.get("errorType") if isinstance(body, dict) else None
            raise Unsupported(f"{self._resource} fails on a ping ({kind or reply['FunctionError']}): {SEE}")
        if misunderstood(self._settings, body):
            raise Unsupported(f"{self._resource} does not answer pings as handler {self._settings.handler} does, so Stoker "
                              f"sends no more: {SEE}")
        if report.run_ms > hold_ms + WORK_MS:
            raise Unsupported(f"{self._resource} ran {report.run_ms / 1000:.1f} s for a ping, so Stoker sends no more: {SEE}")
        provisioned = provisioned_in(body)
        start_ms = None if provisioned else report.start_ms  # Lambda logs the earlier start of a provisioned one at its first use
        answer = PingResult(float(reply["Sent"]), float(reply["Answered"]), (report.run_ms + (start_ms or 0.0)) / 1000,
                            start_ms is not None, environment_in(body), str(reply.get("ExecutedVersion", "")), below=provisioned)
        return answer if start_ms is None else replace(answer, init_seconds=start_ms / 1000)
