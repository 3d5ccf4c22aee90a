"""Store opened for reading, while a daemon has it open or after it stopped. Nothing in the state directory is changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controller.store.migrations import APPLICATION_ID, FIRST_VERSION, VERSION
from controller.store.override_table import OverrideTable
from controller.store.sqlite_file import BUSY_TIMEOUT_MS, Database, StoreError, explained
from controller.store.state_store import Store


class ReadOnlyDatabase(Database):
    """Connection that cannot write, and that takes no lock: the owner of the file may write meanwhile."""

    def __init__(self, path: Path) -> None:  # not the constructor of an owner: no lock, no check, no migration
        self.path, self.moved_aside, self._damaged = path.parent.resolve() / path.name, None, False
        if not path.is_file():
            raise StoreError(f"{path} does not exist: give the --state-dir that the daemon uses")
        with explained(path):
            self._connection = connected(self.path)
        try:
            self._check(path)
        except BaseException:
            self.close()
            raise

    def _check(self, path: Path) -> None:
        with explained(path):
            application, version = (self._connection.execute(f"PRAGMA {name}").fetchone()[0]
                                    for name in ("application_id", "user_version"))
        if application != APPLICATION_ID:
            raise StoreError(f"{path} is another program's database: give the --state-dir that the daemon uses")
        if version != VERSION:
            remedy = ("start the daemon of this version once, which migrates the file" if FIRST_VERSION <= version < VERSION
                      else "use the version of Stoker that wrote it")
            raise StoreError(f"{path} has schema {version}, this Stoker reads {VERSION}: {remedy}")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        raise StoreError(f"{self.path} is open for reading only")
        yield self._connection

    def close(self) -> None:
        self._connection.close()


class ReadOnlyStore(Store):
    """Store whose methods that write raise `StoreError`."""

    def __init__(self, path: Path) -> None:
        """Open `path` for reading. `StoreError` when it does not exist, is damaged, another program's, or of another version."""
        self._database = ReadOnlyDatabase(path)
        self.path, self.moved_aside = self._database.path, None
        self.overrides = OverrideTable(self._database, self._ids_of)
        with self._database.reading() as connection:
            self._ids = dict(connection.execute("SELECT name, id FROM pools"))


def connected(path: Path) -> sqlite3.Connection:
    """Return a read-only connection. Without a log no process has the file open, and it is read as one that nobody changes:
    SQLite would otherwise leave its side files behind.
    """
    way = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?{way}", uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None,
                           check_same_thread=False)
