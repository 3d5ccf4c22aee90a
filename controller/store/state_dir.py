"""Files in the state directory, and the URL file that commands on the same machine read."""

from contextlib import suppress
from pathlib import Path

from adapters.runtime.files import whole_file

STORE_NAME = "stoker.db"

URL_NAME = "url"
"""File with the URL of the running daemon; it exists while a daemon runs."""


def write_url(path: Path, url: str | None) -> None:
    """Write the daemon's URL to `path`; remove the file when `url` is None. Errors are ignored. A link at `path` is replaced."""
    with suppress(OSError):
        if url is None:
            path.unlink(missing_ok=True)
        else:
            with whole_file(path, private=True) as file:
                file.write(f"{url}\n".encode())
