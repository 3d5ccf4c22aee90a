"""Credentials are loaded and renewed beside the calls: once for all of them, ahead of time, and again when AWS refuses them."""

import asyncio
import threading
from datetime import timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from adapters.aws.credentials import MOST_STUCK, REREAD_AFTER, RETRY_AFTER, STUCK_AFTER, CredentialSource
from adapters.ports.errors import Misconfigured, Unreachable
from adapters.runtime.clock import ManualClock
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS


class Library:
    """Finds credentials as the library's sessions do: static ones, or such that expire `seconds` after they were given out."""

    def __init__(self, clock, seconds=None):
        self.clock, self.seconds = clock, seconds
        self.searched = self.given = 0
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


async def test_many_calls_that_need_credentials_look_for_them_once(supplied):
    library, source = supplied()

    assert await asyncio.gather(*(ready(source) for _ in range(40))) == [None] * 40
    assert (library.searched, key(source)) == (1, "key 1")


async def test_keys_that_do_not_expire_are_not_looked_up_again(supplied, clock):
    library, source = supplied()
    await ready(source)
    clock.set(NOON + timedelta(days=30))
    await ready(source)

    assert library.searched == 1


async def test_a_source_that_hangs_holds_one_thread_and_no_call_for_longer_than_it_waits(supplied):
    library, source = supplied()
    library.open.clear()
    waiting = [asyncio.create_task(source.ready()) for _ in range(40)]
    await until(lambda: library.searched)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)

    assert (library.searched, threads_of(library)) == (1, 1)
    library.open.set()
    assert await ready(source) is None, "a caller that gave up does not end what the others wait for"
    assert library.searched == 1


async def test_keys_are_renewed_ahead_of_time_while_calls_go_on_with_the_old_ones(supplied, clock):
    library, source = supplied(3600)
    await ready(source)
    clock.set(NOON + timedelta(minutes=50))
    library.open.clear()

    assert await ready(source) is None
    assert key(source) == "key 1"
    library.open.set()
    await until(lambda: key(source) == "key 2")
    assert library.searched == 1


async def test_a_renewal_that_fails_is_no_matter_until_the_keys_expire(supplied, clock):
    library, source = supplied(3600)
    await ready(source)
    library.error = OSError(111, "refused", "/run/secret")
    for minutes in (50, 55, 59):
        clock.set(NOON + timedelta(minutes=minutes))
        assert await ready(source) is None
    clock.set(NOON + timedelta(minutes=60))
    fault = await ready(source)

    assert (fault.kind, "/run/secret" in fault.text) == (Misconfigured, True)
    library.error = None
    clock.set(NOON + timedelta(minutes=60, seconds=RETRY_AFTER))
    assert (await ready(source), key(source)) == (None, "key 2")


async def test_a_failure_is_shared_for_some_seconds(supplied, clock):
    library, source = supplied()
    library.error = KeyError("AccessKeyId")
    faults = [await ready(source) for _ in range(5)]

    assert len(set(faults)) == 1
    assert library.searched == 1
    clock.set(NOON + timedelta(seconds=RETRY_AFTER))
    await ready(source)
    assert library.searched == 2


async def test_no_credentials_at_all_are_looked_for_again_later(supplied, clock):
    library, source = supplied()
    library.get_credentials = lambda: None
    fault = await ready(source)
    del library.get_credentials
    clock.set(NOON + timedelta(seconds=RETRY_AFTER))

    assert "no AWS credentials were found" in fault.text
    assert (await ready(source), key(source)) == (None, "key 1")


async def test_keys_that_aws_refuses_are_looked_up_from_the_start_and_not_too_often(supplied, clock):
    library, source = supplied()
    await ready(source)
    source.refused()
    await ready(source)
    assert library.searched == 1, "they were loaded this moment"

    clock.set(NOON + timedelta(seconds=REREAD_AFTER))
    source.refused()
    source.refused()
    await ready(source)
    source.refused()
    await ready(source)
    assert (library.searched, key(source)) == (2, "key 2")


@pytest.mark.parametrize("seconds", [2, 4, 30])
async def test_keys_that_live_for_seconds_are_used_and_not_renewed_for_every_call(supplied, clock, seconds):
    library, source = supplied(seconds)
    for tenth in range(600):
        clock.set(NOON + timedelta(seconds=tenth / 10))
        assert await ready(source) is None
        left = source._loaded.credentials._expiry_time - clock.now()
        assert left > timedelta(0)

    assert library.given <= 1 + 60


async def test_a_source_that_never_ends_is_left_behind_and_another_is_tried_within_bounds(supplied, clock):
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
