"""Lease in a SQLite file, for daemons on one machine."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from adapters.ports.errors import Refused, Unreachable
from adapters.ports.lease_store import Lease
from adapters.runtime.files import make_private
from adapters.runtime.sqlite_transaction import transaction
from config.model.lease import LeaseSettings, SqliteLeaseSettings

T = TypeVar("T")
APPLICATION_ID = 0x53744C65
BUSY_SECONDS = 2.0
"""Seconds to wait for another daemon's transaction."""

SCHEMA = (
    f"PRAGMA application_id = {APPLICATION_ID}",
    """CREATE TABLE IF NOT EXISTS lease (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT NOT NULL, url TEXT NOT NULL,
       number INTEGER NOT NULL, renewal INTEGER NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
)


def opened(settings: LeaseSettings, sandbox_url: str | None = None) -> "SqliteLease":  # noqa: ARG001  (no provider is called)
    """Return the lease store of `settings`; the registry calls this."""
    if not isinstance(settings, SqliteLeaseSettings):
        raise TypeError(f"settings of another kind of lease: {settings.kind}")
    return SqliteLease(Path(settings.path))


class SqliteLease:
    """Lease store in a SQLite file. The first call opens it; after a failure, the next call tries again. See `LeaseStore`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lease")
        self._connection: sqlite3.Connection | None = None

    async def read(self) -> Lease | None:
        return await self._run(_read)

    async def take(self, seen: Lease | None, wanted: Lease) -> bool:
        def change(connection: sqlite3.Connection) -> bool:
            if _read(connection) != seen:
                return False
            return _write(connection, wanted)
        return await self._run(change)

    async def renew(self, renewed: Lease) -> bool:
        def change(connection: sqlite3.Connection) -> bool:
            return _leads(connection, renewed) and _write(connection, renewed)
        return await self._run(change)

    async def keep(self, lease: Lease, texts: Mapping[str, str]) -> bool:
        def change(connection: sqlite3.Connection) -> bool:
            if not _leads(connection, lease):
                return False
            connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", texts.items())
            return True
        return await self._run(change)

    async def kept(self) -> Mapping[str, str]:
        return await self._run(lambda connection: dict(connection.execute("SELECT key, text FROM kept")))

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    async def _run(self, change: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_transaction, change)

    def _in_transaction(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """Run `change` as one transaction, in the lease's thread."""
        try:
            with transaction(self._opened()) as connection:
                return change(connection)
        except (sqlite3.Error, OSError) as error:
            self._disconnect()
            why = error.strerror if isinstance(error, OSError) else error
            raise Unreachable(f"lease {self.path}: {why}: check lease.path in the policy, its folder and the disk") from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if not is_shared(self.path):
                make_private(self.path)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                with transaction(connection):  # checked and created in one transaction: another daemon may create it now
                    owner = connection.execute("PRAGMA application_id").fetchone()[0]
                    if owner != APPLICATION_ID and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                        raise Refused(f"lease {self.path} is another program's database: set lease.path to a separate file")
                    for statement in SCHEMA:
                        connection.execute(statement)
                _to_wal(connection)
                connection.execute("PRAGMA synchronous = FULL")
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def is_shared(path: Path) -> bool:
    """Return whether other users may write an existing lease: daemons of several users then share it intentionally."""
    return path.is_file() and not path.is_symlink() and bool(path.stat().st_mode & 0o022)


def _to_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL mode. If two processes do so at once, SQLite fails one immediately: it waits and tries again."""
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        with transaction(connection):
            pass
        connection.execute("PRAGMA journal_mode = WAL")


def _read(connection: sqlite3.Connection) -> Lease | None:
    row = connection.execute("SELECT holder, url, number, renewal FROM lease").fetchone()
    return None if row is None else Lease(*row)


def _write(connection: sqlite3.Connection, lease: Lease) -> bool:
    connection.execute("INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?, ?)",
                       (lease.holder, lease.url, lease.number, lease.renewal))
    return True


def _leads(connection: sqlite3.Connection, lease: Lease) -> bool:
    current = _read(connection)
    return current is not None and (current.holder, current.number) == (lease.holder, lease.number)
