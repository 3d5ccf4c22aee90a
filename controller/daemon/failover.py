"""Failover among several daemons: renews the lease, and starts the term of each new leader."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from adapters.ports.errors import AdapterError
from adapters.runtime.clock import Clock
from controller.decision.planning.overrides_in_force import Override
from controller.fleet.fleet import Fleet
from controller.leadership.handover import ORDERS, overrides_text, read_handover
from controller.leadership.leader_election import LeaderElection
from controller.leadership.leader_term import LeaderTerm
from controller.overrides.active_overrides import ActiveOverrides

log = structlog.get_logger("stoker.lease")


class FailoverCoordinator:
    """Coordinator between the lease and the fleet. `tick`: runs a tick when this daemon has become the leader or a standby.

    `fleet` is built with `LeaderTerm(leadership)`: until a leader is known, its pools write nothing and keep their stored state.
    """

    def __init__(self, leadership: LeaderElection, fleet: Fleet, overrides: ActiveOverrides, clock: Clock,
                 tick: Callable[[], Awaitable[object]]) -> None:
        self.leadership = leadership
        self._fleet, self._overrides, self._clock, self._tick = fleet, overrides, clock, tick
        self._take_over_task: asyncio.Task[None] | None = None
        self._undecided = True
        """Whether no leader has been found since the start."""

    async def run(self) -> None:
        """Renew or watch the lease until cancelled."""
        while True:
            await self._renew_or_watch()
            await self._clock.sleep(self.leadership.interval)

    async def settle(self) -> "asyncio.Task[None]":
        """Wait until it is known whether this process leads, for a single operation. Return the task that then runs `run`."""
        while True:
            await self._renew_or_watch(tick=False)
            if self.leadership.number is not None or self.leadership.others_renew or self.leadership.error is not None:
                break
            await self._clock.sleep(self.leadership.interval)
        if self._take_over_task is not None:
            await self._take_over_task
        return asyncio.create_task(self.run(), name="lease")

    async def end(self, running: "asyncio.Task[None] | None", release: bool) -> None:
        """End the task of `run`, and close the lease store. With `release`, which requires that no write is in progress, release
        the lease first.
        """
        for task in (running, self._take_over_task):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if release:
            await self.leadership.release()
        await self.leadership.close()

    async def _renew_or_watch(self, tick: bool = True) -> None:
        await self.leadership.renew_or_watch()
        number, term = self.leadership.number, self._fleet.term
        if number is not None and number != term.number and (self._take_over_task is None or self._take_over_task.done()):
            self._take_over_task = asyncio.create_task(self._take_over(number, tick), name="takeover")
        elif number is None and (term.number is not None or (self._undecided and self.leadership.others_renew)):
            self._start_term(LeaderTerm(self.leadership))
            log.info("standby", leader=None if self.leadership.seen is None else self.leadership.seen.holder)
            if tick and (self._take_over_task is None or self._take_over_task.done()):
                self._take_over_task = asyncio.create_task(self._show(), name="standing by")

    async def _show(self) -> None:
        """Run a tick, so that the standby is displayed before the next minute."""
        await self._tick()

    async def _take_over(self, number: int, tick: bool) -> None:
        """Start a term with what the leader before left behind; until then nothing is written."""
        try:
            handover = read_handover(await self.leadership.published())
        except AdapterError as error:
            log.warning("failover-waiting", fencing=number, error=str(error))
            return
        await self._overrides.restore_from_leader(handover.overrides, self._clock.now())
        self._start_term(LeaderTerm(self.leadership, number, handover.last_writes, handover.fallback_states))
        log.info("leading", fencing=number, intents=len(handover.last_writes))
        if tick:
            await self._tick()

    def _start_term(self, term: LeaderTerm) -> None:
        self._undecided = False
        self._fleet.start_term(term)


async def publish_overrides(leadership: LeaderElection, pool: str, overrides: tuple[Override, ...]) -> None:
    """Publish a pool's overrides for the next leader. Raise `AdapterError` when that fails: they do not take effect."""
    number = leadership.number or 0
    leadership.check(number)
    await leadership.publish(number, {f"{ORDERS}{pool}": overrides_text(overrides)})
