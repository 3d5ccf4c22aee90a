"""At most one daemon may write despite faults of the store, the network and the machines, and one may soon after they end."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.aws.clients import Timeouts as AwsTimeouts
from adapters.gcp.clients import Timeouts as GoogleTimeouts
from adapters.ports.errors import AdapterError, Unreachable
from adapters.ports.lease_store import Unfenced
from adapters.runtime.clock import ManualClock
from config.model.lease import SHORTEST, LeaseSettings
from controller.leadership.handover import UnreadableHandover
from controller.leadership.leader_election import LeaderElection
from tests.builders import NOON
from tests.examples import examples
from tests.patience import PATIENCE_SECONDS

TTL = timedelta(seconds=30)
SETTINGS = LeaseSettings(kind="memory", ttl=TTL)
NAMES = ("ada", "bob", "cyd")


class MemoryStore:
    """A lease store as the protocol has it. `away`: it gives no answer."""

    def __init__(self):
        self.lease, self.texts, self.away, self.puts = None, {}, False, 0

    async def ask(self, change):
        if self.away:
            raise Unreachable("the store is away")
        return change()

    async def read(self):
        return await self.ask(lambda: self.lease)

    async def take(self, seen, wanted):
        return await self.ask(lambda: self.lease == seen and self._set(wanted))

    async def renew(self, renewed):
        return await self.ask(lambda: self._leads(renewed) and self._set(renewed))

    async def keep(self, lease, texts):
        return await self.ask(lambda: self._leads(lease) and self._put(texts))

    async def kept(self):
        return await self.ask(lambda: dict(self.texts))

    async def close(self):
        pass

    def _leads(self, lease):
        return self.lease is not None and (self.lease.holder, self.lease.number) == (lease.holder, lease.number)

    def _set(self, lease):
        self.lease = lease
        return True

    def _put(self, texts):
        self.texts |= texts
        self.puts += 1
        return True


class Wire(MemoryStore):
    """One daemon's way to the store: each request waits to arrive, and each answer to be delivered."""

    def __init__(self, shared):
        super().__init__()
        self.shared, self.under_way = shared, None

    async def ask(self, change):
        self.under_way = [change, None, asyncio.get_running_loop().create_future()]
        return await self.under_way[2]

    def _leads(self, lease):
        return self.shared._leads(lease)

    def _set(self, lease):
        return self.shared._set(lease)

    @property
    def lease(self):
        return self.shared.lease

    @lease.setter
    def lease(self, lease):
        pass


class Skewed:
    """A machine's clocks: they run as fast as others' and show something else."""

    def __init__(self, clock, seconds):
        self.clock, self.seconds = clock, seconds

    def now(self):
        return self.clock.now() + timedelta(seconds=self.seconds)

    def monotonic(self):
        return self.clock.monotonic() + 1000 - self.seconds

    async def sleep(self, seconds):
        await self.clock.sleep(seconds)


WHOLES = {"whole": ("beat", *("arrive", "answer") * 3), "slow": ("beat", "arrive", "pass", "answer")}


class Match:
    """Some daemons, of which each may be stopped anywhere, and requests that may be late, lost, or carried out unanswered."""

    def __init__(self):
        self.clock, self.store = ManualClock(NOON), MemoryStore()
        self.wires = [Wire(self.store) for _ in NAMES]
        self.all = [LeaderElection(wire, Skewed(self.clock, 100 * at), name, SETTINGS)
                    for at, (wire, name) in enumerate(zip(self.wires, NAMES, strict=True))]
        self.beats, self.lost, self.numbers = [None] * len(NAMES), [], []
        self.could_write = [-1e9] * len(NAMES)
        self.given_back = False

    async def play(self, who, what, seconds=0):
        for part in WHOLES.get(what, (what,)):
            await self.part(who, part, seconds)
            for _ in range(6):
                await asyncio.sleep(0)
            self.look()

    async def part(self, who, what, seconds):
        wire = self.wires[who]
        if what == "beat" and (self.beats[who] is None or self.beats[who].done()):
            self.beats[who] = asyncio.create_task(self.all[who].renew_or_watch())
        elif what == "release" and (self.beats[who] is None or self.beats[who].done()):
            self.given_back |= self.all[who].number is not None
            self.beats[who] = asyncio.create_task(self.all[who].release())
        elif what == "late" and self.lost:
            self.carried_out(self.lost.pop(0))
        elif what == "pass":
            for _ in range(seconds):
                await self.clock.advance(timedelta(seconds=1))
                self.look()
        elif wire.under_way is not None:
            self.go_on(wire, what)

    def go_on(self, wire, what):
        change, done, answer = wire.under_way
        if what == "arrive" and done is None:
            wire.under_way[1] = (self.carried_out(change),)
        elif what == "answer" and done is not None:
            wire.under_way = None
            answer.set_result(done[0])
        elif what == "fail":
            wire.under_way = None
            if done is None:
                self.lost.append(change)
            answer.set_exception(Unreachable("no answer"))

    def carried_out(self, change):
        before = self.store.lease
        result = change()
        after = self.store.lease
        if after is not None and (before is None or after.number != before.number):
            self.taken(after)
        return result

    def taken(self, lease):
        assert not self.numbers or lease.number > self.numbers[-1]
        self.numbers.append(lease.number)
        now = self.clock.monotonic()
        for who, last in enumerate(self.could_write):
            if NAMES[who] != lease.holder and not self.given_back:
                assert now - last >= TTL.total_seconds() / 2 - 1, "a write may still be under way"
        self.given_back = False

    def look(self):
        able = [who for who, each in enumerate(self.all) if each.number is not None and each.write_blocked(each.number) is None]
        assert len(able) <= 1, f"{[NAMES[who] for who in able]} may write at once"
        for who in able:
            assert self.all[who].number == self.numbers[-1], "a number that is not the newest"
            self.could_write[who] = self.clock.monotonic()

    async def end(self):
        for wire, beat in zip(self.wires, self.beats, strict=True):
            while beat is not None and not beat.done():
                if wire.under_way is not None and not wire.under_way[2].done():
                    wire.under_way[2].set_exception(Unreachable("the end"))
                await asyncio.sleep(0)


