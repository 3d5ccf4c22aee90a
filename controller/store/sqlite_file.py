"""Crash-safe SQLite file that one process at a time may open.

Write-ahead logging with `synchronous=FULL`: a transaction that returned is on disk, even after a power failure. A second
connection with weaker guarantees for history would save nothing: both append to the same log, and the sync of an intent also
writes the history before it. The cost stays low because callers write one transaction per tick.
"""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from adapters.runtime.files import make_private, private_folder, tighten
from adapters.runtime.sqlite_transaction import transaction
from controller.store.migrations import APPLICATION_ID, FIRST_VERSION, STEPS, TABLES, VERSION

BUSY_TIMEOUT_MS = 5000
"""Maximum wait for another program that reads or copies the file."""

LOG_LIMIT_BYTES = 64 << 20
CACHE_KIB = 64 << 10
SIDE_FILES = ("", "-wal", "-shm")
OURS = re.compile(r"stoker\.db.*|learned-\d+\.npz.*|url|lost\+found")
"""Names of Stoker's files in a state directory."""

log = structlog.get_logger("stoker.store")


class StoreError(Exception):
    """A call of the store failed. The message is one line with the file and what the operator can do."""


class StoreInUse(StoreError):
    """Another process has the store open."""


class StoreDamaged(StoreError):
    """The file is damaged. Opening a damaged file renames it and creates a new one."""


HINTS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space, then writes continue",
    sqlite3.SQLITE_READONLY: "the file is not writable; check its owner, its mode and the mount",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; check that its folder exists and is writable",
    sqlite3.SQLITE_PERM: "access is denied; check its owner and its mode",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write the file",
    sqlite3.SQLITE_BUSY: "another program has locked the file; close that program",
    sqlite3.SQLITE_LOCKED: "another program has locked the file; close that program",
}
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
TORN = ("decode to UTF-8", "unsupported file format", "no such table", "no such column")
"""Parts of SQLite messages that mean a damaged file but have a general error code: a valid file of Stoker causes none of them."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and the system into a `StoreError` with what the operator can do."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in DAMAGE or any(words in str(error) for words in TORN):
            raise StoreDamaged(f"{path} is damaged ({error}); the next start renames it and creates a new store") from error
        raise StoreError(f"{path}: {HINTS.get(code, 'the store failed')} ({error})") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def take_lock(path: Path) -> int:
    """Lock the store at `path` and return the descriptor. The lock ends with the process, even after SIGKILL."""
    lock_file = path.with_name(f"{path.name}.lock")
    with explained(lock_file):
        make_private(lock_file)
        lock = os.open(lock_file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StoreInUse(f"{path} is in use by another Stoker (process {holder}): stop that one, or start this one "
                         "with another --state-dir") from error
    except OSError as error:
        os.close(lock)
        raise StoreError(f"{path}: its folder does not support locks ({error.strerror}); use a local disk") from error
    with suppress(OSError):  # the number is for diagnosis only; on a full disk the store reports the error
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def in_use(path: Path) -> bool:
    """Return whether another process has the store open."""
    if not path.is_file():
        return False
    try:
        os.close(take_lock(path))
    except StoreInUse:
        return True
    return False


def move_aside(path: Path) -> Path:
    """Rename a damaged file and its log to the first free NAME.corrupt-<n>, and return that path. Nothing is deleted."""
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for suffix in SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def make_folder_private(folder: Path) -> None:
    """Create the state folder, or restrict it and its files to their owner. `StoreError` when a file of the state is a link."""
    with explained(folder):
        exposed = private_folder(folder, OURS)
        files = [each for each in folder.iterdir() if OURS.fullmatch(each.name) and (each.is_file() or each.is_symlink())]
    for each in files:
        if each.name != "url":  # each start replaces the file
            with explained(each):
                tighten(each)
    if exposed is not None:
        log.warning("state-exposed", folder=str(folder), text=f"other users can access it, and {exposed}: use a separate folder "
                    "for the state, with mode 0700 and the owner that Stoker runs as")


class Database:
    """The file, its lock and its only connection. Any thread may use it, but only one at a time.

    `moved_aside`: new path of a damaged file that opening found, else None; the caller reports it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.parent.resolve() / path.name  # the folder may be a link, a written file may not
        self.moved_aside: Path | None = None
        make_folder_private(self.path.parent)
        self._lock = take_lock(self.path)
        try:
            try:
                self._connection = connect(self.path)
            except StoreDamaged:
                with explained(self.path):
                    self.moved_aside = move_aside(self.path)
                self._connection = connect(self.path)
        except BaseException:
            os.close(self._lock)
            raise
        self._damaged = False

    def replace_damaged(self) -> None:
        """Rename the open file, whose content is damaged, and create a new one."""
        self._damaged = True
        with suppress(sqlite3.Error):
            self._connection.close()
        with explained(self.path):
            self.moved_aside = move_aside(self.path)
        self._connection = connect(self.path)
        self._damaged = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection; its errors become `StoreError`."""
        try:
            with explained(self.path):
                yield self._connection
        except StoreDamaged:
            self._damaged = True
            raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction: all of it is on disk when the block ends, nothing when it raises."""
        with self.reading() as connection, transaction(connection):
            yield connection

    def close(self) -> None:
        """Record a clean shutdown, so that the next opening skips the check, and release the lock."""
        try:
            if not self._damaged:
                with self.writing() as connection:
                    connection.execute("UPDATE life SET clean = 1")
        finally:
            with suppress(sqlite3.Error):
                self._connection.close()
            os.close(self._lock)


def connect(path: Path) -> sqlite3.Connection:
    """Open and check the file, migrate its schema, and return the connection."""
    with explained(path):
        make_private(path)  # SQLite gives its side files the same mode
        check_header(path)
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)
        try:
            version = examine(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {LOG_LIMIT_BYTES}")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            migrate(connection, version)
        except BaseException:
            connection.close()
            raise
    return connection


def check_header(path: Path) -> None:
    """Raise `StoreDamaged` for a file whose bytes 18 and 19 are invalid: SQLite would report it as read-only instead
    (https://www.sqlite.org/fileformat.html, "File format version numbers").
    """
    if path.exists():
        with path.open("rb") as file:
            versions = file.read(20)[18:]
        if not set(versions) <= {1, 2}:
            raise StoreDamaged(f"{path} is damaged (invalid header)")


def examine(connection: sqlite3.Connection, path: Path) -> int:
    """Return the file's schema version, 0 for an empty file. Refuse other programs' files and unsupported versions unchanged.

    The integrity check reads every page, so it runs only after a shutdown that was not clean.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path} is another program's database; start Stoker with another --state-dir")
    if not FIRST_VERSION <= version <= VERSION:
        age = "a newer" if version > VERSION else "an earlier, unreleased"
        raise StoreError(f"{path} was written by {age} Stoker (schema {version}, this one reads {FIRST_VERSION} to {VERSION}): "
                         "run that version, or start this one with another --state-dir")
    if not connection.execute("SELECT clean FROM life").fetchone()[0]:
        result = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if result != "ok":
            raise StoreDamaged(f"{path} is damaged ({result})")
    return version


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Run the missing steps in one transaction, and mark the file as in use."""
    with transaction(connection):
        for step in STEPS[version - FIRST_VERSION:] if version else (TABLES, *STEPS):
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("UPDATE life SET clean = 0")
