"""Reader of numbers in one PostgreSQL server. Each query runs in a read-only transaction with a timeout."""

import os
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection

from adapters.ports.errors import AdapterError, Malformed, Unreachable, Unsupported
from adapters.postgresql.errors import translate
from adapters.postgresql.settings import PostgresqlSettings
from adapters.runtime.call_counter import CallCounter
from adapters.sampling.readings import Readings, number_of
from adapters.sampling.secrets import check_files, password_of

AT_ONCE = 4
"""Connections, which stay open between samples."""

CONNECT_SECONDS = 3
QUERY_SHARE = 0.6
"""Share of the timeout of a sample after which the server cancels a query."""

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Trusted certificates of Debian, Red Hat and Alpine: libpq's own library has none."""

Connection = AsyncConnection[tuple[Any, ...]]


class PostgresqlGauges:
    """Numbers of `pools` at the server of their settings; see `Gauges`. `seconds`: timeout of a sample."""

    spent_usd = 0.0

    def __init__(self, pools: Mapping[str, PostgresqlSettings], seconds: float,
                 environment: Mapping[str, str] = os.environ) -> None:
        self._pools, self._environment, self.calls = dict(pools), environment, CallCounter()
        self._settings = next(iter(pools.values()))
        self._readings, self._query_seconds = Readings(AT_ONCE, seconds), seconds * QUERY_SHARE
        self._idle: list[Connection] = []

    async def read(self, pools: Sequence[str]) -> dict[str, float | AdapterError]:
        """See `Gauges`."""
        return await self._readings.each(pools, self._read, self._late)

    def usd_per_sample(self) -> float:
        """Return 0."""
        return 0.0

    async def close(self) -> None:
        """Close all connections."""
        await self._readings.close()
        while self._idle:
            await self._idle.pop().close()

    async def _read(self, pool: str) -> float:
        """Return the number of a pool."""
        settings, what = self._pools[pool], f"pool {pool}: query at {self._settings.place}"
        with self.calls.counting("postgresql", "query"):
            try:
                rows = await self._rows(settings.query)
            except psycopg.Error as error:
                raise translate(error, settings.place, what, self._query_seconds) from None
        if len(rows) != 1 or len(rows[0]) != 1:
            size = "more than 1 row" if len(rows) > 1 else f"{len(rows)} rows" if not rows else f"{len(rows[0])} columns"
            raise Unsupported(f"{what}: the query returns {size}: let it return 1 row with 1 number, for example count(*)")
        if rows[0][0] is None:
            raise Malformed(f"{what}: the query returns NULL, so the minute is unknown: use coalesce(…, 0) where that means 0")
        return number_of(rows[0][0], what, "correct query")

    async def _rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the first two rows. The connection is used again if it is in no transaction afterwards."""
        connection = self._idle.pop() if self._idle else await self._connected()
        usable = False
        try:
            rows = await _fetched(connection, query, self._query_seconds)
            usable = True
        except psycopg.Error as error:
            if error.sqlstate is not None and not connection.closed:
                await connection.execute(b"ROLLBACK")
                usable = True
            raise
        else:
            return rows
        finally:
            if usable and not connection.closed:
                self._idle.append(connection)
            else:
                await connection.close()

    async def _connected(self) -> Connection:
        settings, password = self._settings, password_of(self._settings, self._environment)
        check_files(settings)
        options: dict[str, Any] = {"sslmode": "disable"}
        if settings.tls is not None:
            options = {"sslmode": "verify-full", "sslrootcert": settings.tls.ca_file or trusted(self._environment),
                       "sslcert": settings.tls.cert_file or "", "sslkey": settings.tls.key_file or ""}
        return await AsyncConnection.connect(
            host=settings.host, port=settings.port, dbname=settings.database, user=settings.username, password=password,
            connect_timeout=CONNECT_SECONDS, tcp_user_timeout=int(self._readings.seconds * 1000), application_name="stoker",
            gssencmode="disable", autocommit=True, prepare_threshold=None, **options)

    def _late(self, pool: str) -> AdapterError:
        return Unreachable(f"{self._settings.place}: no response within {self._readings.seconds:g} s (pool {pool}): check host, "
                           "port, network and the load of the server")


async def _fetched(connection: Connection, query: str, seconds: float) -> list[tuple[Any, ...]]:
    """Return the first two rows of a query, in one round trip. A cursor can be declared for a query only, not for a command."""
    batch = (f"BEGIN READ ONLY; SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}; "
             f"DECLARE stoker NO SCROLL CURSOR FOR {query}\n; FETCH 2 FROM stoker; ROLLBACK")
    rows: list[tuple[Any, ...]] = []
    async with await connection.execute(batch.encode()) as cursor:
        while True:
            if cursor.description is not None:
                rows = await cursor.fetchall()
            if not cursor.nextset():
                return rows


def trusted(environment: Mapping[str, str]) -> str:
    """Return the file of the trusted certificates of the machine."""
    found = [environment.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile, *BUNDLES]
    return next((path for path in found if path and Path(path).is_file()), "system")