PARTS = st.tuples(st.sampled_from(range(len(NAMES))), st.sampled_from(("beat", "arrive", "answer", "fail", "late", "release")),
                  st.just(0))
WHOLE = st.tuples(st.sampled_from(range(len(NAMES))), st.just("whole"), st.just(0))
SLOW = st.tuples(st.sampled_from(range(len(NAMES))), st.just("slow"), st.sampled_from((10, 20, 29)))
TIME = st.tuples(st.just(0), st.just("pass"), st.sampled_from((1, 4, 5, 10, 14, 20, 29, 31)))
DEEDS = st.lists(st.one_of(WHOLE, TIME, WHOLE, TIME, SLOW, PARTS), min_size=8, max_size=40)


@examples(300)
@given(DEEDS)
def test_at_most_one_daemon_may_write(deeds):
    async def run():
        match = Match()
        for deed in deeds:
            await match.play(*deed)
        await match.end()
    asyncio.run(run())


@examples(60)
@given(DEEDS)
def test_a_daemon_may_write_soon_after_faults_end(deeds):
    async def run():
        match = Match()
        for deed in deeds:
            await match.play(*deed)
        await match.end()
        for _ in range(2 * 6 + 3):  # a term to find the former leader gone, and a little
            for who, wire in enumerate(match.wires):
                await match.play(who, "beat", 0)
                while wire.under_way is not None:
                    await match.play(who, "arrive", 0)
                    await match.play(who, "answer", 0)
            await match.play(0, "pass", 5)
        assert any(each.number is not None and each.write_blocked(each.number) is None for each in match.all)
    asyncio.run(run())


def leadership(store, clock, name="ada", away="hold"):
    return LeaderElection(store, clock, name, SETTINGS.model_copy(update={"on_store_away": away}), f"http://{name}")


@pytest.fixture
def clock():
    return ManualClock(NOON)


async def test_the_first_daemon_leads_and_the_second_names_it(clock):
    store = MemoryStore()
    ada, bob = leadership(store, clock), leadership(store, clock, "bob")
    await ada.renew_or_watch()
    await bob.renew_or_watch()

    assert (ada.number, ada.write_blocked(1)) == (1, None)
    assert (bob.number, bob.write_blocked(None)) == (None, "ada leads")
    assert bob.shown()["leader_url"] == "http://ada"


async def test_a_standby_takes_over_one_ttl_after_the_last_renewal(clock):
    store = MemoryStore()
    ada, bob = leadership(store, clock), leadership(store, clock, "bob")
    await ada.renew_or_watch()
    await bob.renew_or_watch()
    await clock.advance(timedelta(seconds=29))
    await bob.renew_or_watch()
    assert bob.number is None
    await clock.advance(timedelta(seconds=1))
    await bob.renew_or_watch()

    assert bob.number == 2
    assert ada.write_blocked(1) is not None


async def test_a_late_answer_does_not_extend_the_lease(clock):
    store = MemoryStore()
    ada, wire = leadership(store, clock), Wire(store)
    await ada.renew_or_watch()
    ada._store = wire
    beat = asyncio.create_task(ada.renew_or_watch())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    change, _, answer = wire.under_way
    result = change()
    await clock.advance(timedelta(seconds=14))
    answer.set_result(result)
    await beat
    assert ada.write_blocked(1) is None
    await clock.advance(timedelta(seconds=1))

    assert ada.write_blocked(1) is not None


