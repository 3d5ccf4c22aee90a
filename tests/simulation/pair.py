"""Two daemons that share a policy, a lease and the pools: killed, paused and cut off from the lease store at random.

Each has a loop of its own and both share the time, so that one can stand still, as a paused machine does, while the other goes
on. Judged at the provider: who may write there is what the lease store says at that instant.
"""

import asyncio
import hashlib
import itertools
import random
import sqlite3
from asyncio import events
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from adapters.leases.sqlite import SqliteLease
from adapters.ports.errors import OutcomeUnknown, Unreachable
from adapters.ports.lease_store import fence_of_this_task
from adapters.ports.lever import Capacity, Phase
from config.model.layers import top_policy
from config.model.lease import SqliteLeaseSettings
from config.model.policy import Assume, Policy, PoolPolicy
from controller.daemon.failover import FailoverCoordinator, publish_overrides
from controller.decision.planning.plan import deciding_code
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.fleet.reconciler import Reconciler
from controller.leadership.leader_election import LeaderElection
from controller.leadership.leader_term import LeaderTerm
from controller.overrides.active_overrides import ActiveOverrides
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.simulation.demand import SimSource
from tests.simulation.invariants import Broken, bounds
from tests.simulation.policies import policy_of, traffic_of
from tests.simulation.provider import Resource
from tests.simulation.run import Outcome, kill_store, wild_and_quiet
from tests.simulation.scenario import STARTS
from tests.simulation.virtual import VirtualClock, VirtualLoop

MINUTES, CALM = 40, 8
POOLS = 6
KINDS = ("pause", "pause", "pause", "kill", "kill", "away", "vague", "slow")


class TwinLoop(VirtualLoop):
    """Makes one turn when told to, and never moves the time by itself."""

    def select(self, timeout: float | None) -> tuple[()]:
        return ()

    @property
    def due(self) -> float:
        """When it next has something to do."""
        if self._ready:
            return self._clock.seconds
        return min((each._when for each in self._scheduled if not each._cancelled), default=float("inf"))

    def turn(self) -> None:
        events._set_running_loop(self)
        try:
            self._run_once()
        finally:
            events._set_running_loop(None)


class FaultyLease:
    """The way of one daemon to the lease store."""

    def __init__(self, store: SqliteLease, active: set[str]) -> None:
        self._store, self._active = store, active

    def __getattr__(self, name: str):
        async def call(*args):
            if "slow" in self._active:
                await asyncio.sleep(4.0)
            if "away" in self._active:
                raise Unreachable("the lease store does not answer")
            answer = await getattr(self._store, name)(*args)
            if "vague" in self._active and name != "close":
                raise Unreachable("the answer was lost")
            return answer
        return call


@dataclass
class Daemon:
    """One of the two, while it lives."""

    loop: TwinLoop
    store: Store
    active: set[str]
    fleet: Fleet | None = None
    leadership: LeaderElection | None = None
    paused_until: float = 0.0


class PairLever:
    """One daemon's way to a resource."""

    kind = "simulated"

    def __init__(self, world: "Pair", resource: Resource, who: int) -> None:
        self.world, self.resource, self.who = world, resource, who

    async def read(self):
        await asyncio.sleep(self.world.dice.choice((0.0, 0.05, 0.3)))
        return self.resource.look()

    async def traits(self):
        return self.resource.facts

    async def write(self, target: int):
        fence = fence_of_this_task()
        if fence is not None:
            fence.check()
        travel = self.world.dice.choice((0.05, 0.3, 2.0))
        before, sent_at = self.resource.requested, self.world.clock.seconds
        self.world.sent(self.resource, self.who, target, None if fence is None else fence.number, travel)
        self.resource.send(target, travel)
        await asyncio.sleep(travel + 0.05)
        if self.world.dice.random() < 0.1:
            raise OutcomeUnknown("no answer")
        if target > before:
            self.world.raised[self.resource.policy.name] = sent_at
        return self.resource.look()


