"""AWS credentials of one region: found by the library as boto3 finds them, loaded and renewed in a thread of their own.

Clients sign with the keys that were last loaded (`HeldCredentials`) and never load any, so a token service that hangs holds one
thread and no call. Keys that expire are renewed ahead of time while calls go on with the old ones. Keys that AWS refuses are
looked up again from the start: files, environment, processes and services may have new ones.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass

from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials
from botocore.session import Session

from adapters.aws.setup_faults import fault_of, late, not_found
from adapters.aws.token_faults import Fault
from adapters.runtime.clock import Clock, SystemClock
from adapters.runtime.threads import DaemonThreads

RENEW_EVERY = 60.0
"""Seconds between renewals ahead of time: a role's shortest session is renewed by the library's rule from its first second on."""

RETRY_AFTER, REREAD_AFTER = 5.0, 10.0
"""Seconds for which calls share a failure, and from one look-up of refused keys to the next."""

MARGIN, YOUNG = 5, 1.0
"""Seconds. Keys that expire within the margin are not used, unless they were loaded just now: some live for seconds."""

STUCK_AFTER, MOST_STUCK = 60.0, 3
"""After so many seconds an attempt counts as stuck (a credential process may never end); so many of them are left behind."""


class HeldCredentials(Credentials):
    """What clients sign with."""

    def __init__(self) -> None:
        super().__init__("", "", method="held")
        self._held = ReadOnlyCredentials("", "", None)

    def load_credentials(self) -> Credentials:
        """Return itself: the library asks its provider of credentials so."""
        return self

    def hold(self, keys: ReadOnlyCredentials) -> None:
        self._held = keys
        self.account_id = keys.account_id

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._held


@dataclass(frozen=True, slots=True)
class Loaded:
    """Credentials as the library found them, and when, by the machine's monotonic clock."""

    credentials: Credentials
    at: float

    def due(self) -> bool:
        return self._within(None)

    def usable(self, now: float) -> bool:
        return not self._within(0 if now - self.at < YOUNG else MARGIN)

    def _within(self, seconds: int | None) -> bool:
        """Whether they expire within so many seconds; None: as many as the library renews them ahead."""
        return isinstance(self.credentials, RefreshableCredentials) and self.credentials.refresh_needed(seconds)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One look for credentials, or one renewal. Its result is what went wrong, if anything."""

    result: Future[Fault | None]
    began: float


class CredentialSource:
    """Keeps `held` supplied. `find` makes a session of the library in which nothing was looked up yet."""

    def __init__(self, name: str, find: Callable[[], Session], clock: Clock | None = None) -> None:
        self.held = HeldCredentials()
        self._find, self._clock = find, clock or SystemClock()
        self._threads = DaemonThreads(1 + MOST_STUCK, name)
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None
        self._attempt: Attempt | None = None
        self._stuck = 0
        self._failed: tuple[Fault, float] | None = None
        self._renewed_at = self._refused_at = float("-inf")

    async def ready(self) -> Fault | None:
        """Wait until there are keys to sign with; return what prevents that, if anything. The caller limits the wait.

        While there are keys that have not expired, nothing is waited for, even if their renewal fails or hangs.
        """
        now, loaded = self._clock.monotonic(), self._loaded
        if loaded is not None and loaded.usable(now):
            if loaded.due() and now - self._renewed_at >= RENEW_EVERY:
                self._begin(now)
            return None
        if self._failed is not None and now - self._failed[1] < RETRY_AFTER:
            return self._failed[0]
        attempt = self._begin(now)
        return late(STUCK_AFTER) if attempt is None else await _done(attempt.result)

    def refused(self) -> None:
        """AWS did not accept the keys: let the next call look them up from the start, at most once in `REREAD_AFTER`."""
        now = self._clock.monotonic()
        with self._lock:
            if now - max(self._refused_at, self._loaded.at if self._loaded else now) >= REREAD_AFTER:
                self._loaded, self._refused_at = None, now

    def close(self) -> None:
        self._threads.shutdown()

    def _begin(self, now: float) -> Attempt | None:
        """The attempt that is under way, or a new one; None when too many are stuck."""
        with self._lock:
            stuck = self._attempt is not None and now - self._attempt.began >= STUCK_AFTER
            if stuck:
                self._attempt, self._stuck = None, self._stuck + 1
            if self._attempt is None and self._stuck <= MOST_STUCK:
                attempt = self._attempt = Attempt(Future(), now)
                self._renewed_at = now
                self._threads.submit(self._run, attempt, None if stuck else self._loaded)
            return self._attempt

    def _run(self, attempt: Attempt, loaded: Loaded | None) -> None:
        """In a thread."""
        found = self._look(loaded)
        now = self._clock.monotonic()
        with self._lock:
            if self._attempt is not attempt:
                self._stuck -= 1
            else:
                self._attempt = None
                self._take(found, now)
        attempt.result.set_result(found if isinstance(found, Fault) else None)

    def _look(self, loaded: Loaded | None) -> tuple[Credentials, ReadOnlyCredentials] | Fault:
        """Renew what is loaded, or look for credentials from the start."""
        try:
            credentials = self._find().get_credentials() if loaded is None else loaded.credentials
            return not_found() if credentials is None else (credentials, credentials.get_frozen_credentials())
        except Exception as error:  # noqa: BLE001  (whatever it is, nothing was sent, and calls are told why)
            return fault_of(error)

    def _take(self, found: tuple[Credentials, ReadOnlyCredentials] | Fault, now: float) -> None:
        if not isinstance(found, Fault):
            self.held.hold(found[1])
            self._loaded, self._failed = Loaded(found[0], now), None
            return
        self._failed = (found, now)
        if self._loaded is not None and not self._loaded.usable(now):
            self._loaded = None  # a profile may be corrected meanwhile: the next attempt reads it


async def _done(result: Future[Fault | None]) -> Fault | None:
    """Wait for the result; a caller that is cancelled meanwhile does not cancel it for the others."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: Future[Fault | None]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the caller with it
            loop.call_soon_threadsafe(done.set)

    result.add_done_callback(wake)
    await done.wait()
    return result.result()