async def test_a_leader_that_slept_past_its_ttl_may_not_write(clock):
    ada = leadership(MemoryStore(), clock)
    await ada.renew_or_watch()
    await clock.advance(timedelta(seconds=15))

    with pytest.raises(Unfenced, match="under fencing number 1"):
        ada.check(1)
    await ada.renew_or_watch()
    ada.check(1)


async def test_a_stopped_monotonic_clock_does_not_extend_the_lease(clock):
    ada = leadership(MemoryStore(), clock)
    await ada.renew_or_watch()
    ada._renewed = replace(ada._renewed, at=ada._renewed.at - timedelta(minutes=10))

    assert ada.write_blocked(1) is not None


async def test_texts_under_an_old_number_are_refused_by_the_store(clock):
    store = MemoryStore()
    ada, bob = leadership(store, clock), leadership(store, clock, "bob")
    await ada.renew_or_watch()
    await bob.renew_or_watch()
    await clock.advance(TTL)
    await bob.renew_or_watch()

    with pytest.raises(Unfenced, match="another daemon leads"):
        await ada.publish(1, {"intent/a": "1"})
    assert store.texts == {}
    assert ada.number is None


async def test_concurrent_texts_are_published_in_one_change(clock):
    store = MemoryStore()
    ada = leadership(store, clock)
    await ada.renew_or_watch()
    await asyncio.gather(*(ada.publish(1, {f"intent/{at}": str(at)}) for at in range(50)))

    assert len(store.texts) == 50
    assert store.puts == 1


async def test_without_the_store_nothing_is_written_unless_the_policy_allows_it(clock):
    store = MemoryStore()
    ada, bob = leadership(store, clock), leadership(store, clock, "bob", away="continue")
    for each in (ada, bob):
        store.lease, store.away = None, False
        await each.renew_or_watch()
        store.away = True
        for _ in range(8):
            await clock.advance(timedelta(seconds=5))
            await each.renew_or_watch()

    assert ada.write_blocked(1) == "the lease could not be renewed: the store is away"
    with pytest.raises(Unfenced, match="no usable answer"):
        await ada.publish(1, {"intent/a": "1"})
    assert bob.write_blocked(1) is None
    await bob.publish(1, {"intent/a": "1"})


async def test_a_leader_that_continues_without_the_store_tries_it_first_after_a_sleep(clock):
    store = MemoryStore()
    ada = leadership(store, clock, away="continue")
    await ada.renew_or_watch()
    store.away = True
    await ada.renew_or_watch()
    await clock.advance(TTL)

    assert ada.write_blocked(1) is not None


async def test_a_standby_does_not_take_over_without_the_store(clock):
    store = MemoryStore()
    store.away = True
    ada = leadership(store, clock, away="continue")
    await ada.renew_or_watch()

    assert ada.write_blocked(ada.number) == "the leader is unknown: the store is away"


async def test_a_released_lease_is_taken_at_the_next_reading(clock):
    store = MemoryStore()
    ada, bob = leadership(store, clock), leadership(store, clock, "bob")
    await ada.renew_or_watch()
    await bob.renew_or_watch()
    await ada.release()
    await bob.renew_or_watch()

    assert (ada.number, bob.number) == (None, 2)


async def test_a_standby_that_cannot_read_the_handover_records_does_not_acquire_the_lease(clock):
    store = MemoryStore()
    ada, bob = leadership(store, clock), leadership(store, clock, "bob")
    await ada.renew_or_watch()
    await ada.publish(1, {"intent/a": '{"version": 2, "record": {"target": 1}}'})
    await ada.release()
    for _ in range(8):
        await bob.renew_or_watch()
        await clock.advance(timedelta(seconds=5))

    assert (bob.number, store.lease.holder, store.lease.number) == (None, "", 1)
    assert isinstance(bob.error, UnreadableHandover)
    assert "intent/a has format version 2" in bob.write_blocked(None)
    store.texts.clear()
    await bob.renew_or_watch()
    assert (bob.number, bob.write_blocked(2)) == (2, None)


async def test_a_hanging_store_does_not_stop_renewals(clock):
    class Silent(MemoryStore):
        async def ask(self, change):
            await asyncio.Event().wait()

    ada = LeaderElection(Silent(), clock, "ada", SETTINGS.model_copy(update={"ttl": timedelta(seconds=0.3)}))
    await asyncio.wait_for(ada.renew_or_watch(), PATIENCE_SECONDS)

    assert isinstance(ada.error, AdapterError)
    with contextlib.suppress(AdapterError):
        await ada.published()


def test_half_the_shortest_ttl_is_longer_than_a_write():
    aws, google = AwsTimeouts(), GoogleTimeouts()

    assert SHORTEST.total_seconds() / 2 > max(aws.connect + aws.reading("lambda"), google.run)
