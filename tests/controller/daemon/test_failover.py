"""Services on fakes share one provider and one lease store: what each does, says, and hands over."""

import asyncio
import contextlib
from datetime import timedelta

import aiohttp
import pytest

from adapters.leases.sqlite import SqliteLease
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from config.model.dead_man import DeadMan
from config.model.lease import SqliteLeaseSettings
from controller.daemon.daemon import Daemon
from controller.decision.planning.plan import Action
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.leadership.handover import FallbackState, LastWrite, read_handover
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from tests.builders import NOON, pool_policy
from tests.fakes import Decaying, FakeLease, FakeLever, FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN
from tests.worlds import STORE_CALLS, policy_of

BEAT = timedelta(seconds=5)
ORDER = {"kind": "pin", "units": 9, "for": "2h", "reason": "launch", "by": "ana"}


class Resuming(FakeLever):
    """As a lever that pings: nobody but itself keeps the number."""

    def resume(self, target):
        self.resumed = target


class Cluster:
    """Daemons by name over one lever a pool, as one provider has it."""

    def __init__(self, folder, clock, lever=None):
        self.folder, self.clock = folder, clock
        self.lever = lever or FakeLever(clock)
        self.tasks, self.services = {}, {}

    async def start(self, name, **changes):
        policy = policy_of([pool_policy(name="a", **changes)]).model_copy(update={
            "lease": SqliteLeaseSettings(kind="sqlite", path=str(self.folder / "lease.db"))})
        providers = FakeProviders([(FakeSource({"a": steady(3)}), ("a",))], self.clock, {"a": self.lever})
        service = Daemon(policy, providers, self.clock, self.folder / name, port=0, token=TOKEN,
                         lease_store=SqliteLease(self.folder / "lease.db"), holder=name)
        stop = asyncio.Event()
        self.services[name], self.tasks[name] = service, (asyncio.create_task(service.run(stop)), stop)
        await self.until(lambda: service.runtime is not None and service.runtime.components.fleet.last is not None)
        return service

    async def until(self, condition):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def passes(self, seconds, condition):
        """Let time pass beat by beat until something is so, at most so long."""
        for _ in range(int(seconds / 5)):
            await self.clock.advance(BEAT)
            await self.settled()
            if condition():
                return
        await self.until(condition)

    async def settled(self):
        """Wait until calls of the stores and of the lease, and those that follow them, are done."""
        running = [service for name, service in self.services.items() if name in self.tasks and service.runtime is not None]
        for _ in range(STORE_CALLS):
            for service in running:
                await service.runtime.store.run(int)
                await service._settings.lease_store.read()

    async def stop(self, name):
        task, stop = self.tasks.pop(name)
        stop.set()
        await asyncio.wait_for(task, PATIENCE_SECONDS)

    async def kill(self, name):
        """No beat, no tick and no release any more."""
        task, _ = self.tasks.pop(name)
        service = self.services.pop(name)
        service.runtime.components.fleet.term.guard._held = None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def cluster(tmp_path):
    cluster = Cluster(tmp_path, ManualClock(NOON))
    yield cluster
    for name in list(cluster.tasks):
        await cluster.stop(name)


def pool(service):
    return service.runtime.components.fleet.reconcilers["a"]


def leads(service):
    return service.runtime.components.fleet.term.number is not None


async def asked(service, method, path, **more):
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session, \
            session.request(method, service.url + path, **more) as answer:
        return answer.status, await answer.json()


async def pair(cluster, **changes):
    ada = await cluster.start("ada", **changes)
    await cluster.until(lambda: leads(ada) and cluster.lever.writes)
    bob = await cluster.start("bob", **changes)
    leadership = bob.runtime.failover.leadership
    await cluster.passes(15, lambda: leadership.others_renew or leadership.seen is not None)
    return ada, bob


