"""Two daemons that share a lease and have told the provider what to do should they die. Both die, stay away while its clock runs
on, and either comes back first, perhaps with an empty store: what it finds must pass for nobody else's doing.
"""

import asyncio
import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from adapters.aws.autoscaling.scheduled_fallback import ScheduledFallback
from adapters.ports.lease_store import fence_of_this_task
from config.model.dead_man import DeadMan
from config.model.policy import PoolPolicy
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.fleet.fleet import Fleet
from controller.store.async_store import AsyncStore
from tests.simulation.pair import CALM, MINUTES, Pair, PairLever
from tests.simulation.policies import lambda_of
from tests.simulation.run import Outcome, wild_and_quiet
from tests.simulation.scheduled import Plane, Scheduled, put_off, told_of

AWAY = 60
"""Minutes in which nobody is there, at most."""


class FencedPlane(Plane):
    """One daemon's way to Application Auto Scaling."""

    async def call_scaling(self, operation: str, resource: str, parameters: Any, digest: Callable[[Any], Any], *,
                           writes: bool = True) -> Any:
        fence = fence_of_this_task() if writes else None
        if fence is not None:
            fence.check()
        if writes:
            self._world.pending_fallback(self._resource, operation, None if fence is None else fence.number)
        return await super().call_scaling(operation, resource, parameters, digest, writes=writes)


class HeirsLever(PairLever):
    """As Lambda's, with the real switch beside it."""

    def __init__(self, world: "Heirs", resource: Scheduled, who: int) -> None:
        super().__init__(world, resource, who)
        switch = ScheduledFallback(FencedPlane(resource, world), world.clock, f"{resource.policy.name}:live",
                                   resource.policy.name)
        self.arm, self.forget, self.disarm = switch.arm, switch.forget, switch.disarm


class Heirs(Pair):
    """The world of one seed."""

    minutes = MINUTES + AWAY + CALM

    def __init__(self, seed: int, folder: Path) -> None:
        self._peace_since: float | None = None
        """Since when at least one daemon has been there, and nothing was wrong with any."""
        super().__init__(seed, folder)

    def lever(self, pool: PoolPolicy, who: int) -> HeirsLever:
        return HeirsLever(self, self.resources[pool.name], who)

    def ordered(self, resource: Scheduled) -> None:
        """The provider was told something."""
        self.trail.append(f"{self.clock.seconds:.3f} {resource.policy.name} ordered {resource.ordered}")

    def pending_fallback(self, resource: Scheduled, operation: str, number: int | None) -> None:
        """A daemon tells the provider something."""
        self._numbered(resource.policy.name, operation, number)

    def _plain(self, name: str) -> dict[str, object]:
        dice = random.Random(f"heirs {self.seed} {name}")  # noqa: S311
        dead_man = DeadMan(after=timedelta(minutes=dice.choice((10, 15))), follow=timedelta(hours=dice.choice((0, 1))))
        return super()._plain(name) | {"lever": lambda_of(name), "top": None, "dead_man": dead_man}

    def _resource(self, pool: PoolPolicy) -> Scheduled:
        return Scheduled(pool, self.clock, self.seed, self._carried_out)

    def _planned(self) -> list[tuple[float, int, str, float]]:
        """As for any pair, but for a time in which both are dead; who comes back first soon dies again."""
        died, heir = self.dice.uniform(12, 30) * 60, self.dice.randrange(2)
        first = died + self.dice.choice((2, 11, 16, 25, 45, AWAY - 5)) * 60 + self.dice.uniform(0, 60)
        second = first + self.dice.uniform(20, 240)
        agenda = [(at if at < died else at - died + first, *deed) for at, *deed in super()._planned()]
        agenda += [(died, heir, "both die", 0.0), (second + self.dice.uniform(0, 60), heir, "kill", 0.0)]
        agenda += [(at, who, self.dice.choice(("start", "start anew")), 0.0) for at, who in ((first, heir), (second, 1 - heir))]
        return sorted(agenda)

    def _happens(self, who: int, kind: str, lasts: float) -> None:
        if kind == "both die":
            self._both_die(who)
        else:
            if kind == "start anew" and self.daemons[who] is None:
                shutil.rmtree(self.folder / f"{who}", ignore_errors=True)
            super()._happens(who, kind.removesuffix(" anew"), lasts)
        there = [each for each in self.daemons if each is not None]
        troubled = any(each.active or each.paused_until > self.clock.seconds for each in there)
        if not there or troubled:
            self._peace_since = None
        elif self._peace_since is None:
            self._peace_since = self.clock.seconds

    def _both_die(self, first: int) -> None:
        """Now and then `first` is back right before something is done, and dies again before it has seen that."""
        for who in (0, 1):
            self._kill(who)
        ordered = [at for resource in self.resources.values() for at, _ in resource.ordered]
        if ordered and self.dice.random() < 0.5:
            back = max(self.clock.seconds, min(ordered) - self.settings.ttl.total_seconds() - self.dice.uniform(0.0, 10.0))
            killed = min(ordered) + self.dice.uniform(0.0, 60.0)
            self._agenda = sorted([*self._agenda, (back, first, "start", 0.0), (killed, first, "kill", 0.0)])

    def _minutely(self, fleet: Fleet, thread: AsyncStore) -> Callable[[], None]:
        men, rounds = DeadManSwitch(fleet, self.clock, thread, partial(told_of, self.seed)), []

        def begin() -> None:
            if not rounds or rounds[-1].done():
                rounds[:] = [asyncio.create_task(put_off(men, self._breach))]
        return begin

    def _carried_out(self, resource: Scheduled, at: float, before: int, after: int) -> None:
        """A scheduled action has run."""
        name = resource.policy.name
        self.trail.append(f"{at:.3f} {name} carried out {before} {after}")
        if self._peace_since is not None and self._peace_since < at - resource.patience:
            self._breach("nothing is carried out while the daemon lives", f"{before} to {after}", name)

    def _settled(self) -> None:
        super()._settled()
        for name, resource in self.resources.items():
            if name in self._under_way and (not resource.ordered or resource.suspended):
                self._breach("a pool that was set is not left without orders", f"{resource.ordered} is ordered", name)


def simulate_heirs(seed: int) -> Outcome:
    """Run the heirs of `seed` in a folder of their own."""
    with wild_and_quiet("heirs") as folder:
        return Heirs(seed, folder).run()