class PairPings(PairLever):
    """One daemon's pings of a pool: they are its own, and stop with it."""

    def __init__(self, world: "Pair", resource: Resource, who: int) -> None:
        super().__init__(world, resource, who)
        self.target = 0

    def resume(self, target: int) -> None:
        asked, name = self.world.asked[self.resource.policy.name], self.resource.policy.name
        if target and target not in asked:
            self.world._breach("the next leader keeps the pings", f"{target} are resumed, {sorted(asked)} were asked for", name)
        self.target = target

    async def read(self):
        await asyncio.sleep(self.world.dice.choice((0.0, 0.05, 0.3)))
        return self._capacity()

    async def write(self, target: int):
        fence, travel = fence_of_this_task(), self.world.dice.choice((0.0, 0.05, 2.0)) if target > self.target else 0.0
        if fence is not None:
            fence.check()
        asked = self.world.asked[self.resource.policy.name]
        self.world.sent(self.resource, self.who, target, None if fence is None else fence.number, travel)
        asked.add(target)
        await asyncio.sleep(travel)
        if travel and self.world.dice.random() < 0.1:
            raise Unreachable("the first ping has no answer")
        self.target = target
        asked.clear()
        asked.add(target)
        return self._capacity()

    def _capacity(self) -> Capacity:
        return Capacity(self.target, self.target, Phase.READY, self.world.clock.now())


