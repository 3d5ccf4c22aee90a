"""One seed, from beginning to end: daemons live, die and are born again over the same store and the same provider."""

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import structlog

from adapters.pinging.pinged import PingedPools
from config.model.layers import top_policy
from config.model.policy import Assume, Policy
from controller.demand import proposer, selector_snapshot
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.overrides.active_overrides import ActiveOverrides
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store, StoreError
from forecasting.demand import minute_of
from tests.simulation.brain import WildPortfolio
from tests.simulation.demand import SimSource
from tests.simulation.half_store import HalfStore, Kept
from tests.simulation.invariants import Broken, Witness, bounds
from tests.simulation.layers import LayerWitness
from tests.simulation.pings import PingedUnits, PingLever
from tests.simulation.policies import limits_of, policy_of, region_of, traffic_of
from tests.simulation.provider import Resource, SimLever
from tests.simulation.scenario import HISTORY, Fault, Scenario
from tests.simulation.troubles import Troubles
from tests.simulation.virtual import Killed, VirtualClock, VirtualLoop

MINUTE = 60.0
OURS = {"step-failed", "collect-failed", "collect-abandoned", "tick-failed"}
RESTING = 10
"""In so many last minutes of the calm each pool must have been seen at its floor."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`broken` is the first invariant that did not hold; `digest` is of every write and tick, for exact replays."""

    seed: int
    pool_ticks: int
    lives: int
    writes: int
    digest: str
    broken: Broken | None


