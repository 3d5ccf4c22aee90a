"""Pings to one URL: the time to first byte distinguishes cold from warm units."""

import asyncio
import os
from collections.abc import Mapping, Sequence

from adapters.pinging.results import PingResult
from adapters.ports.errors import AdapterError, PermissionDenied
from adapters.web.client import Client, Reply, refused
from adapters.web.settings import HttpMetricsSettings, HttpPingSettings


class HttpPinger:
    """Sender of pings to the URL in `settings`. See `adapters.pinging.rounds.Pinger`."""

    fixed = False

    def __init__(self, settings: HttpPingSettings, client: Client, environment: Mapping[str, str] = os.environ) -> None:
        self._settings, self._client, self._environment = settings, client, environment
        self.resource, self.hold = settings.url, settings.hold_ms / 1000

    async def canary(self) -> PingResult:
        """Send one test ping, which is not held."""
        return self._answer(await self._ping(0), 0)

    async def burst(self, count: int, hold: float) -> Sequence[PingResult | AdapterError]:
        """Send `count` concurrent pings, held for `hold` seconds. Return the result or the error of each."""
        hold_ms = max(1, round(hold * 1000))
        outcomes = await asyncio.gather(*(self._ping(hold_ms) for _ in range(count)), return_exceptions=True)
        for each in outcomes:
            if isinstance(each, BaseException) and not isinstance(each, AdapterError):
                raise each
        return [self._answer(each, hold_ms) if isinstance(each, Reply) else each for each in outcomes
                if isinstance(each, Reply | AdapterError)]

    async def _ping(self, hold_ms: int) -> Reply:
        settings = self._settings
        reply = await self._client.send(settings.method, settings.url, self.resource, headers_of(settings, self._environment),
                                        {"hold_ms": str(hold_ms)})
        error = refused(reply, settings.status, self.resource)
        if error is not None:
            raise error
        return reply

    def _answer(self, reply: Reply, hold_ms: int) -> PingResult:
        settings = self._settings
        unit = reply.headers.get(settings.unit_header) if settings.unit_header is not None else None
        hold, waited = hold_ms / 1000, reply.first_byte - reply.sent
        cold = waited - hold > settings.cold_after_ms / 1000
        if cold:
            return PingResult(reply.sent, reply.first_byte, waited, cold, unit, init_seconds=waited - hold)
        return PingResult(reply.sent, reply.first_byte, min(hold, waited), cold, unit)


def headers_of(settings: HttpPingSettings | HttpMetricsSettings, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request, with values from the environment. Raise `PermissionDenied` when a variable is not set."""
    missing = [name for name in settings.headers_from.values() if not environment.get(name)]
    if missing:
        raise PermissionDenied(f"{settings.url}: the environment variable {missing[0]} of headers_from is not set: set it")
    return {header: environment[name] for header, name in settings.headers_from.items()}
