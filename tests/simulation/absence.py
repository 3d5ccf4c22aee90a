"""A daemon whose pools have `dead_man` and `on_exit`: it is killed or stopped, stays away for minutes or for hours while the
provider's clock runs on, and perhaps comes back. Judged at the provider: what is ordered there after each call, what is carried
out when, and what is there in the end.
"""

import asyncio
import hashlib
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from config.model.dead_man import DeadMan
from config.model.policy import Assume, Policy, PoolPolicy
from controller.decision.planning.plan import deciding_code
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet import builder
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.simulation.demand import SimSource
from tests.simulation.invariants import Broken, bounds
from tests.simulation.policies import lambda_of, policy_of, traffic_of
from tests.simulation.run import Outcome, kill_store, wild_and_quiet
from tests.simulation.scenario import STARTS
from tests.simulation.scheduled import ArmedLever, Scheduled, put_off, told_of
from tests.simulation.virtual import Killed, VirtualClock, VirtualLoop

POOLS = 5
MINUTE = 60.0
LONG = 11 * 60
"""Minutes in which all that was ordered has been done."""

AS_ORDERED = -1
"""Minutes: nobody is there until right before something that was ordered is done."""

WELL = timedelta(minutes=4)
"""After so long without trouble a daemon has done what there was to be done."""

KINDS = ("throttled", "hang", "lost", "applied", "slow", "foreign")


@dataclass(frozen=True, slots=True)
class Life:
    """A daemon lives for `minutes`, ends as `end` says, and nobody is there for `away` minutes."""

    minutes: int
    end: str
    away: int