class Simulation:
    """The world of one scenario."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self.store = scenario, folder / "stoker.db"
        self.clock = VirtualClock(scenario.start)
        limits = limits_of(scenario.seed)
        self.policies = {name: policy_of(scenario.seed, name, scenario.regions) for name in scenario.pools}
        self.policy = Policy.model_construct(version=1, pools=tuple(self.policies.values()), assume=Assume(), limits=limits)
        self.witness = Witness(self.clock, limits)
        self.resources = {name: Resource(policy, self.clock, scenario.seed) for name, policy in self.policies.items()}
        self.layers = LayerWitness(self.witness, self.resources)
        self.tops = {top.name: PingedUnits(top, self.clock, scenario.seed, self.resources[name])
                     for name, policy in self.policies.items() if (top := top_policy(policy)) is not None}
        self.every: dict[str, Resource] = self.resources | self.tops
        self.shared, self.pinging = PingedPools(), list[PingLever]()
        """Of the living daemon: what the two levers of a pool share, and those that ping."""
        self.sources = [self._source(number) for number in range(scenario.regions)]
        self.troubles = Troubles(scenario, self.clock, self.every, self.sources, self.witness, self.store)
        self.kept = Kept(minute_of(scenario.start) - HISTORY, HISTORY + self.end)
        self.minute = self.pool_ticks = self.lives = self.failed_starts = 0
        self.resting: set[str] = set()
        self.closed = False
        """Whether the living daemon has let go of its store."""

    @property
    def end(self) -> int:
        return self.scenario.minutes + self.scenario.calm

    def run(self) -> Outcome:
        """All lives, one after the other."""
        while self.minute < self.end and self.witness.broken is None:
            self._live()
        if self.witness.broken is None and self.scenario.calm:
            self.witness.settled(self.resources, self.resting)
        trail = hashlib.sha256("\n".join(self.witness.trail).encode()).hexdigest()[:16]
        return Outcome(self.scenario.seed, self.pool_ticks, self.lives, self.witness.writes, trail, self.witness.broken)

    def lever(self, policy) -> SimLever:
        if policy.name not in self.tops:
            return SimLever(self.resources[policy.name], self.witness, None if policy.top is None else self.shared.of(policy))
        rng = np.random.default_rng([self.scenario.seed, self.lives, len(self.pinging)])
        self.pinging.append(PingLever(self.tops[policy.name], self.layers, self.shared.of(policy), rng))
        return self.pinging[-1]

    def groups(self, pools):
        """Sources with the names of the pools they serve."""
        names = [tuple(pool.name for pool in pools if region_of(pool.name, self.scenario.regions) == number)
                 for number in range(self.scenario.regions)]
        return [(source, mine) for source, mine in zip(self.sources, names, strict=True) if mine]

    def _source(self, number: int) -> SimSource:
        scenario = self.scenario
        traffic = {name: traffic_of(scenario.seed, name, scenario.minutes, scenario.calm) for name in scenario.pools
                   if region_of(name, scenario.regions) == number}
        return SimSource(traffic, 1 + (scenario.seed + number) % 3, self.clock, self._faults_of(number))

    def _faults_of(self, number: int) -> list[Fault]:
        return [fault for fault in self.scenario.faults if fault.where == f"source-{number}"]

    def is_late(self, source: SimSource) -> bool:
        """Whether plans of a source's pools may be late within a tick."""
        return not {"hang", "slow"}.isdisjoint(source.active)

    def company(self, fleet: Fleet) -> list[asyncio.Task[None]]:
        """What runs beside a daemon while it lives."""
        return []

    def judge(self, fleet: Fleet) -> None:
        """What a kind of world judges besides, after each tick."""

    def _live(self) -> None:
        """From a start to a stop, a kill or the end."""
        self.lives += 1
        self.troubles.stopping, self.witness.ailing, self.closed = False, False, False
        self.shared, self.pinging, self.layers.over = PingedPools(), [], False
        loop = self.troubles.loop = VirtualLoop(self.clock)
        try:
            store = Store(self.store) if self.scenario.memory == "disk" else HalfStore(self.store, self.kept)
        except StoreError as error:
            self._failed_start(error)
            loop.close()
            return
        self._watch_disk(store)
        self.witness.reborn(store)
        try:
            loop.run_until_complete(self._daemon(store))
        except Killed:
            self.witness.trail.append(f"{self.clock.seconds:.3f} killed")
        finally:
            loop.bury()
            if not self.closed:
                kill_store(store)
            self.troubles.between_lives()
            for each in (*self.every.values(), *self.sources):
                each.forget()

    def _failed_start(self, error: Exception) -> None:
        """A supervisor starts it again after a minute; by then it must have helped itself."""
        self.failed_starts += 1
        self.minute, self.clock.seconds = self.minute + 1, self.clock.seconds + MINUTE
        self.troubles.turn(self.minute)
        if self.failed_starts > 2 or not isinstance(error, StoreError):
            self.witness.breach("a damaged store stops no start", f"{type(error).__name__}: {error}")

    async def _daemon(self, store: Store) -> None:
        thread = AsyncStore(store)
        try:
            fleet = await builder.assemble(self.policy, _Providers(self), thread, self.clock, DecisionLog(thread))
            steering = ActiveOverrides(fleet.reconcilers, thread)
            self.witness.orders.expire(sure=not self.witness.disk_full)
            await steering.load(self.clock.now())
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing has been started
            if not self.witness.disk_full:
                self._failed_start(error)
            else:
                await self._pause()
            return
        self.failed_starts = 0
        self.witness.fleet, self.troubles.active_overrides = fleet, steering
        company = self.company(fleet)
        while self.minute < self.end and self.witness.broken is None and not self.troubles.stopping:
            await self._minute(fleet, steering, thread)
            self.troubles.stopping |= self.witness.ailing
        for task in company:
            if task.done():
                task.result()
            task.cancel()
        if self.troubles.stopping:
            await fleet.close()
            await self._stop_pings()
            self.closed = True
            with suppress(StoreError):
                await thread.run(store.close)

    async def _stop_pings(self) -> None:
        """What is left to do for the providers at a daemon's end."""
        for each in self.pinging:
            await each.keeper.close()
        self.layers.over = True
        await self.clock.sleep(1.0 if self.pinging else 0.0)

    async def _minute(self, fleet: Fleet, steering: ActiveOverrides, thread: AsyncStore) -> None:
        self.troubles.turn(self.minute)
        began, started = self.clock.seconds, self.clock.now()
        sleepy = {number for number, region in enumerate(fleet.regions)
                  if region in fleet.collecting.running or self.is_late(region.collector.source)}
        busy = set(fleet.stepping)
        self.witness.ticking()
        self.layers.ticking(fleet)
        try:
            with suppress(StoreError):
                await steering.expire(self.clock.now())
            await fleet.tick()
        except Exception as error:  # noqa: BLE001 - whatever leaves a tick stops every pool
            self.witness.breach("no fault of ours", f"a tick ended with {type(error).__name__}: {error}")
            return
        self.pool_ticks += len(self.policies)
        self.witness.ticked(fleet, self.every, started, sleepy, busy)
        self.layers.ticked(fleet, self.tops, started, sleepy, busy)
        self.judge(fleet)
        if self.minute % 10 == 5:
            await self._slow_jobs(fleet, thread)
        if self.minute >= self.end - RESTING:
            self._note_resting()
        self.minute += 1
        await self.clock.sleep(max(0.0, began + MINUTE - self.clock.seconds))

    async def _pause(self) -> None:
        self.minute += 1
        await self.clock.sleep(MINUTE)
        self.troubles.turn(self.minute)

    async def _slow_jobs(self, fleet: Fleet, thread: AsyncStore) -> None:
        """What the service does now and then; its errors are told and go by."""
        try:
            await builder.save_measured(fleet, thread, self.clock.now())
            if self.minute % 40 == 5:
                for region in fleet.regions:
                    await region.retune(self.clock.now())
                    await region.save_snapshot(self.clock.now())
        except StoreError:
            return

    def _note_resting(self) -> None:
        for name, resource in self.resources.items():
            now, delay = self.clock.now(), resource.policy.scale_down_delay + timedelta(minutes=2)
            floor, before = bounds(resource.policy, now)[0], bounds(resource.policy, now - delay)[0]
            if floor <= resource.requested <= max(floor, before):  # a floor that has just ended is left after the delay
                self.resting.add(name)

    def _watch_disk(self, store: Store) -> None:
        """A full disk refuses every transaction, and lets read."""
        database, writing = store._database, store._database.writing

        @contextmanager
        def guarded() -> Iterator[object]:
            if self.witness.disk_full:
                raise StoreError("the disk is full")
            with writing() as connection:
                yield connection

        database.writing = guarded


