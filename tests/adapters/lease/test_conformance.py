"""What every lease store must do, on each of them for real: a file, and DynamoDB's wire."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from adapters.aws.dynamodb.lease_table import DynamoLease
from adapters.leases.sqlite import SqliteLease
from adapters.ports.errors import AdapterError, Throttled
from adapters.ports.lease_store import Lease
from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.builders import NOON

FIRST = Lease("ada:1", "http://10.0.0.1:8080", 1, 1)
SECOND = Lease("bob:2", "http://10.0.0.2:8080", 2, 1)


@contextlib.asynccontextmanager
async def in_a_file(folder):
    yield lambda: SqliteLease(folder / "lease.db")


@contextlib.asynccontextmanager
async def in_the_sandbox(_):
    sandbox = Sandbox(ManualClock(NOON))
    sandbox.tables["stoker-lease"] = {}
    async with SandboxServer(sandbox) as server:
        yield lambda: DynamoLease("us-east-1", "stoker-lease", server.url)


@pytest.fixture(params=[in_a_file, in_the_sandbox])
async def stores(request, tmp_path):
    """Makes as many stores as there are daemons, all of one lease."""
    made = []
    async with request.param(tmp_path) as make:
        def store():
            made.append(make())
            return made[-1]
        try:
            yield store
        finally:
            for each in made:
                await each.close()


async def test_nobody_leads_at_first_and_then_who_took_it(stores):
    ada, bob = stores(), stores()

    assert await ada.read() is None
    assert await ada.take(None, FIRST)
    assert await bob.read() == FIRST


async def test_only_one_takes_what_both_saw_free(stores):
    ada, bob = stores(), stores()

    taken = await asyncio.gather(ada.take(None, FIRST), bob.take(None, SECOND))

    assert sorted(taken) == [False, True]
    assert await ada.read() == (FIRST if taken[0] else SECOND)


async def test_what_was_renewed_since_it_was_seen_is_not_taken(stores):
    ada, bob = stores(), stores()
    await ada.take(None, FIRST)

    assert await ada.renew(replace(FIRST, renewal=2))
    assert not await bob.take(FIRST, SECOND)
    assert await bob.take(replace(FIRST, renewal=2), SECOND)
    assert await ada.read() == SECOND


async def test_a_lease_that_another_took_is_not_renewed(stores):
    ada, bob = stores(), stores()
    await ada.take(None, FIRST)
    await bob.take(FIRST, SECOND)

    assert not await ada.renew(replace(FIRST, renewal=2))
    assert await ada.read() == SECOND


async def test_nobody_renews_what_nobody_took(stores):
    assert not await stores().renew(FIRST)


async def test_texts_are_kept_for_the_next_leader_and_replaced_by_key(stores):
    ada, bob = stores(), stores()
    await ada.take(None, FIRST)

    assert await bob.kept() == {}
    assert await ada.keep(FIRST, {"intent/a": "1", "intent/b": "ü\n"})
    assert await ada.keep(FIRST, {"intent/a": "2"})
    assert await bob.kept() == {"intent/a": "2", "intent/b": "ü\n"}


async def test_many_texts_are_kept(stores):
    ada, many = stores(), {f"intent/{number}": str(number) for number in range(350)}
    await ada.take(None, FIRST)

    assert await ada.keep(FIRST, many)
    assert await ada.kept() == many


async def test_a_leader_that_is_none_any_more_keeps_nothing(stores):
    ada, bob = stores(), stores()
    await ada.take(None, FIRST)
    await ada.keep(FIRST, {"intent/a": "1"})
    await bob.take(FIRST, SECOND)

    assert not await ada.keep(FIRST, {"intent/a": "9", "intent/b": "9"})
    assert await bob.kept() == {"intent/a": "1"}


async def test_one_that_shows_another_number_keeps_nothing(stores):
    ada = stores()
    await ada.take(None, FIRST)

    assert not await ada.keep(replace(FIRST, number=2), {"intent/a": "1"})
    assert not await ada.keep(replace(FIRST, holder="eve:3"), {"intent/a": "1"})
    assert await ada.kept() == {}


async def test_a_lease_given_back_is_taken_at_once_under_the_next_number(stores):
    ada, bob = stores(), stores()
    await ada.take(None, FIRST)
    free = replace(FIRST, holder="", renewal=2)

    assert await ada.take(FIRST, free)
    assert await bob.take(free, SECOND)
    assert not await ada.renew(replace(FIRST, renewal=3))


async def test_a_table_that_is_not_there_is_told_with_the_remedy():
    async with SandboxServer(Sandbox(ManualClock(NOON))) as server:
        store = DynamoLease("us-east-1", "stoker-lease", server.url)
        with pytest.raises(AdapterError, match="lease table stoker-lease in us-east-1 does not exist: create it"):
            await store.read()
        await store.close()


async def test_a_table_that_cannot_be_reached_is_an_error_and_no_answer():
    store = DynamoLease("us-east-1", "stoker-lease", "http://127.0.0.1:9")
    with pytest.raises(AdapterError, match="cannot be reached"):
        await store.renew(FIRST)
    await store.close()


async def test_a_throttled_table_is_one_that_passes_and_nothing_is_lost():
    """AWS throttles a transaction by cancelling it, with the throttle among the reasons."""
    sandbox = Sandbox(ManualClock(NOON))
    sandbox.tables["stoker-lease"] = {}
    async with SandboxServer(sandbox) as server:
        store = DynamoLease("us-east-1", "stoker-lease", server.url)
        await store.take(None, FIRST)
        fault = sandbox.faults.throttle()
        for call in (store.read(), store.renew(FIRST), store.keep(FIRST, {"intent/a": "1"}), store.kept()):
            with pytest.raises(Throttled, match="AWS throttled dynamodb:"):
                await call
        sandbox.faults.clear(fault)

        assert await store.keep(FIRST, {"intent/a": "1"})
        assert await store.read() == FIRST
        await store.close()


async def test_a_file_that_cannot_be_opened_is_told_and_tried_again(tmp_path):
    store = SqliteLease(tmp_path / "later" / "lease.db")
    with pytest.raises(AdapterError, match=r"lease\.db"):
        await store.read()
    (tmp_path / "later").mkdir()

    assert await store.read() is None
    await store.close()


async def test_another_programs_file_is_refused(tmp_path):
    import sqlite3
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (x)")
    store = SqliteLease(tmp_path / "other.db")
    with pytest.raises(AdapterError, match="another program's database"):
        await store.read()
    await store.close()


async def test_daemons_that_open_a_new_file_at_once_all_get_to_it(tmp_path):
    """It is rare that two meet amid the making of it, so many are made."""
    for at in range(60):
        daemons = [SqliteLease(tmp_path / f"{at}.db") for _ in range(3)]
        taken = await asyncio.gather(*(each.take(None, FIRST) for each in daemons))
        for each in daemons:
            await each.close()

        assert sorted(taken) == [False, False, True]
