"""Lifecycle of the daemon: open the store, serve HTTP, load history, run jobs until stopped, and shut down gracefully."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from adapters.ports.lease_store import LeaseStore
from adapters.runtime.clock import Clock, at_work
from config.model.policy import Policy
from controller.daemon import jobs
from controller.daemon.policy_file import PolicyFile
from controller.daemon.reload import reload_on_request, reload_quietly
from controller.daemon.runtime import Runtime, build
from controller.daemon.scheduler import Jobs, Scheduler
from controller.daemon.selection import SelectedPools
from controller.daemon.settings import Settings
from controller.daemon.statsd import receiving
from controller.decision.planning.pool_state.state import SHADOW
from controller.fleet.builder import Providers
from controller.fleet.fleet import Fleet
from controller.fleet.selection.listing import Surveys
from controller.http.auth import BearerAuth
from controller.http.published_state import PublishedState
from controller.http.server import listening
from controller.notifications.notifier import Notifier
from controller.store.async_store import AsyncStore
from controller.store.state_dir import STORE_NAME, URL_NAME, write_url
from controller.store.state_store import Store
from controller.telemetry.event_loop_errors import report_fault
from controller.telemetry.tracing import Tracing

TICK_EVERY = timedelta(minutes=1)


class DaemonProviders(Providers, Surveys, Protocol):
    """What a daemon calls: `adapters.registry.Registry`."""


log = structlog.get_logger("stoker.service")


class Daemon:
    """One daemon. Call `run` or `run_once`, once.

    `providers`: builds levers and sources (`adapters.registry.Registry`); closed at the end. `port` 0 takes a free one; once
    `ready` is set, `port` is the actual one. `token`: required for overrides over HTTP; without one they are disabled.
    `notifier`: builds the notifier when the store is open. `lease_store`: of the policy's lease; `holder`: the daemon's name in
    it. `scheduler`: runs the periodic jobs. `on_tick`: called after each tick. `file`: where the policy is read again.
    """

    def __init__(self, policy: Policy, providers: DaemonProviders, clock: Clock, state_dir: Path, *, host: str = "127.0.0.1",
                 port: int = 8080, tick_every: timedelta = TICK_EVERY, token: str | None = None,
                 notifier: Callable[[AsyncStore], Notifier] | None = None, tracing: Tracing | None = None,
                 lease_store: LeaseStore | None = None, holder: str = "", scheduler: Jobs | None = None,
                 on_tick: Callable[[Fleet], None] | None = None, file: PolicyFile | None = None) -> None:
        self.host, self.port = host, port
        self._selected = SelectedPools(providers, clock)
        self._settings = Settings(policy, providers, clock, notifier, tracing, lease_store, holder, on_tick, file,
                                  self._selected.expand)
        self._clock, self._state_dir, self._tick_every = clock, state_dir, tick_every
        self._auth, self._scheduler = BearerAuth(token), scheduler
        self.ready = asyncio.Event()
        """Set once HTTP answers. `/readyz` reports whether the answers are fresh."""
        self.reload_requested = asyncio.Event()
        """Set to read the policy file again: at once, or after the start."""
        self.runtime: Runtime | None = None
        """None until history is loaded. For observers: the daemon itself passes it on."""

    @property
    def url(self) -> str:
        """HTTP address."""
        return f"http://{self.host}:{self.port}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Raise `StoreError` if the store is in use or unusable, `CannotListen` for an address."""
        with ExitStack() as start:
            start.enter_context(at_work(self._clock))  # loading history must not take hours of a scaled clock
            try:
                async with self._open_store() as store:
                    await self._add_selected(store)
                    published = self._new_published_state(store)
                    async with self._listening(published):
                        runtime = await self._build(store, published)
                        async with receiving(self._settings.policy.statsd, runtime.components, self._clock):
                            await self._work(runtime, stop, start)
            finally:
                await self._settings.providers.close()

    async def run_once(self) -> Runtime:
        """Run one tick, including writes, without HTTP. Raise `StoreError` as in `run`."""
        try:
            async with self._open_store() as store:
                await self._add_selected(store, list_first=True)
                runtime = await self._build(store, self._new_published_state(store))
                lease_task = None if runtime.failover is None else await runtime.failover.settle()
                await runtime.tick.run()
                await self._end(runtime, lease_task)
                return runtime
        finally:
            await self._settings.providers.close()

    async def _add_selected(self, store: AsyncStore, *, list_first: bool = False) -> None:
        """Add the selected pools that the last listing before the start has found; with `list_first`, those of a listing now."""
        policy = self._settings.policy
        if not policy.select:
            return
        await self._selected.load(store)
        if list_first:
            await self._selected.list_places(policy.select)
            for error in self._selected.errors:
                log.error("select-failed", error=error)
        policy = await asyncio.to_thread(self._selected.expand, policy)
        if list_first:
            await self._selected.save(policy, store)
        elif not policy.selected:
            log.warning("select-pending", text="no earlier listing is stored: the pools of the file run until places are listed")
        self._settings = replace(self._settings, policy=policy)

    def _new_published_state(self, store: AsyncStore) -> PublishedState:
        return PublishedState(self._settings.policy, self._clock, store, self._tick_every, self._settings.providers.calls,
                              self._auth)

    async def _build(self, store: AsyncStore, published: PublishedState) -> Runtime:
        self.runtime = await build(self._settings, store, published, self.url)
        for key, (target, at) in (await store.run(store.store.intents)).items():
            if not key.endswith(SHADOW):  # nothing is sent in shadow mode
                log.warning("unconfirmed-write", pool=key, mode="active", target=target, sent_at=at.isoformat(),
                            text="stopped in the middle of a write: capacity is read before anything is changed")
        fleet = self.runtime.components.fleet
        log.info("started", pools=len(fleet.reconcilers), sources=len(fleet.regions), store=str(store.store.path))
        return self.runtime

    async def _work(self, runtime: Runtime, stop: asyncio.Event, start: ExitStack) -> None:
        """Run the jobs until `stop` is set, then shut down. `start`: closed after the first tick."""
        components = runtime.components
        components.notifier.notify("started", f"Stoker has started with {len(self._settings.policy.pools)} pools")
        lease_task = None if runtime.failover is None else asyncio.create_task(runtime.failover.run(), name="lease")
        scheduler = self._scheduler or Scheduler(self._clock)
        scheduler.every("tick", self._tick_every, runtime.tick.run)
        scheduler.every("dead-men", self._tick_every, runtime.dead_man_switch.renew)
        for name, interval, job in jobs.PERIODIC:
            scheduler.every(name, interval, partial(job, runtime, self._settings))
        tasks = [asyncio.create_task(self._first_tick(runtime, start), name="first tick"),
                 asyncio.create_task(components.forecasts.rotation.run(), name="forecasts", context=Context()),
                 asyncio.create_task(components.fleet.orphans.watch(), name="orphans", context=Context()),
                 asyncio.create_task(reload_on_request(runtime.reloader, self.reload_requested), name="reload on request")]
        selecting = self._selected.watch(runtime.reloader, runtime.store, components.notifier, components.policy)
        tasks.append(asyncio.create_task(selecting, name="select", context=Context()))
        if self._settings.file is not None:
            changed = partial(reload_quietly, runtime.reloader, "changed file")
            tasks.append(asyncio.create_task(self._settings.file.watch(self._clock, changed), name="policy file"))
        scheduler.start()
        try:
            await stop.wait()
        finally:
            log.info("stopping")
            components.notifier.notify("stopping", "Stoker is stopping")
            runtime.published.long_poll.close()
            scheduler.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runtime.reloader.close()
            await self._end(runtime, lease_task, release=stop.is_set() and runtime.failover is None)
            log.info("stopped")

    async def _first_tick(self, runtime: Runtime, start: ExitStack) -> None:
        try:
            await jobs.first_tick(runtime, self._settings)
        finally:
            start.close()

    async def _end(self, runtime: Runtime, lease_task: asyncio.Task[None] | None, release: bool = False) -> None:
        """Close every part. The lease is renewed until the last write has ended, and released unless a write was cut off.

        `release`: apply the `on_exit` of every pool.
        """
        await runtime.components.forecasts.close()
        await runtime.components.nudges.close()
        fallbacks_ended = await runtime.dead_man_switch.close()  # before the fleet: a release cancels fallbacks
        writes_ended = await runtime.components.fleet.close(release)
        if runtime.failover is not None:
            await runtime.failover.end(lease_task, release=writes_ended and fallbacks_ended)
        await jobs.store_state(runtime, self._settings, timedelta(0))
        await runtime.components.notifier.close()
        if self._settings.tracing is not None:
            await self._settings.tracing.close()

    @asynccontextmanager
    async def _open_store(self) -> AsyncIterator[AsyncStore]:
        asyncio.get_running_loop().set_exception_handler(report_fault)
        store = Store(self._state_dir / STORE_NAME)
        if store.moved_aside is not None:
            log.error("store-damaged",
                      text=f"{store.path} was damaged and is now {store.moved_aside}: the new store is empty")
        opened = AsyncStore(store)
        try:
            yield opened
        finally:
            await asyncio.shield(opened.close())

    @asynccontextmanager
    async def _listening(self, published: PublishedState) -> AsyncIterator[None]:
        async with listening(published, self.host, self.port) as self.port:
            log.info("listening", url=self.url)
            write_url(self._state_dir / URL_NAME, self.url)
            self.ready.set()
            try:
                yield
            finally:
                write_url(self._state_dir / URL_NAME, None)