class Absence:
    """The world of one seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.store, self.dice = seed, folder / "stoker.db", random.Random(f"absence {seed}")  # noqa: S311
        self.clock = VirtualClock(STARTS[seed % 3])
        self.pools = tuple(self._policy(f"p{number}") for number in range(POOLS))
        self.policy = Policy.model_construct(version=1, pools=self.pools, assume=Assume())
        self.resources = {pool.name: Scheduled(pool, self.clock, seed, self._carried_out) for pool in self.pools}
        self.lives = [Life(self.dice.choice((3, 20, 45, 70)), self.dice.choice(("kill", "kill", "stop")),
                           self.dice.choice((0, 1, 2, 6, 20, 45, 200, AS_ORDERED))) for _ in range(self.dice.randint(1, 3))]
        self.lives.append(Life(self.dice.choice((2, 12, 40)), self.dice.choice(("kill", "stop")), LONG))
        self.lives.append(Life(8, "kill", 0))
        length = sum(life.minutes + (45 if life.away == AS_ORDERED else life.away) for life in self.lives)
        self.traffic = {pool.name: traffic_of(seed, pool.name, length, 0) for pool in self.pools}
        self.alive = False
        self.awake_since = 0.0
        """Since when somebody has been there but for a minute, in seconds."""
        self.started = self.died = 0.0
        """When the last life began and ended."""
        self._until: dict[tuple[str, str], float] = {}
        """Until which second each fault lasts."""
        self.broken: Broken | None = None
        self.trail: list[str] = []
        self.ticks = 0

    def run(self) -> Outcome:
        """All lives, one after the other."""
        for life in self.lives:
            if self.broken is None:
                self._live(life)
                self._away(life)
        digest = hashlib.sha256("\n".join(self.trail).encode()).hexdigest()[:16]
        return Outcome(self.seed, self.ticks * POOLS, len(self.lives), len(self.trail), digest, self.broken)

    def lever(self, pool: PoolPolicy) -> ArmedLever:
        return ArmedLever(self.resources[pool.name], self)

    def sources(self, pools):
        return [(SimSource(self.traffic, 1, self.clock), tuple(pool.name for pool in pools))]

    async def close(self) -> None:
        """There is nothing to let go of."""

    # -- what is judged --

    def ordered(self, resource: Scheduled) -> None:
        """The provider was told something."""
        policy, orders = resource.policy, resource.ordered
        self.trail.append(f"{self.clock.seconds:.3f} {policy.name} ordered {orders}")
        if not orders or resource.suspended:
            return
        at, (_, most) = orders[-1]
        floor = max(1, bounds(policy, self._instant(at))[0])
        if most != floor:
            self._breach("what is ordered ends at the floor", f"{orders}, the floor is {floor}", policy.name)
        if policy.budget_usd_per_month is not None and any(least for _, (least, _) in orders):
            self._breach("unwatched, nothing rises where money is limited", f"{orders}", policy.name)

    def _carried_out(self, resource: Scheduled, at: float, before: int, after: int) -> None:
        """A scheduled action has run."""
        policy = resource.policy
        self.trail.append(f"{at:.3f} {policy.name} carried out {before} {after}")
        patience = resource.patience
        if self.alive:
            if max(self.awake_since, resource.well_since) <= at - patience:
                self._breach("nothing is carried out while the daemon lives", f"{before} to {after}", policy.name)
        elif max(self.started, resource.well_since) <= self.died - patience and at < self.died + patience / 3:
            early = f"{before} to {after}, {at - self.died:.0f} s after"
            self._breach("nothing is carried out before its time", early, policy.name)
        low, high = bounds(policy, self._instant(at))
        if after > max(before, high, 1) or after < min(before, max(1, low)):
            self._breach("what is carried out is within floor and ceiling", f"{before} to {after}, {low} to {high}", policy.name)

    def _ticked(self, fleet: Fleet) -> None:
        self.ticks += 1
        for name, plan in fleet.plans.items():
            resource, since = self.resources[name], plan.state.foreign_since
            if since is None:
                continue
            if deciding_code(plan) is ReasonCode.FOREIGN_WRITE and resource.foreign_at is None:
                self._breach("no foreign write is reported without cause", plan.text, name)
            if resource.ordered and self._long_well(resource, self.clock.seconds) and self.clock.now() - since > WELL:
                self._breach("what another party set stays", f"{resource.ordered} is ordered", name)

    def _left(self, life: Life) -> None:
        """The daemon is gone. What it set, and had the time to see to, is as the policy says."""
        for name, resource in self.resources.items():
            taken = -1.0 if resource.taken_at is None else resource.taken_at
            if resource.foreign_at is not None or not self._long_well(resource, self.died):
                continue
            if self.started <= taken < self.died - WELL.total_seconds():
                self._judge(name, resource, "hold" if life.end == "kill" else resource.policy.on_exit)

    def _judge(self, name: str, resource: Scheduled, left: str) -> None:
        floor, ceiling = bounds(resource.policy, self.clock.now())
        if left == "hold" and (not resource.ordered or resource.suspended):
            self._breach("a pool that was set is not left without orders", f"{resource.requested} are there", name)
        elif left == "hold" and resource.ordered[0][0] > self.died + resource.patience + MINUTE:
            self._breach("a pool that was set is not left without orders", f"{resource.ordered} come late", name)
        if left != "hold" and resource.ordered:
            self._breach("who leaves in order leaves no orders", f"{resource.ordered}", name)
        wanted = {"hold": resource.requested, "floor": floor, "release": min(resource.found or 0, ceiling)}[left]
        if resource.requested != wanted:
            self._breach("a stopped daemon leaves what on_exit says", f"{resource.requested} are left, not {wanted}", name)
        if left == "release":
            resource.found = None

    def _long_well(self, resource: Scheduled, now: float) -> bool:
        """Whether a daemon has been there, and nothing wrong, for long enough by `now` to do what there is to be done."""
        return max(self.started, resource.well_since) <= now - WELL.total_seconds()

    def _gone(self) -> None:
        """Nobody has been there for long."""
        for name, resource in self.resources.items():
            there, last = resource.requested, resource.last_carried_out
            if last is not None and last > self.died and there > max(1, bounds(resource.policy, self._instant(last))[0]):
                self._breach("capacity comes down when its daemon is dead", f"{there} are left", name)

    def _breach(self, rule: str, detail: str, pool: str | None = None) -> None:
        if self.broken is None:
            self.broken = Broken(rule, f"{detail} (second {self.clock.seconds:.2f})", pool)

    # -- what happens --

    def _policy(self, name: str) -> PoolPolicy:
        dice = random.Random(f"orders {self.seed} {name}")  # noqa: S311
        minutes, hours = dice.choice((10, 15, 30)), dice.choice((0, 1, 3, 6))
        return policy_of(self.seed, name, 1).model_copy(update={
            "mode": "active", "lever": lambda_of(name), "top": None, "on_exit": dice.choice(("hold", "release", "floor")),
            "dead_man": DeadMan(after=timedelta(minutes=minutes), follow=timedelta(hours=hours))})

    def _instant(self, second: float) -> datetime:
        return self.clock.start + timedelta(seconds=second)

    def _live(self, life: Life) -> None:
        loop, store = VirtualLoop(self.clock), Store(self.store)
        if not self.started or self.clock.seconds - self.died > MINUTE:
            self.awake_since = self.clock.seconds
        self.alive, self.started = True, self.clock.seconds
        try:
            loop.run_until_complete(self._daemon(life, store, loop))
        except Killed:
            self.trail.append(f"{self.clock.seconds:.3f} killed")
        finally:
            self.alive, self.died = False, self.clock.seconds
            loop.bury()
            if life.end == "kill":
                kill_store(store)
        for name, kind in self._until:
            self.resources[name].end(kind)
        self._until.clear()
        self._left(life)

    async def _daemon(self, life: Life, store: Store, loop: VirtualLoop) -> None:
        thread = AsyncStore(store)
        fleet = await builder.assemble(self.policy, self, thread, self.clock, DecisionLog(thread))
        men, putting_off = DeadManSwitch(fleet, self.clock, thread, partial(told_of, self.seed)), None
        for minute in range(life.minutes):
            began = self.clock.seconds
            self._trouble()
            if life.end == "kill" and minute == life.minutes - 1:
                loop.kill_in = self.dice.randrange(120)
            await fleet.tick()
            if putting_off is None or putting_off.done():
                putting_off = asyncio.create_task(put_off(men, self._breach))
            self._ticked(fleet)
            if self.broken is not None:
                return
            await self.clock.sleep(max(0.0, began + MINUTE - self.clock.seconds))
        if life.end == "kill":
            raise Killed
        if putting_off is not None:
            putting_off.cancel()
            await asyncio.gather(putting_off, return_exceptions=True)
        await men.close()
        await fleet.close(leave=True)
        await thread.run(store.close)

    def _trouble(self) -> None:
        """Faults end and begin."""
        for (name, kind), until in tuple(self._until.items()):
            if self.clock.seconds >= until:
                self.resources[name].end(kind)
                del self._until[name, kind]
        if self.dice.random() < 0.12:
            name, kind, lasts = self.dice.choice(tuple(self.resources)), self.dice.choice(KINDS), self.dice.choice((1, 3, 8, 15))
            self.resources[name].begin(kind, float(self.dice.randint(3, 50)))
            self._until[name, kind] = self.clock.seconds + lasts * MINUTE

    def _away(self, life: Life) -> None:
        """The provider's clock runs on."""
        until = self.clock.seconds + life.away * MINUTE
        if life.away == AS_ORDERED:
            ordered = [at for resource in self.resources.values() if not resource.suspended for at, _ in resource.ordered]
            until = min(ordered, default=until) - self.dice.uniform(0.0, 2.0)
        while self.clock.seconds < until and self.broken is None:
            self.clock.seconds = min(until, self.clock.seconds + MINUTE)
            for name, resource in self.resources.items():
                resource._settle()
                if resource.ordered and not resource.suspended and self.clock.seconds > self.died + resource.longest:
                    self._breach("all that is ordered is done in time", f"{resource.ordered} is left", name)
        if life.away >= LONG:
            self._gone()


def simulate_absence(seed: int) -> Outcome:
    """Run the absences of `seed` in a folder of its own."""
    with wild_and_quiet("absence") as folder:
        return Absence(seed, folder).run()
