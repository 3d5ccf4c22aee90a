"""Where a running daemon answers, told to commands on the same machine by a file beside its store."""

from contextlib import suppress
from pathlib import Path


def tell_url(file: Path, url: str | None) -> None:
    """Note where the daemon answers, for commands on the same machine; or that it does not any more. Best effort."""
    with suppress(OSError):
        if url is None:
            file.unlink(missing_ok=True)
        else:
            file.write_text(f"{url}\n")
