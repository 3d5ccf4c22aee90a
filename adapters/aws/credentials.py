"""AWS credentials of one region, found by the library as boto3 finds them, and loaded and renewed in separate threads.

Clients sign with the keys that were last loaded (`HeldCredentials`) and never load any, so a token service that hangs blocks one
thread and no call. Keys that expire are renewed in advance while calls continue with the old ones. Keys that AWS refuses are
looked up from the start: files, environment, processes and services may have new ones.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials

from adapters.aws.setup_faults import fault_of, not_found, not_ready
from adapters.aws.token_faults import Fault
from adapters.runtime.clock import Clock, SystemClock
from adapters.runtime.threads import DaemonThreads

RENEW_EVERY = 60.0
"""Seconds between two renewals in advance: by the library's rule, a role's shortest session is due from its first second on."""

RETRY_AFTER, REREAD_AFTER = 5.0, 10.0
"""Seconds for which calls share a failure, and between two look-ups of refused keys."""

MARGIN, YOUNG = 5, 1.0
"""Seconds. Keys that expire within `MARGIN` are used only while they were loaded less than `YOUNG` ago: some keys are valid for a
few seconds."""

STUCK_AFTER, MOST_STUCK = 60.0, 3
"""Seconds after which an attempt counts as stuck (a credential process may never end), and the maximum of stuck attempts."""


class HeldCredentials(Credentials):
    """Keys that clients sign with: those that were last loaded."""

    def __init__(self) -> None:
        super().__init__("", "", method="held")
        self._held = ReadOnlyCredentials("", "", None)

    def load_credentials(self) -> Credentials:
        """Return this object: the library calls this method of its credential provider."""
        return self

    def hold(self, keys: ReadOnlyCredentials) -> None:
        """Sign with `keys` from now on."""
        self._held = keys
        self.account_id = keys.account_id

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return the keys that were last loaded."""
        return self._held


@dataclass(frozen=True, slots=True)
class Loaded:
    """Credentials of the library, their keys, and when these were loaded, in seconds of the monotonic clock."""

    credentials: Credentials
    keys: ReadOnlyCredentials
    at: float

    def due(self) -> bool:
        """Return whether the library would renew them now."""
        return self._expire_within(None)

    def usable(self, now: float) -> bool:
        """Return whether calls may sign with them at `now`."""
        return not self._expire_within(0 if now - self.at < YOUNG else MARGIN)

    def _expire_within(self, seconds: int | None) -> bool:
        """Return whether they expire within `seconds`; None: within the time in which the library renews them in advance."""
        return isinstance(self.credentials, RefreshableCredentials) and self.credentials.refresh_needed(seconds)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One look-up or renewal of credentials. Its result is the fault; None when it succeeded."""

    result: Future[Fault | None]
    started_at: float


class Finds(Protocol):
    """A session that finds credentials, such as one of the library."""

    def get_credentials(self) -> Credentials | None:
        """Return the credentials; None when there are none."""


class CredentialSource:
    """Source of the keys in `held`. `find` returns a new session without cached credentials. `subject`: the role of the keys, for
    error messages; empty for the daemon's own.
    """

    def __init__(self, name: str, find: Callable[[], Finds], clock: Clock | None = None, subject: str = "") -> None:
        self.held, self._subject = HeldCredentials(), subject
        self._find, self._clock = find, clock or SystemClock()
        self._threads = DaemonThreads(1 + MOST_STUCK, name)
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None
        self._attempt: Attempt | None = None
        self._stuck = 0
        self._failed: tuple[Fault, float] | None = None
        self._renewed_at = self._refused_at = float("-inf")
        self._anew = False

    async def ready(self) -> Fault | None:
        """Wait until there are keys to sign with, and return None; return the fault when there are none. The caller limits the
        wait.

        While the keys have not expired, return at once, even if their renewal fails or hangs.
        """
        now, loaded = self._clock.monotonic(), self._loaded
        if loaded is not None and loaded.usable(now):
            if (self._anew or loaded.due()) and now - self._renewed_at >= RENEW_EVERY:
                self._start(now)
            return None
        if self._failed is not None and now - self._failed[1] < RETRY_AFTER:
            return self._failed[0]
        attempt = self._start(now)
        return self.not_ready(STUCK_AFTER) if attempt is None else await _done(attempt.result)

    def not_ready(self, seconds: float) -> Fault:
        """Return the fault of a call that got no keys within `seconds`."""
        return not_ready(seconds, self._subject)

    def refused(self) -> None:
        """Look up the keys from the start at the next call, because AWS refused them; at most once in `REREAD_AFTER` seconds."""
        now = self._clock.monotonic()
        with self._lock:
            if now - max(self._refused_at, self._loaded.at if self._loaded else now) >= REREAD_AFTER:
                self._loaded, self._refused_at = None, now

    def denied(self) -> None:
        """Assume a role again in advance, because AWS denied a call: a session of a role that was deleted and created again has
        no permissions until it expires. Calls use the present keys meanwhile. The daemon's own keys are not affected.
        """
        self._anew = bool(self._subject)

    def close(self) -> None:
        """Start no more attempts. Running ones are not waited for."""
        self._threads.shutdown()

    def _start(self, now: float) -> Attempt | None:
        """Return the running attempt, or start a new one; None when too many are stuck."""
        with self._lock:
            stuck = self._attempt is not None and now - self._attempt.started_at >= STUCK_AFTER
            if stuck:
                self._attempt, self._stuck = None, self._stuck + 1
            if self._attempt is None and self._stuck <= MOST_STUCK:
                attempt = self._attempt = Attempt(Future(), now)
                self._renewed_at = now
                self._threads.submit(self._run, attempt, None if stuck or self._anew else self._loaded)
                self._anew = False
            return self._attempt

    def _run(self, attempt: Attempt, loaded: Loaded | None) -> None:
        """Run the attempt and record its result. Runs in a thread."""
        outcome = self._load(loaded)
        now = self._clock.monotonic()
        with self._lock:
            if self._attempt is not attempt:
                self._stuck -= 1
            else:
                self._attempt = None
                self._record(outcome, now)
        attempt.result.set_result(outcome if isinstance(outcome, Fault) else None)

    def _load(self, loaded: Loaded | None) -> Loaded | Fault:
        """Renew `loaded`; look for credentials from the start when it is None.

        When a renewal in advance fails, the library returns the old keys: these were not loaded now.
        """
        try:
            credentials = self._find().get_credentials() if loaded is None else loaded.credentials
            if credentials is None:
                return not_found()
            keys = credentials.get_frozen_credentials()
        except Exception as error:  # noqa: BLE001  (of any type: nothing was sent, and the fault is reported to the calls)
            return fault_of(error)
        return loaded if loaded is not None and keys == loaded.keys else Loaded(credentials, keys, self._clock.monotonic())

    def _record(self, outcome: Loaded | Fault, now: float) -> None:
        if isinstance(outcome, Loaded):
            self.held.hold(outcome.keys)
            self._loaded, self._failed = outcome, None
            return
        self._failed = (outcome, now)
        if self._loaded is not None and not self._loaded.usable(now):
            self._loaded = None  # the next attempt reads the profile again, which may be corrected by then


async def _done(result: Future[Fault | None]) -> Fault | None:
    """Wait for the result and return it. A cancelled caller does not cancel it for the others."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: Future[Fault | None]) -> None:
        with suppress(RuntimeError):  # the loop is closed, so that no caller waits
            loop.call_soon_threadsafe(done.set)

    result.add_done_callback(wake)
    await done.wait()
    return result.result()
