"""Loading and renewing AWS credentials: once for all calls, in advance, and from the start after AWS refused them."""

import asyncio
import threading
from datetime import timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from adapters.aws.credentials import MOST_STUCK, RENEW_EVERY, REREAD_AFTER, RETRY_AFTER, STUCK_AFTER, CredentialSource
from adapters.ports.errors import Misconfigured, Unreachable
from adapters.runtime.clock import ManualClock
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS


class Library:
    """Fake of the library's sessions: returns static credentials, or such that expire after `seconds`."""

    def __init__(self, clock, seconds=None):
        self.clock, self.seconds = clock, seconds
        self.searched = self.given = 0
        self.waits = False
        self.error = None
        self.open = threading.Event()
        self.open.set()

    def session(self):
        self.searched += 1
        return self

    def get_credentials(self):
        keys = self._next()
        if self.seconds is None:
            return Credentials(keys["access_key"], "secret")
        return RefreshableCredentials(keys["access_key"], "secret", "token", self._expiry(), self._next, "test",
                                      time_fetcher=self.clock.now)

    def _expiry(self):
        return self.clock.now() + timedelta(seconds=self.seconds)

    def _next(self):
        self.waits = not self.open.is_set()
        if not self.open.wait(PATIENCE_SECONDS):
            raise TimeoutError
        if self.error is not None:
            raise self.error
        self.given += 1
        keys = {"access_key": f"key {self.given}", "secret_key": "secret", "token": "token"}
        return keys if self.seconds is None else keys | {"expiry_time": self._expiry().isoformat()}


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def supplied(clock):
    made = []

    def make(seconds=None):
        library = Library(clock, seconds)
        made.append((library, CredentialSource(f"test-{id(library)}", library.session, clock)))
        return made[-1]

    yield make
    for library, source in made:
        library.open.set()
        source.close()


def threads_of(library):
    return sum(thread.name.startswith(f"test-{id(library)}-") for thread in threading.enumerate())


def key(source):
    return source.held.get_frozen_credentials().access_key


async def ready(source):
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await source.ready()


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def move(clock, source, to):
    """Set the clock once no attempt runs: its thread reads the clock, and would read the new time for an old attempt."""
    await until(lambda: source._attempt is None)
    clock.set(to)


async def test_concurrent_calls_share_one_look_up(supplied):
    library, source = supplied()

    assert await asyncio.gather(*(ready(source) for _ in range(40))) == [None] * 40
    assert (library.searched, key(source)) == (1, "key 1")


async def test_keys_that_do_not_expire_are_not_looked_up_again(supplied, clock):
    library, source = supplied()
    await ready(source)
    clock.set(NOON + timedelta(days=30))
    await ready(source)

    assert library.searched == 1


async def test_a_source_that_hangs_blocks_one_thread_and_a_call_until_its_own_timeout(supplied):
    library, source = supplied()
    library.open.clear()
    waiting = [asyncio.create_task(source.ready()) for _ in range(40)]
    await until(lambda: library.searched)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert (library.searched, threads_of(library)) == (1, 1)
    library.open.set()
    assert await ready(source) is None, "a cancelled caller does not cancel the attempt"
    assert library.searched == 1


async def test_keys_are_renewed_in_advance_while_calls_use_the_old_ones(supplied, clock):
    library, source = supplied(3600)
    await ready(source)
    clock.set(NOON + timedelta(minutes=50))
    library.open.clear()

    assert await ready(source) is None
    assert key(source) == "key 1"
    library.open.set()
    await until(lambda: key(source) == "key 2")
    assert library.searched == 1


async def test_a_failed_renewal_has_no_effect_until_the_keys_expire(supplied, clock):
    library, source = supplied(3600)
    await ready(source)
    library.error = OSError(111, "refused", "/run/secret")
    for minutes in (50, 55, 59):
        await move(clock, source, NOON + timedelta(minutes=minutes))
        assert await ready(source) is None
    await move(clock, source, NOON + timedelta(minutes=60))
    fault = await ready(source)

    assert (fault.kind, "/run/secret" in fault.text) == (Misconfigured, True)
    library.error = None
    await move(clock, source, NOON + timedelta(minutes=60, seconds=RETRY_AFTER))
    assert (await ready(source), key(source)) == (None, "key 2")