async def test_a_standby_plans_writes_nothing_and_names_the_leader(cluster):
    ada, bob = await pair(cluster, min=2)
    cluster.lever.foreign(7)
    await cluster.passes(15, lambda: bob.runtime.components.fleet.term.number is None and not bob.runtime.failover._undecided)
    before = list(cluster.lever.writes)
    pool(bob).read_at = None
    await bob.runtime.tick.run()

    plan = bob.runtime.components.fleet.plans["a"]
    assert plan.action is Action.HOLD
    assert (plan.reasons[-1].code, "ada leads" in plan.text) == (ReasonCode.STANDBY, True), plan.text
    assert cluster.lever.writes == before
    status, ready = await asked(bob, "GET", "/readyz")
    assert (status, ready["lease"]["role"], ready["lease"]["leader"], ready["lease"]["leader_url"]) == (
        200, "standby", "ada", ada.url)
    _, shown = await asked(ada, "GET", "/readyz")
    assert (shown["lease"]["role"], shown["lease"]["fencing"], shown["lease"]["barred"]) == ("leader", 1, None)


async def test_only_the_leader_accepts_overrides_and_they_survive_it(cluster):
    ada, bob = await pair(cluster)
    status, refusal = await asked(bob, "POST", "/v1/pools/a/overrides", json=ORDER)
    assert (status, ada.url in refusal["error"]) == (409, True)
    assert (await asked(ada, "POST", "/v1/pools/a/overrides", json=ORDER))[0] == 200
    await cluster.stop("ada")
    await cluster.passes(30, lambda: leads(bob))
    await cluster.until(lambda: cluster.lever.writes[-1] == 9)

    _, held = await asked(bob, "GET", "/v1/pools/a/overrides")
    assert [each["order"] for each in held["overrides"]] == ["pin 9"]


async def test_the_next_leader_reads_first_and_accepts_the_last_write_as_its_own(cluster):
    _, bob = await pair(cluster)
    wrote = list(cluster.lever.writes)
    await cluster.stop("ada")
    cluster.lever.calls.clear()
    await cluster.passes(30, lambda: leads(bob) and cluster.lever.calls)
    await cluster.until(lambda: pool(bob).capacity is not None and not bob.runtime.tick.running)

    assert cluster.lever.calls[0] in ("read", "traits")
    assert cluster.lever.writes == wrote
    assert pool(bob).state.written == wrote[-1]
    assert bob.runtime.components.fleet.plans["a"].action is Action.KEEP


async def test_a_foreign_write_between_two_leaders_is_detected(cluster):
    _, bob = await pair(cluster)
    await cluster.stop("ada")
    cluster.lever.foreign(40)
    await cluster.passes(60, lambda: leads(bob) and pool(bob).capacity is not None)
    await cluster.until(lambda: not bob.runtime.tick.running and bob.runtime.components.fleet.plans["a"].fencing == 2)

    assert ReasonCode.FOREIGN_WRITE in [reason.code for reason in bob.runtime.components.fleet.plans["a"].reasons]


@pytest.fixture
async def mortal(tmp_path):
    """A cluster over a provider that is told what to do should all die."""
    cluster = Cluster(tmp_path, ManualClock(NOON))
    cluster.lever = Decaying(cluster.clock)
    yield cluster
    for name in list(cluster.tasks):
        await cluster.stop(name)


MORTAL = {"dead_man": DeadMan(after=timedelta(minutes=10), follow=timedelta(0))}


async def told(cluster):
    """The first to lead has set the pool, and told the provider."""
    ada = await cluster.start("ada", **MORTAL)
    await cluster.until(lambda: leads(ada) and cluster.lever.writes)
    await ada.runtime.dead_man_switch.renew()
    await cluster.until(lambda: pool(ada).state.scheduled_fallback)  # its own first round may have been at it
    return ada


async def test_a_fallback_applied_after_all_daemons_stopped_is_no_foreign_write(mortal):
    await told(mortal)
    [wanted] = mortal.lever.writes
    await mortal.kill("ada")
    await mortal.clock.advance(timedelta(minutes=70))
    assert mortal.lever.fire_if_due()
    assert mortal.lever.paper.requested == 1 < wanted
    eve = await mortal.start("eve", **MORTAL)
    await mortal.passes(90, lambda: leads(eve) and eve.runtime.components.fleet.plans["a"].fencing == 2)
    await eve.runtime.tick.run()

    assert (mortal.lever.paper.requested, eve.runtime.components.fleet.reconcilers["a"].state.foreign_since) == (wanted, None)


