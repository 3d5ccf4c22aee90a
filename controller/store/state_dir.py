"""Where a running daemon answers, written to a file beside its store for commands on the same machine."""

from contextlib import suppress
from pathlib import Path

from adapters.runtime.files import whole_file


def tell_url(path: Path, url: str | None) -> None:
    """Write where the daemon answers, or remove the file when it no longer does. Best effort; a link at `path` is replaced."""
    with suppress(OSError):
        if url is None:
            path.unlink(missing_ok=True)
        else:
            with whole_file(path, private=True) as file:
                file.write(f"{url}\n".encode())


STORE_NAME = "stoker.db"

URL_NAME = "url"
"""Beside the store while a daemon runs on it: where it answers."""