async def test_a_failed_renewal_that_ends_late_does_not_make_expired_keys_usable(supplied, clock):
    library, source = supplied(3600)
    await ready(source)
    clock.set(NOON + timedelta(minutes=49))
    library.open.clear()
    await ready(source)
    await until(lambda: library.waits)
    library.error = OSError(111, "refused", "/run/secret")
    clock.set(NOON + timedelta(minutes=60))
    library.open.set()
    await until(lambda: source._attempt is None)

    assert (await ready(source)).kind is Misconfigured


async def test_calls_share_a_failure_for_5_seconds(supplied, clock):
    library, source = supplied()
    library.error = KeyError("AccessKeyId")
    faults = [await ready(source) for _ in range(5)]

    assert len(set(faults)) == 1
    assert library.searched == 1
    clock.set(NOON + timedelta(seconds=RETRY_AFTER))
    await ready(source)
    assert library.searched == 2


async def test_missing_credentials_are_looked_up_again_later(supplied, clock):
    library, source = supplied()
    library.get_credentials = lambda: None
    fault = await ready(source)
    del library.get_credentials
    clock.set(NOON + timedelta(seconds=RETRY_AFTER))

    assert "no AWS credentials were found" in fault.text
    assert (await ready(source), key(source)) == (None, "key 1")


async def test_refused_keys_are_looked_up_from_the_start_at_most_every_10_seconds(supplied, clock):
    library, source = supplied()
    await ready(source)
    source.refused()
    await ready(source)
    assert library.searched == 1, "they were loaded less than 10 s ago"

    clock.set(NOON + timedelta(seconds=REREAD_AFTER))
    source.refused()
    source.refused()
    await ready(source)
    source.refused()
    await ready(source)
    assert (library.searched, key(source)) == (2, "key 2")


@pytest.mark.parametrize("seconds", [2, 4, 30])
async def test_keys_valid_for_seconds_are_used_and_not_renewed_for_every_call(supplied, clock, seconds):
    library, source = supplied(seconds)
    for tenth in range(600):
        await move(clock, source, NOON + timedelta(seconds=tenth / 10))
        assert await ready(source) is None
        left = source._loaded.credentials._expiry_time - clock.now()
        assert left > timedelta(0)

    assert library.given <= 1 + 60


async def test_at_most_3_stuck_attempts_are_abandoned(supplied, clock):
    library, source = supplied()
    library.open.clear()
    waiting = []
    for tries in range(1, MOST_STUCK + 5):
        waiting.append(asyncio.create_task(source.ready()))
        await until(lambda tries=tries: library.searched == min(tries, MOST_STUCK + 1))
        clock.set(clock.now() + timedelta(seconds=STUCK_AFTER))

    assert threads_of(library) == MOST_STUCK + 1
    fault = await ready(source)
    assert (fault.kind, "does not answer" in fault.text) == (Unreachable, True)
    library.open.set()
    await asyncio.gather(*waiting)
    await until(lambda: source._stuck == 0)
    assert await ready(source) is None


async def test_after_a_denied_call_a_role_is_assumed_again_and_calls_keep_the_old_keys_meanwhile(clock):
    library = Library(clock, seconds=3600)
    source = CredentialSource("test-denied", library.session, clock, subject="role stoker")
    await ready(source)
    source.denied()
    assert (await ready(source), library.searched) == (None, 1), "at most once in 60 s"
    clock.set(NOON + timedelta(seconds=RENEW_EVERY))
    library.open.clear()

    assert await ready(source) is None
    await until(lambda: library.searched == 2)
    assert key(source) == "key 1"
    library.open.set()
    await until(lambda: key(source) == "key 2")
    source.close()


async def test_a_denied_call_changes_nothing_about_the_daemons_own_keys(supplied, clock):
    library, source = supplied(3600)
    await ready(source)
    source.denied()
    clock.set(NOON + timedelta(seconds=RENEW_EVERY))
    await ready(source)

    assert library.searched == 1
