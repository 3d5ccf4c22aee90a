"""One daemon among several: keeps up its part in the lease, and hands the pools over when another leads from now on."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from adapters.ports.errors import AdapterError
from adapters.runtime.clock import Clock
from controller.decision.planning.overrides import Override
from controller.fleet.fleet import Fleet
from controller.leadership.handover import ORDERS, overrides_text, read_handover
from controller.leadership.leader_election import LeaderElection
from controller.leadership.leader_term import LeaderTerm
from controller.overrides.active_overrides import ActiveOverrides

log = structlog.get_logger("stoker.lease")


class FailoverCoordinator:
    """Between the lease and the fleet. `at_once`: a tick that is made when this daemon has begun to lead."""

    def __init__(self, leadership: LeaderElection, fleet: Fleet, steering: ActiveOverrides, clock: Clock,
                 at_once: Callable[[], Awaitable[object]]) -> None:
        self.leadership = leadership
        self._fleet, self._steering, self._clock, self._at_once = fleet, steering, clock, at_once
        self._taking: asyncio.Task[None] | None = None
        self._undecided = True
        """Nobody has been seen to lead since the start: what the pools remember is kept as it is."""
        self.tenure = LeaderTerm(leadership)
        fleet.tenure = self.tenure
        for reconciler in fleet.reconcilers.values():
            if reconciler.policy.mode == "active":
                reconciler.tenure = self.tenure
        steering.share = self.share_orders

    async def run(self) -> None:
        """Renew or watch the lease until cancelled."""
        while True:
            await self._beat()
            await self._clock.sleep(self.leadership.interval)

    async def settle(self) -> "asyncio.Task[None]":
        """Until it is clear whether this process leads, for one that does a single thing; then as `run`, in the task returned."""
        while True:
            await self._beat(at_once=False)
            if self.leadership.number is not None or self.leadership.others_renew or self.leadership.error is not None:
                break
            await self._clock.sleep(self.leadership.interval)
        if self._taking is not None:
            await self._taking
        return asyncio.create_task(self.run(), name="lease")

    async def end(self, running: "asyncio.Task[None] | None", release: bool) -> None:
        """Leave, and end the task in which `run` does its part. With `release` another need not wait for the end of the term: no
        write may be under way any more.
        """
        for task in (running, self._taking):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if release:
            await self.leadership.release()
        await self.leadership.close()

    async def share_orders(self, pool: str, orders: tuple[Override, ...]) -> None:
        """Keep a pool's orders for whoever leads next. `AdapterError` when that cannot be done: they are not taken."""
        number = self.leadership.number or 0
        self.leadership.check(number)
        await self.leadership.share(number, {f"{ORDERS}{pool}": overrides_text(orders)})

    async def _beat(self, at_once: bool = True) -> None:
        await self.leadership.renew_or_watch()
        number, tenure = self.leadership.number, self.tenure
        if number is not None and number != tenure.number and (self._taking is None or self._taking.done()):
            self._taking = asyncio.create_task(self._take_over(number, at_once), name="takeover")
        elif number is None and (tenure.number is not None or (self._undecided and self.leadership.others_renew)):
            self._enter(LeaderTerm(self.leadership))
            log.info("standby", leader=None if self.leadership.seen is None else self.leadership.seen.holder)
            if at_once and (self._taking is None or self._taking.done()):
                self._taking = asyncio.create_task(self._show(), name="standing by")

    async def _show(self) -> None:
        """That this daemon stands by is to be seen before the next minute."""
        await self._at_once()

    async def _take_over(self, number: int, at_once: bool) -> None:
        """What the leader before left behind is taken up first; until then nothing is written."""
        try:
            handover = read_handover(await self.leadership.kept())
        except AdapterError as error:
            log.warning("failover-waiting", fencing=number, error=str(error))
            return
        await self._steering.restore_from_leader(handover.overrides, self._clock.now())
        self._enter(LeaderTerm(self.leadership, number, handover.last_writes, handover.fallback_states))
        log.info("leading", fencing=number, intents=len(handover.last_writes))
        if at_once:
            await self._at_once()

    def _enter(self, tenure: LeaderTerm) -> None:
        self._undecided = False
        self.tenure = self._fleet.tenure = tenure