class _Providers:
    """What `assemble` is given."""

    def __init__(self, simulation: Simulation) -> None:
        self.lever, self.sources = simulation.lever, simulation.groups

    def calls(self) -> dict:
        return {}

    async def close(self) -> None:
        """There is nothing to let go of."""


def kill_store(store: Store) -> None:
    """Let go of the file as a dead process does: without a word in it."""
    store._database._connection.close()
    os.close(store._database._lock)


@contextmanager
def swapped(place: object, name: str, value: object) -> Iterator[None]:
    """Something else in the place of a module's or a class's name."""
    was = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, was)


def memory_folder() -> Path | None:
    """Where files are kept in memory, if there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - folders with random names are made in it
    return memory if os.access(memory, os.W_OK) else None


@contextmanager
def own_folder(kind: str) -> Iterator[Path]:
    """A folder for one run, in memory where the machine has such a place; how the log is set up is put back after it."""
    folder, was = Path(tempfile.mkdtemp(prefix=f"stoker-{kind}-", dir=memory_folder())), structlog.get_config()
    try:
        yield folder
    finally:
        structlog.configure(**was)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def wild_and_quiet(kind: str) -> Iterator[Path]:
    """The same for daemons that wild proposals drive and whose log nobody listens to."""
    with own_folder(kind) as folder, swapped(proposer, "CandidateSelector", WildPortfolio):
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), cache_logger_on_first_use=False)
        yield folder


def simulate(scenario: Scenario, world: type[Simulation] = Simulation) -> Outcome:
    """Run a scenario in a folder of its own."""
    with ExitStack() as stack:
        simulation = world(scenario, stack.enter_context(own_folder("sim")))
        if scenario.brain == "wild":
            stack.enter_context(swapped(proposer, "CandidateSelector", WildPortfolio))
        stack.enter_context(swapped(selector_snapshot, "fingerprint", lru_cache(selector_snapshot.fingerprint)))
        structlog.configure(processors=[overheard(simulation.witness)], cache_logger_on_first_use=False,
                            wrapper_class=structlog.make_filtering_bound_logger(40))
        return simulation.run()


def overheard(witness: Witness):
    """A log that keeps nothing but an error of our own: no fault outside the process may cause one."""
    def hear(logger: object, method: str, event: Mapping[str, object]) -> str:
        if event.get("event") == "store-failed" and "damaged" in str(event.get("error")):
            witness.ailing = True
        if event.get("event") in OURS - {"collect-abandoned"}:
            import sys
            error = sys.exc_info()[1]
            witness.breach("no fault of ours", f"{event['event']}: {type(error).__name__}: {error}", event.get("pool"))
        raise structlog.DropEvent
    return hear
