"""The policy file of a running daemon: read again on request, and when its content has changed."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from adapters.runtime.clock import Clock
from config.model.policy import Policy
from config.yaml_text.document import MOST_BYTES

WATCH_SECONDS = 5.0
"""Interval at which the content is compared. A change is used when two readings agree: a file that is being written differs."""

log = structlog.get_logger("stoker.policy")


class PolicyFile:
    """Policy file. `read`: returns its policy; raises `PolicyError`. Create it before the first reading of the policy."""

    def __init__(self, path: Path, read: Callable[[], Policy]) -> None:
        self.path, self._read = path, read
        self._used = self._seen = digest_of(path)
        self._readable = True

    def load(self) -> Policy:
        """Return the policy. Raise `PolicyError`. Reads a file: call it in a thread."""
        self._used = digest_of(self.path)
        return self._read()

    async def watch(self, clock: Clock, changed: Callable[[], Awaitable[object]]) -> None:
        """Call `changed` when the content has changed, until cancelled. Works for symbolic links that are exchanged, as in a
        ConfigMap of Kubernetes.
        """
        while True:
            await clock.sleep(WATCH_SECONDS)
            if await asyncio.to_thread(self.has_changed):
                await changed()

    def has_changed(self) -> bool:
        """Return whether the content differs from the one used last, and has been the same at this look and at the one before."""
        before, self._seen = self._seen, digest_of(self.path)
        if self._readable and self._seen is None:
            log.warning("policy-unreadable", file=str(self.path), text="the policy in use stays until the file can be read again")
        self._readable = self._seen is not None
        return self._seen is not None and self._seen == before and self._seen != self._used


def digest_of(path: Path) -> bytes | None:
    """Return the digest of a file's content; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(MOST_BYTES + 1)).digest()
    except OSError:
        return None
