"""Atomic file writes. The daemon's own files are readable only by its user, and never written through a link."""

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE, PRIVATE_FOLDER = 0o600, 0o700
PUBLIC = 0o666
"""Mode of a new file of the user, before the umask applies."""


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Write to an unpredictable temporary name next to `path`, and move it there if the block finishes without an error.

    `private`: for the daemon's state: mode 0600 with any umask, and a link at `path` is replaced. Otherwise the file belongs to
    the user: it keeps its mode, a link is followed, and a special file such as /dev/stdout is written in place.
    """
    if not private and path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    place = path if private else Path(os.path.realpath(path))
    if private:
        clear_unfinished(place)
    part = place.with_name(f".{place.name}.{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE if private else PUBLIC)
    try:
        with os.fdopen(handle, "wb") as file:
            if private:
                os.fchmod(handle, PRIVATE)
            else:
                with suppress(FileNotFoundError):
                    os.fchmod(handle, stat.S_IMODE(place.stat().st_mode))
            yield file
        part.replace(place)
    finally:
        part.unlink(missing_ok=True)


def clear_unfinished(path: Path) -> None:
    """Remove temporary files of killed writers of `path`. Use only where one process writes at a time."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        part.unlink(missing_ok=True)


def make_private(path: Path) -> None:
    """Create a file if it does not exist, and make it readable and writable only by its user, with any umask.

    An existing file is not opened, because closing it would release SQLite's locks of this process. Raise `OSError` with a
    readable message when it is a symbolic link.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
    except FileExistsError:
        tighten(path)
    else:
        os.fchmod(handle, PRIVATE)
        os.close(handle)


def tighten(path: Path) -> None:
    """Restrict a file to its user. Raise `OSError` as `make_private` does."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "it is a symbolic link, through which Stoker does not write its state: remove it", str(path))
    if stat.S_IMODE(mode) != PRIVATE:
        with suppress(PermissionError):  # the file belongs to another user, who may have granted access
            path.chmod(PRIVATE)


def private_folder(folder: Path, ours: re.Pattern[str]) -> str | None:
    """Create a folder that only its user may enter, or restrict an existing one. Return a warning if others keep access.

    A folder that holds more than hidden files and names that match `ours` is unchanged.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(PRIVATE_FOLDER)
    except FileExistsError:
        status = folder.stat()
    else:
        folder.chmod(PRIVATE_FOLDER)
        return None
    if not status.st_mode & 0o077:
        return None
    if status.st_uid != os.geteuid():
        return "any user can replace the files in it" if status.st_mode & 0o002 and not status.st_mode & stat.S_ISVTX else None
    if all(each.name.startswith(".") or ours.fullmatch(each.name) for each in folder.iterdir()):
        folder.chmod(PRIVATE_FOLDER)
        return None
    return "its mode is unchanged, because it contains other files; users who can write to it can replace the state"
