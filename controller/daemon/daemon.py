"""The daemon: opens the store, builds the fleet, answers HTTP, ticks until it is told to stop, and ends in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import structlog

from adapters.ports.lease_store import LeaseStore
from adapters.runtime.clock import Clock
from config.model.policy import Policy
from controller.accounting.ledger import Ledger
from controller.accounting.tick_accounting import account_for, open_accounts, store_accounts, tell_spent
from controller.daemon.failover import FailoverCoordinator
from controller.daemon.scheduler import Jobs, Scheduler
from controller.decision.events.upcoming import all_forgotten
from controller.fleet.builder import Providers, assemble, save_measured
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.forecasts.rationale import proposal_rationale
from controller.forecasts.service import Forecasts
from controller.http.auth import BearerAuth
from controller.http.published_state import PublishedState
from controller.http.server import listening
from controller.leadership.leader_election import LeaderElection
from controller.metrics.tick_counters import Ended
from controller.notifications.missing_metrics_log import MissingMetricsLog
from controller.notifications.notifier import Notifier
from controller.overrides.active_overrides import ActiveOverrides
from controller.overrides.prewarming import Prewarming
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError
from controller.store.state_dir import STORE_NAME, URL_NAME, tell_url
from controller.store.state_store import KEEP, Store
from controller.telemetry.event_loop_errors import report_fault
from controller.telemetry.tracing import Tracing, tick
from forecasting.demand import minute_of

TICK_EVERY = timedelta(minutes=1)
KEEP_EVERY = timedelta(minutes=15)
"""Accounts and measurements are stored so often: a kill forgets no more of them."""

REMEMBER_EVERY = timedelta(minutes=55)
"""What the choosers have learned is kept so often: many megabytes for many pools, and a kill forgets an hour of it at most."""

PRUNE_EVERY = timedelta(hours=6)
RETUNE_EVERY = timedelta(hours=1)

log = structlog.get_logger("stoker.service")


class Daemon:
    """One daemon. `run` may be called once.

    `providers`: builds levers and sources (`adapters.registry.Registry`); closed by `run`. `port` 0 takes a free one; the
    real one stands in `port` once `ready` is set. `token`: who shows it over HTTP may steer pools; without one nobody may.
    `notifier`: made once the store is open, told of every tick. `lease_store`: of the policy's lease; `holder`: our name in it.
    """

    def __init__(self, policy: Policy, providers: Providers, clock: Clock, state_dir: Path, *, host: str = "127.0.0.1",
                 port: int = 8080, tick_every: timedelta = TICK_EVERY, token: str | None = None,
                 notifier: Callable[[AsyncStore], Notifier] | None = None, tracing: Tracing | None = None,
                 lease_store: LeaseStore | None = None, holder: str = "") -> None:
        self.policy, self.clock, self.host, self.port, self.tick_every = policy, clock, host, port, tick_every
        self._providers, self._state_dir, self._gate = providers, state_dir, BearerAuth(token)
        self.ready = asyncio.Event()
        """Set once HTTP answers; whether what it says is fresh, `/readyz` tells."""
        self.fleet: Fleet | None = None
        self.accounts: Ledger | None = None
        self.forecasts: Forecasts | None = None
        self.active_overrides: ActiveOverrides | None = None
        self.published: PublishedState | None = None
        self.dead_man_switch: DeadManSwitch | None = None
        self.failover: FailoverCoordinator | None = None
        self._lease_store, self._holder = lease_store, holder
        if (policy.lease is None) is not (lease_store is None):
            raise ValueError("a lease and its store come together")
        self._store: AsyncStore | None = None
        self._blindness = MissingMetricsLog()
        self._new_notifier, self._tracing = notifier, tracing
        self.notifier: Notifier | None = None
        self._ticking = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where HTTP answers."""
        return f"http://{self.host}:{self.port}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. `StoreError` when the store is in use or unusable, `CannotListen` for the address."""
        try:
            async with self._opened() as store:
                journal = DecisionLog(store)
                self.published = self._new_board(store, journal)
                async with self._listening(self.published):
                    await self._work(store, journal, self.published, stop)
        finally:
            await self._providers.close()

    async def run_once(self) -> None:
        """One pass, writes included, without HTTP. `StoreError` as in `run`."""
        try:
            async with self._opened() as store:
                journal = DecisionLog(store)
                self.published = self._new_board(store, journal)
                await self._build(store, journal, self.published)
                leading = None if self.failover is None else await self.failover.settle()
                await self.tick()
                await self._end(leading)
        finally:
            await self._providers.close()

    def _new_board(self, store: AsyncStore, journal: DecisionLog) -> PublishedState:
        return PublishedState(self.policy, self.clock, store, journal, self.tick_every, self._providers.calls, self._gate)

    async def tick(self) -> None:
        """One pass over the fleet, the accounts after it, and what HTTP shows of both."""
        fleet, accounts, board = self.fleet, self.accounts, self.published
        if fleet is None or accounts is None or board is None:
            raise RuntimeError("tick before run")
        if self._ticking.locked():  # the first tick is not the timetable's, so its own guard does not see it
            board.ticks.ended[Ended.SKIPPED] += 1
            log.warning("overrun", job="tick", text="the tick before has not ended: this one is skipped")
            return
        async with self._ticking:
            with tick(self._tracing, pools=len(fleet.reconcilers)):
                await self._pass(fleet, accounts, board)

    async def _at_once(self) -> None:
        """A tick that does not wait for the minute, after the one under way."""
        async with self._ticking:
            pass
        await self.tick()

    async def _pass(self, fleet: Fleet, accounts: Ledger, board: PublishedState) -> None:
        try:
            await self._expire()
            tell_spent(fleet, accounts)
            report = await fleet.tick()
            await account_for(fleet, accounts, self.policy, self.clock,
                              None if board.forecasts is None else board.forecasts.accuracy.settle)
            if self.notifier is not None:
                await self.notifier.note(fleet)
            board.ticks.done(report.seconds)
            self._blindness.look(fleet, self.clock.now())
            await board.publish()
        except Exception:  # a fault of ours: told, and the next tick tries again
            board.ticks.ended[Ended.FAILED] += 1
            log.exception("tick-failed")
            return
        if report.seconds > self.tick_every.total_seconds():
            log.warning("slow-tick", seconds=round(report.seconds, 3), pools=report.planned)

    async def _expire(self) -> None:
        try:
            if self.active_overrides is not None:
                await self.active_overrides.expire(self.clock.now())
        except StoreError as error:  # plans ignore what has ended anyway
            log.error("store-failed", error=str(error))  # noqa: TRY400

    async def _build(self, store: AsyncStore, journal: DecisionLog, board: PublishedState) -> None:
        fleet = self.fleet = await assemble(self.policy, self._providers, store, self.clock, journal)
        accounts = self.accounts = await open_accounts(fleet, store, self.clock)
        forecasts = self.forecasts = Forecasts(fleet, store, self.clock)
        journal.weighed = partial(proposal_rationale, fleet, forecasts.accuracy)
        steering = self.active_overrides = ActiveOverrides(fleet.reconcilers, store)
        await steering.recall(self.clock.now())
        board.fleet, board.accounts, board.forecasts, board.active_overrides = fleet, accounts, forecasts, steering
        self.dead_man_switch = DeadManSwitch(fleet, self.clock, store, forecasts.tell)
        board.prewarming = Prewarming(fleet, steering, self.clock, self.policy.assume, board.long_poll.tell)
        if self._new_notifier is not None:
            self.notifier = board.exposition.daemon.notifier = self._new_notifier(store)
            await self.notifier.start()
        if self.policy.lease is not None and self._lease_store is not None:
            leadership = LeaderElection(self._lease_store, self.clock, self._holder, self.policy.lease, self.url)
            board.leadership = self._gate.leadership = leadership
            self.failover = FailoverCoordinator(leadership, fleet, steering, self.clock, self._at_once)
        for pool, (target, at) in (await store.run(store.store.intents)).items():
            log.warning("unconfirmed-write", pool=pool, target=target, sent_at=at.isoformat(),
                        text="stopped in the middle of a write: capacity is read before anything is changed")
        log.info("started", pools=len(fleet.reconcilers), sources=len(fleet.regions), store=str(store.store.path))

    async def _work(self, store: AsyncStore, journal: DecisionLog, board: PublishedState, stop: asyncio.Event) -> None:
        """Tick until told to stop. The first tick does not wait for the minute; HTTP answers while history is being loaded."""
        await self._build(store, journal, board)
        self._say("started", f"Stoker has started with {len(self.policy.pools)} pools")
        leading = None if self.failover is None else asyncio.create_task(self.failover.run(), name="lease")
        timetable = self._timetable()
        timetable.every("tick", self.tick_every, self.tick)
        timetable.every("keep", KEEP_EVERY, self._keep)
        timetable.every("dead-men", self.tick_every, self._put_off)
        timetable.every("prune", PRUNE_EVERY, self._prune)
        timetable.every("retune", RETUNE_EVERY, self._retune)
        beside = [asyncio.create_task(self._first(), name="first tick")]
        if self.forecasts is not None:
            beside.append(asyncio.create_task(self.forecasts.rotate(), name="forecasts"))
        if self.fleet is not None:
            beside.append(asyncio.create_task(self.fleet.orphans.watch(), name="orphans"))
        timetable.start()
        try:
            await stop.wait()
        finally:
            log.info("stopping")
            self._say("stopping", "Stoker is stopping")
            board.long_poll.close()
            timetable.stop()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._end(leading, leave=stop.is_set() and self.failover is None)
            log.info("stopped")

    def _timetable(self) -> Jobs:
        return Scheduler(self.clock)

    async def _end(self, leading: asyncio.Task[None] | None = None, leave: bool = False) -> None:
        """The lease is renewed until the last write has ended, and given back unless one was cut off."""
        if self.forecasts is not None:
            await self.forecasts.close()
        quiet = self.dead_man_switch is None or await self.dead_man_switch.close()  # before anything is taken back
        ended = self.fleet is None or await self.fleet.close(leave)
        if self.failover is not None:
            await self.failover.end(leading, release=ended and quiet)
        await self._keep(timedelta(0))
        if self.notifier is not None:
            await self.notifier.close()
        if self._tracing is not None:
            await self._tracing.close()

    def _say(self, code: str, text: str) -> None:
        if self.notifier is not None:
            self.notifier.say(code, text)

    async def _first(self) -> None:
        """Do not wait for the minute; then, as the levers have told memory and processor, judge by those."""
        await self.tick()
        for text in await asyncio.to_thread(all_forgotten, self.policy, self.clock.now()):
            log.warning("event-without-windows", text=text)
        if self.fleet is not None and self.fleet.last is not None:
            log.info("first-tick", seconds=round(self.fleet.last.seconds, 3), planned=self.fleet.last.planned,
                     written=self.fleet.last.written)
        await self._put_off()
        await self._retune()
        await self._keep()

    async def _put_off(self) -> None:
        """Put off what providers were told to do should this daemon die."""
        if self.dead_man_switch is not None:
            await self.dead_man_switch.renew()

    async def _keep(self, fresh: timedelta = REMEMBER_EVERY) -> None:
        """Store the accounts and what was measured, and what was learned unless that was kept within `fresh`."""
        if self.fleet is None or self.accounts is None or self._store is None:
            return
        try:
            await store_accounts(self.fleet, self.accounts, self.policy, self.clock, self._store, ended=not fresh)
            await save_measured(self.fleet, self._store, self.clock.now())
            for region in self.fleet.regions:
                await region.remember(self.clock.now(), fresh)
        except StoreError as error:
            log.error("store-failed", error=str(error))  # noqa: TRY400  (the message says it all)

    async def _prune(self) -> None:
        if self._store is not None:
            await self._store.run(self._store.store.prune, minute_of(self.clock.now() - KEEP))

    async def _retune(self) -> None:
        for region in self.fleet.regions if self.fleet is not None else ():
            await region.retune(self.clock.now())

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[AsyncStore]:
        asyncio.get_running_loop().set_exception_handler(report_fault)
        store = Store(self._state_dir / STORE_NAME)
        if store.moved_aside is not None:
            log.error("store-damaged",
                      text=f"{store.path} was damaged and is now {store.moved_aside}: the new store is empty")
        self._store = AsyncStore(store)
        try:
            yield self._store
        finally:
            await asyncio.shield(self._store.close())

    @asynccontextmanager
    async def _listening(self, board: PublishedState) -> AsyncIterator[None]:
        async with listening(board, self.host, self.port) as self.port:
            log.info("listening", url=self.url)
            tell_url(self._state_dir / URL_NAME, self.url)
            self.ready.set()
            try:
                yield
            finally:
                tell_url(self._state_dir / URL_NAME, None)
