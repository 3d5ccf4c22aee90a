"""One SQLite file that one process at a time may write, and that survives being killed at any instant.

Write-ahead logging with `synchronous=FULL`: a transaction that returned is on the disk, power cuts included. A second
connection with weaker promises for history would save nothing: both append to the same log, and the sync that makes an
intent durable carries the history before it along. What keeps this cheap is that callers batch a tick into one transaction.
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
"""How long to wait for somebody who reads or copies the file with another tool."""

LOG_LIMIT_BYTES = 64 << 20
CACHE_KIB = 64 << 10
SIDE_FILES = ("", "-wal", "-shm")
OURS = re.compile(r"stoker\.db.*|learned-\d+\.npz.*|url|lost\+found")
"""Names in a state folder."""

log = structlog.get_logger("stoker.store")


class StoreError(Exception):
    """The store cannot do what was asked; one line that names the file and what the operator can do."""


class StoreInUse(StoreError):
    """Another process has it open."""


class StoreDamaged(StoreError):
    """The file's content is broken. Found at opening, it is moved aside; found later, the next opening does so."""


HINTS = {
    sqlite3.SQLITE_FULL: "the disk is full; free some space, history goes on from there",
    sqlite3.SQLITE_READONLY: "it may not be written; check its owner, its mode and the mount",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its folder exists and may be written",
    sqlite3.SQLITE_PERM: "access is denied; check its owner and its mode",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write it",
    sqlite3.SQLITE_BUSY: "another program keeps it locked; close that program",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked; close that program",
}
DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
TORN = ("decode to UTF-8", "unsupported file format", "no such table", "no such column")
"""What SQLite says without a code of its own when bits of a file are turned: what Stoker asks for is in every file of its own."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system say into a `StoreError` that an operator can act on."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in DAMAGE or any(words in str(error) for words in TORN):
            raise StoreDamaged(f"{path} is damaged ({error}); the next start moves it aside and begins a new one") from error
        raise StoreError(f"{path}: {HINTS.get(code, 'the store failed')} ({error})") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def take_lock(path: Path) -> int:
    """The descriptor of the lock beside `path`, held until it is closed or the process ends, however it ends."""
    beside = path.with_name(f"{path.name}.lock")
    with explained(beside):
        make_private(beside)
        lock = os.open(beside, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(lock, 20).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StoreInUse(f"{path} is in use by another Stoker (process {holder}): stop that one, or give this one "
                         "a store of its own") from error
    except OSError as error:
        os.close(lock)
        raise StoreError(f"{path}: its folder takes no locks ({error.strerror}); use a local disk") from error
    with suppress(OSError):  # the number is for people; on a full disk what cannot do without its data says so
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def in_use(path: Path) -> bool:
    """Whether another process has the store open."""
    if not path.is_file():
        return False
    try:
        os.close(take_lock(path))
    except StoreInUse:
        return True
    return False


def move_aside(path: Path) -> Path:
    """Rename a damaged file and its log to the first free NAME.corrupt-<n>; nothing is deleted."""
    number = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{number}")).exists():
        number += 1
    for suffix in SIDE_FILES:
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def take_from_others(folder: Path) -> None:
    """Make the state folder, or let its user alone read what is in it. `StoreError` when a file of the state is a link."""
    with explained(folder):
        exposed = private_folder(folder, OURS)
        kept = [each for each in folder.iterdir() if OURS.fullmatch(each.name) and (each.is_file() or each.is_symlink())]
    for each in kept:
        if each.name != "url":  # replaced whole by each start
            with explained(each):
                tighten(each)
    if exposed is not None:
        log.warning("state-exposed", folder=str(folder), text=f"other users may look into it, and {exposed}: give the state a "
                    "folder of its own, with mode 0700 and the owner that Stoker runs as")


class Database:
    """The file, its lock and its only connection. Used by one thread at a time; which one does not matter.

    `moved_aside` names where a damaged predecessor went when opening found one; the caller reports it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.parent.resolve() / path.name  # a folder may be a link; a file that is written may not
        self.moved_aside: Path | None = None
        take_from_others(self.path.parent)
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

    def begin_anew(self) -> None:
        """Put the file aside, whose content was found to be broken after it was opened, and begin a new one."""
        self._damaged = True
        with suppress(sqlite3.Error):
            self._connection.close()
        with explained(self.path):
            self.moved_aside = move_aside(self.path)
        self._connection = connect(self.path)
        self._damaged = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, its errors explained."""
        try:
            with explained(self.path):
                yield self._connection
        except StoreDamaged:
            self._damaged = True
            raise

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is on the disk when this returns, none of it when it raises."""
        with self.reading() as connection, transaction(connection):
            yield connection

    def close(self) -> None:
        """Note a clean end, so that the next opening need not check the file, and let go of the lock."""
        try:
            if not self._damaged:
                with self.writing() as connection:
                    connection.execute("UPDATE life SET clean = 1")
        finally:
            with suppress(sqlite3.Error):
                self._connection.close()
            os.close(self._lock)


def connect(path: Path) -> sqlite3.Connection:
    """Open, check, and bring the schema up to date."""
    with explained(path):
        make_private(path)  # SQLite gives the files beside it the same mode
        look_at_header(path)
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


def look_at_header(path: Path) -> None:
    """Refuse a file whose bytes 18 and 19 tell of a way of writing that SQLite has not: it would say that it may not be written
    (https://www.sqlite.org/fileformat.html, "File format version numbers").
    """
    if path.exists():
        with path.open("rb") as file:
            ways = file.read(20)[18:]
        if not set(ways) <= {1, 2}:
            raise StoreDamaged(f"{path} is damaged (its header)")


def examine(connection: sqlite3.Connection, path: Path) -> int:
    """The file's schema version. Refuses what is not ours or is newer than this program, before anything is altered.

    The full check reads every page, so it is made only when the last owner did not end cleanly.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{path} is another program's database; give Stoker a file of its own")
    if not FIRST_VERSION <= version <= VERSION:
        age = "a newer" if version > VERSION else "an earlier, unreleased"
        raise StoreError(f"{path} was written by {age} Stoker (schema {version}, this one reads {FIRST_VERSION} to {VERSION}): "
                         "run that version, or start this one with another --state-dir")
    if not connection.execute("SELECT clean FROM life").fetchone()[0]:
        found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            raise StoreDamaged(f"{path} is damaged ({found})")
    return version


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Run the steps that are missing, all or none, and note that the file is in use."""
    with transaction(connection):
        for step in STEPS[version - FIRST_VERSION:] if version else (TABLES, *STEPS):
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("UPDATE life SET clean = 0")