class Pair:
    """The world of one seed."""

    minutes = MINUTES + CALM

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder, self.dice = seed, folder, random.Random(f"pair {seed}")  # noqa: S311
        self.clock = VirtualClock(STARTS[seed % 3])
        names = [f"p{number}" for number in range(POOLS)]
        pools = tuple(policy_of(seed, name, 1).model_copy(update=self._plain(name)) for name in names)
        ttl = timedelta(seconds=self.dice.choice((24, 30, 60)))
        self.settings = SqliteLeaseSettings(kind="sqlite", path=str(folder / "lease.db"), ttl=ttl)
        self.policy = Policy.model_construct(version=1, pools=pools, assume=Assume(), lease=self.settings)
        self.resources = {pool.name: self._resource(pool) for pool in pools}
        self.tops = {top.name: Resource(top, self.clock, seed) for pool in pools if (top := top_policy(pool)) is not None}
        self.asked: dict[str, set[int]] = {name: {0} for name in self.tops}
        """Units that pings were last to keep, by what any leader knows: more than one where an answer is missing."""
        self.traffic = {name: traffic_of(seed, name, self.minutes, 0) for name in names}
        self.daemons: list[Daemon | None] = [None, None]
        self.broken: Broken | None = None
        self.trail: list[str] = []
        self.ticks = self.lives = self.highest = 0
        self.raised: dict[str, float] = {}
        """When a raise was sent of which a daemon knows that it was taken."""
        self._under_way: dict[str, tuple[int, float]] = {}
        """By pool, who sent the last write and until when it travels."""
        self._names = itertools.count()
        self._agenda = self._planned()

    def run(self) -> Outcome:
        """To the end, or to what breaks first."""
        end = self.minutes * 60.0
        while self.clock.seconds < end and self.broken is None:
            self._step(end)
        if self.broken is None:
            self._settled()
        for who in (0, 1):
            self._kill(who)
        digest = hashlib.sha256("\n".join(self.trail).encode()).hexdigest()[:16]
        return Outcome(self.seed, self.ticks * POOLS, self.lives, len(self.trail), digest, self.broken)

    def sent(self, resource: Resource, who: int, target: int, number: int | None, travel: float) -> None:
        """A write leaves a daemon."""
        name, now = resource.policy.name, self.clock.seconds
        self.trail.append(f"{now:.3f} {who} {name} {target} {number}")
        self._numbered(name, target, number)
        other, until = self._under_way.get(name, (who, 0.0))
        if other != who and until > now:
            self._breach("no two daemons write at once", f"{target} was sent by both", name)
        self._under_way[name] = who, now + travel
        lower, step = target < resource.requested, resource.facts.billing_step.total_seconds()
        if lower and target != bounds(resource.policy, self.clock.now())[1] and now - self.raised.get(name, -1e6) < step - 1e-3:
            self._breach("what is paid for is not given back", f"{target} was sent", name)

    def lever(self, pool: PoolPolicy, who: int) -> PairLever:
        """A daemon's way to a pool."""
        if pool.name in self.tops:
            return PairPings(self, self.tops[pool.name], who)
        return PairLever(self, self.resources[pool.name], who)

    def _plain(self, name: str) -> dict[str, object]:
        """What every pool's policy says besides."""
        return {"mode": "active", "budget_usd_per_month": None}

    def _resource(self, pool: PoolPolicy) -> Resource:
        return Resource(pool, self.clock, self.seed)

    def _numbered(self, name: str, what: object, number: int | None) -> None:
        """Something is sent to a provider under a number: that of the lease now, and never a lower one after a higher."""
        there = self._lease()
        if number is None or there is None or number != there[0] or number < self.highest:
            self._breach("no write under an old fencing number", f"{what} under {number}, the lease is {there}", name)
        self.highest = max(self.highest, number or 0)

    def _breach(self, rule: str, detail: str, pool: str | None = None) -> None:
        if self.broken is None:
            self.broken = Broken(rule, f"{detail} (second {self.clock.seconds:.2f})", pool)

    def _planned(self) -> list[tuple[float, int, str, float]]:
        """Instant, daemon, what happens to it, and how long that lasts."""
        agenda = [(0.0, 0, "start", 0.0), (self.dice.uniform(0, 40), 1, "start", 0.0)]
        for _ in range(self.dice.randint(4, 14)):
            at, who, kind = self.dice.uniform(60, MINUTES * 60 - 200), self.dice.randrange(2), self.dice.choice(KINDS)
            lasts = self.dice.choice((2.0, 10.0, 16.0, 40.0, 100.0, 190.0)) + self.dice.random()
            agenda.append((at, who, kind, lasts))
            agenda.append((at + lasts, who, "start" if kind == "kill" else f"end {kind}", 0.0))
        return sorted(agenda)

    def _step(self, end: float) -> None:
        """One turn of whoever is next, or what is on the agenda."""
        awake = [each for each in self.daemons if each is not None and each.paused_until <= self.clock.seconds]
        wakes = [each.paused_until for each in self.daemons if each is not None and each.paused_until > self.clock.seconds]
        first = min(awake, key=lambda each: each.loop.due, default=None)
        soonest = min([end, *wakes, *(at for at, *_ in self._agenda[:1])])
        if first is not None and first.loop.due <= soonest:
            self.clock.seconds = max(self.clock.seconds, first.loop.due)
            first.loop.turn()
            return
        self.clock.seconds = max(self.clock.seconds, soonest)
        while self._agenda and self._agenda[0][0] <= self.clock.seconds:
            self._happens(*self._agenda.pop(0)[1:])

    def _happens(self, who: int, kind: str, lasts: float) -> None:
        daemon = self.daemons[who]
        if kind == "start":
            if daemon is None:
                self._start(who)
        elif daemon is None:
            return
        elif kind == "kill":
            self._kill(who)
        elif kind == "pause":
            daemon.paused_until = self.clock.seconds + lasts
        elif kind.startswith("end "):
            daemon.active.discard(kind.removeprefix("end "))
        else:
            daemon.active.add(kind)

    def _start(self, who: int) -> None:
        self.lives += 1
        daemon = self.daemons[who] = Daemon(TwinLoop(self.clock), Store(self.folder / f"{who}" / "stoker.db"), set())
        daemon.loop.create_task(self._live(daemon, who))

    def _kill(self, who: int) -> None:
        daemon, self.daemons[who] = self.daemons[who], None
        if daemon is not None:
            daemon.loop.bury()
            kill_store(daemon.store)

    async def _live(self, daemon: Daemon, who: int) -> None:
        thread = AsyncStore(daemon.store)
        source = SimSource(self.traffic, 1, self.clock)
        lease = FaultyLease(SqliteLease(Path(self.settings.path)), daemon.active)
        daemon.leadership = LeaderElection(lease, self.clock, f"daemon {who} life {next(self._names)}", self.settings)
        fleet = await builder.assemble(self.policy, _Ways(self, source, who), thread, self.clock, DecisionLog(thread),
                                       LeaderTerm(daemon.leadership))
        steering = ActiveOverrides(fleet.reconcilers, thread, partial(publish_overrides, daemon.leadership))
        await steering.load(self.clock.now())
        daemon.fleet = fleet
        ticking, minutely = asyncio.Lock(), self._minutely(fleet, thread)

        async def tick() -> None:
            async with ticking:
                await fleet.tick()
                self._ticked(fleet)

        task = asyncio.create_task(FailoverCoordinator(daemon.leadership, fleet, steering, self.clock, tick).run())
        try:
            while True:
                await tick()
                minutely()
                await self.clock.sleep(60 - self.clock.seconds % 60)
        finally:
            task.cancel()

    def _minutely(self, fleet: Fleet, thread: AsyncStore) -> Callable[[], None]:
        """What a daemon begins after each tick of its minutes, and does not wait for."""
        return lambda: None

    def _ticked(self, fleet: Fleet) -> None:
        self.ticks += 1
        for name, plan in fleet.plans.items():
            if deciding_code(plan) is ReasonCode.FOREIGN_WRITE and plan.state.foreign_since is not None:
                self._breach("no foreign write is reported without cause", plan.text, name)
        for top in fleet.tops.values():
            if top.policy.name not in fleet.stepping:
                self._pinging(fleet, top)

    def _pinging(self, fleet: Fleet, top: Reconciler) -> None:
        """The leader keeps what was asked for, and a standby sends no pings."""
        name, kept, asked = top.policy.name, top.lever.target, self.asked[top.policy.name]
        if fleet.term.number is None and kept:
            self._breach("only the leader pings", f"a standby keeps {kept}", name)
        leads = fleet.term.number is not None and fleet.term.write_blocked is None and name in fleet.plans
        if leads and (there := self._lease()) is not None and there[0] == fleet.term.number and kept not in asked:
            self._breach("the next leader keeps the pings", f"{kept} are kept, {sorted(asked)} were asked for", name)

    def _lease(self) -> tuple[int, str] | None:
        """Number and holder, as the store has them."""
        connection = sqlite3.connect(self.settings.path)
        try:
            return connection.execute("SELECT number, holder FROM lease").fetchone()
        except sqlite3.OperationalError:
            return None
        finally:
            connection.close()

    def _settled(self) -> None:
        """After some minutes of peace one leads, and what is there is what it wants."""
        leading = [each for each in self.daemons if each is not None and each.leadership is not None and each.leadership.number]
        if len(leading) != 1:
            self._breach("one of several leads", f"{len(leading)} do")
        elif not any(line.split()[1] for line in self.trail):
            self._breach("one of several leads", "nothing was ever written")


class _Ways:
    """What `assemble` is given."""

    def __init__(self, world: Pair, source: SimSource, who: int) -> None:
        self._world, self._source, self._who = world, source, who

    def lever(self, pool) -> PairLever:
        return self._world.lever(pool, self._who)

    def sources(self, pools):
        return [(self._source, tuple(pool.name for pool in pools))]

    async def close(self) -> None:
        """There is nothing to let go of."""


def simulate_pair(seed: int) -> Outcome:
    """Run the pair of `seed` in a folder of its own."""
    with wild_and_quiet("pair") as folder:
        return Pair(seed, folder).run()
