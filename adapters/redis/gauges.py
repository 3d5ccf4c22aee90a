"""Reader of numbers in one Redis server. Commands of many pools are sent together; each succeeds or fails alone."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from adapters.ports.errors import AdapterError, NotFound, Unsupported
from adapters.redis.errors import translate
from adapters.redis.settings import RedisSettings
from adapters.runtime.call_counter import CallCounter
from adapters.sampling.readings import Readings, number_of
from adapters.sampling.secrets import check_files, password_of

AT_ONCE, TOGETHER = 4, 200
"""Connections, and commands that are sent together."""

MOST_KEYS, SCANNED, MOST_SCANS = 100_000, 1000, 200
"""Keys of a database that `SCAN` counts in, those of one call, and calls: a database that grows has more."""

LONGEST = 64
"""Bytes of a value that are read: a key of another program may be large."""

Job = tuple[str, ...]
"""Pools that are read together."""


class RedisGauges:
    """Numbers of `pools` at the server of their settings; see `Gauges`. `seconds`: timeout of a sample."""

    spent_usd = 0.0

    def __init__(self, pools: Mapping[str, RedisSettings], seconds: float, environment: Mapping[str, str] = os.environ) -> None:
        self._pools, self._environment, self.calls = dict(pools), environment, CallCounter()
        self._settings = next(iter(pools.values()))
        self._readings = Readings(AT_ONCE, seconds)
        self._client: Redis | None = None

    async def read(self, pools: Sequence[str]) -> dict[str, float | AdapterError]:
        """See `Gauges`."""
        scans: list[Job] = [(pool,) for pool in pools if self._pools[pool].command == "SCAN"]
        others = [pool for pool in pools if self._pools[pool].command != "SCAN"]
        together: list[Job] = [tuple(others[at:at + TOGETHER]) for at in range(0, len(others), TOGETHER)]
        found: dict[str, float | AdapterError] = {}
        for job, outcome in (await self._readings.each([*together, *scans], self._read, self._late)).items():
            found |= dict.fromkeys(job, outcome) if isinstance(outcome, AdapterError) else outcome
        return found

    def usd_per_sample(self) -> float:
        """Return 0."""
        return 0.0

    async def close(self) -> None:
        """Close all connections."""
        await self._readings.close()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _read(self, job: Job) -> dict[str, float | AdapterError]:
        """Return the number of each pool of a job, or its error. Raise what makes all of them fail."""
        client, scans = self._connected(), self._pools[job[0]].command == "SCAN"
        with self.calls.counting("redis", "SCAN" if scans else "pipeline"):
            try:
                if scans:
                    return {job[0]: await self._scanned(client, job[0])}
                batch = client.pipeline(transaction=False)
                for pool in job:
                    batch.execute_command(*_words(self._pools[pool]))
                values = await batch.execute(raise_on_error=False)
            except AdapterError:
                raise
            except Exception as error:  # noqa: BLE001  (each is translated)
                raise translate(error, self._settings.place, self._what(job[0])) from None
        return {pool: self._number(pool, value) for pool, value in zip(job, values, strict=True)}

    def _number(self, pool: str, value: object) -> float | AdapterError:
        what = self._what(pool)
        if isinstance(value, Exception):
            return translate(value, self._settings.place, what)
        if value == b"":
            return NotFound(f"{what}: the key does not exist or is empty, so the number is unknown: correct key, or let the "
                            "application set it to 0")
        try:
            return number_of(value, what, "correct key, or the program that writes it")
        except AdapterError as error:
            return error

    async def _scanned(self, client: Redis, pool: str) -> float:
        """Return the number of keys that match the pattern. A key can be returned twice, and counts once."""
        what, size = self._what(pool), int(await client.dbsize())
        if size > MOST_KEYS:
            raise Unsupported(f"{what}: the database has {size} keys, and at most {MOST_KEYS} are scanned: count with SCARD or "
                              "ZCARD, or use another database")
        found, cursor = set[object](), 0
        for _ in range(MOST_SCANS):
            cursor, keys = await client.scan(cursor, match=self._pools[pool].pattern, count=SCANNED)
            found.update(keys)
            if not cursor:
                return float(len(found))
        raise Unsupported(f"{what}: {MOST_SCANS} calls did not return all keys: count with SCARD or ZCARD")

    def _connected(self) -> Redis:
        """Return the client. Raise `Misconfigured` when its password or a file cannot be read."""
        check_files(self._settings)
        if self._client is None:
            self._client = self._opened(password_of(self._settings, self._environment))
        return self._client

    def _opened(self, password: str | None) -> Redis:
        settings, seconds = self._settings, self._readings.seconds
        files: dict[str, Any] = {} if settings.tls is None else {
            "ssl": True, "ssl_ca_certs": settings.tls.ca_file, "ssl_certfile": settings.tls.cert_file,
            "ssl_keyfile": settings.tls.key_file}
        # no retries: the next sample is one. Neither HELLO nor CLIENT is sent: an ACL may allow the commands of the policy only
        return Redis(host=settings.host, port=settings.port, db=settings.database, username=settings.username, password=password,
                     protocol=2, driver_info=None, socket_timeout=seconds, socket_connect_timeout=seconds,
                     retry=Retry(NoBackoff(), 0), **files)

    def _what(self, pool: str) -> str:
        settings = self._pools[pool]
        words = (f"pool {pool}: {settings.command}", settings.key, settings.pattern, f"of {settings.place}")
        return " ".join(word for word in words if word)

    def _late(self, job: Job) -> AdapterError:
        return translate(TimeoutError(), self._settings.place, self._what(job[0]))


def _words(settings: RedisSettings) -> tuple[str | int, ...]:
    """Return the command that is sent. GETRANGE returns an empty text where GET returns nothing."""
    if settings.command == "GET":
        return "GETRANGE", str(settings.key), 0, LONGEST
    return (settings.command,) if settings.key is None else (settings.command, settings.key)