async def test_a_new_leader_knows_the_scheduled_fallback_and_renews_it_when_due(mortal):
    ada = await told(mortal)
    bob = await mortal.start("bob", **MORTAL)
    await mortal.passes(15, lambda: not bob.runtime.failover._undecided)
    before, orders = pool(ada).state.scheduled_fallback, len(mortal.lever.orders)
    await mortal.stop("ada")
    await mortal.passes(30, lambda: leads(bob) and bob.runtime.components.fleet.plans["a"].fencing == 2)
    await bob.runtime.dead_man_switch.renew()
    assert (pool(bob).state.scheduled_fallback, len(mortal.lever.orders)) == (before, orders)
    await mortal.passes(300, lambda: before[0][0] - mortal.clock.now() < timedelta(minutes=5))
    await bob.runtime.dead_man_switch.renew()
    await mortal.until(lambda: len(mortal.lever.orders) == orders + 1)


async def test_without_the_lease_store_the_leader_writes_nothing_and_is_not_ready(cluster):
    ada = await cluster.start("ada")
    await cluster.until(lambda: leads(ada) and cluster.lever.writes)
    before = list(cluster.lever.writes)

    async def away(*_):
        raise Unreachable("the lease is away")
    ada._settings.lease_store.renew = ada._settings.lease_store.keep = away
    assert (await asked(ada, "POST", "/v1/pools/a/overrides", json=ORDER))[0] == 503
    await cluster.passes(20, lambda: ada.runtime.failover.leadership.write_blocked(1) is not None)
    await ada.runtime.tick.run()

    assert cluster.lever.writes == before
    status, ready = await asked(ada, "GET", "/readyz")
    assert (status, "the lease is away" in ready["reasons"][0]) == (503, True)
    assert (await asked(ada, "POST", "/v1/pools/a/overrides", json=ORDER))[0] == 409


async def test_pings_are_sent_only_by_the_leader(tmp_path):
    clock = ManualClock(NOON)
    cluster = Cluster(tmp_path, clock, Resuming(clock))
    ada, bob = await pair(cluster)
    await cluster.passes(15, lambda: not bob.runtime.failover._undecided)
    await bob.runtime.tick.run()
    assert cluster.lever.resumed == 0
    await cluster.stop("ada")
    await cluster.passes(30, lambda: leads(bob))
    await cluster.until(lambda: cluster.lever.resumed == cluster.lever.writes[-1])
    await cluster.stop("bob")
    assert pool(ada).term.number == 1


async def test_shadow_pools_need_no_lease(cluster):
    ada = await cluster.start("ada", mode="shadow")
    await cluster.until(lambda: leads(ada))
    await ada.runtime.tick.run()

    assert pool(ada).term is NO_LEASE
    assert ada.runtime.components.fleet.plans["a"].fencing is None


def test_a_standby_has_no_fallback_state_and_a_leader_has_the_last_one():
    ours, theirs = ((NOON, 1),), ((NOON + BEAT, 2),)
    state = PoolState(scheduled_fallback=ours, pending_fallback=ours)

    assert LeaderTerm(FakeLease()).state("a", state) == PoolState()
    assert LeaderTerm(FakeLease(), 2, {}, {"a": FallbackState(theirs, (), ours)}).state("a",
                                                                                   state) == PoolState(scheduled_fallback=theirs,
                                                                                                            unconfirmed_writes=ours)
    assert LeaderTerm(FakeLease(), 2).state("a", state) == state


def test_a_released_pool_has_no_state():
    [given] = read_handover({"intent/a": LastWrite(None, None, NOON, 3).text}).last_writes.values()

    assert LeaderTerm(FakeLease(), 4, {"a": given}).state("a", PoolState(written=5, original_requested=2)) == PoolState()


def test_a_pool_that_no_leader_wrote_keeps_its_local_state():
    state = PoolState(written=4, written_at=NOON)

    assert LeaderTerm(None, 2, {}).state("a", state) == state


async def test_a_lease_in_the_policy_without_its_store_is_refused(tmp_path):
    policy = policy_of([pool_policy(name="a")]).model_copy(update={"lease": SqliteLeaseSettings(kind="sqlite", path="x")})
    with pytest.raises(ValueError, match="a lease and its store come together"):
        Daemon(policy, FakeProviders([], ManualClock(NOON)), ManualClock(NOON), tmp_path)
