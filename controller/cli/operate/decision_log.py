"""Recorded decisions, newest first: from a running daemon in pages, or from a store."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from controller.cli.daemon_client import fetch
from controller.cli.failure import Failed

MOST = 10_000
"""Most decisions that a command prints."""

PAGE = 500
"""Decisions of one request; a daemon answers with up to 1000."""

Recorded = dict[str, Any]


def from_daemon(url: str, pool: str | None, since: datetime | None, most: int) -> list[Recorded]:
    """Return up to `most` decisions of a pool, or of all, at or after `since`."""
    return list(islice(pages(url, pool, since, min(most, PAGE)), most))


def pages(url: str, pool: str | None, since: datetime | None, limit: int) -> Iterator[Recorded]:
    """Yield decisions, and ask for a page when it is needed. Raise `Failed` if the answer has none."""
    before = None
    while True:
        values = {"pool": pool, "since": None if since is None else since.isoformat(), "limit": limit, "before": before}
        body = fetch(url, f"/v1/decisions?{urlencode({key: value for key, value in values.items() if value is not None})}")
        try:
            yield from body["items"]
            before = body["next"]
        except (KeyError, TypeError) as error:
            raise Failed(f"{url} is not a Stoker daemon of this version: its answer has no decisions") from error
        if before is None:
            return


def from_store(state_dir: Path, pool: str | None, since: datetime | None, most: int) -> list[Recorded]:
    """Return up to `most` decisions of a pool, or of all, at or after `since`. Raise `Failed` if the store cannot be read."""
    from controller.store.read_only import ReadOnlyStore
    from controller.store.sqlite_file import StoreError
    from controller.store.state_dir import STORE_NAME

    try:
        with ReadOnlyStore(state_dir / STORE_NAME) as store:
            return store.decisions(pool, since, most)
    except StoreError as error:
        raise Failed(str(error)) from error
