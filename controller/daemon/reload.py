"""Reload of the policy in a running daemon: validated as a whole first, then exchanged between two ticks.

A policy that is refused changes nothing: the one in use stays, and the reason is in the log, in `/status` and in the metrics.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from datetime import datetime
from typing import Any

import structlog

from adapters.ports.errors import AdapterError
from adapters.ports.lever import KeepsUnits
from config.loading.problem import PolicyError
from config.model.policy import Policy
from config.model.policy_diff import PolicyDiff, policy_diff
from controller.accounting.reopening import reopen, stored_sums
from controller.accounting.tick_accounting import keep_accounts
from controller.daemon.settings import Settings
from controller.daemon.tick import DaemonTick
from controller.fleet.policy.change import PolicyChange
from controller.fleet.policy.in_force import PolicyInForce, PolicyRefused, Reload, policy_hash
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.redaction.policy_changes import diff_body, lines, summary_text
from controller.redaction.redactor import redact_text
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

WAIT_SECONDS = 5.0
SAME = "the policy in use has the same content"
MOST_LINES = 50
"""Most lines of a difference in one log line."""

log = structlog.get_logger("stoker.policy")


class Reloader:
    """Reloads of one daemon, one at a time. `policy`: the one in use."""

    def __init__(self, settings: Settings, components: Components, store: AsyncStore, published: PublishedState,
                 tick: DaemonTick) -> None:
        self.policy = settings.policy
        self._settings, self._components, self._store, self._published, self._tick = settings, components, store, published, tick
        self._lock = asyncio.Lock()
        self._next: asyncio.Task[Reload] | None = None
        """Reload of the file that has not begun yet: all requests until then share it."""
        self._tasks = set[asyncio.Task[Reload]]()
        self._taking = False
        """Whether a change takes effect now. It is not interrupted."""

    async def reload(self, trigger: str) -> Reload:
        """Read the policy file again and use it. Return the outcome. Raise `PolicyRefused`."""
        if self._next is None:
            self._next = self._started(self._reload(trigger))
        return await asyncio.shield(self._next)

    async def change(self, change: Callable[[Policy], Policy], trigger: str) -> Reload:
        """Use what `change` makes of the policy in use, called in a thread. Return the outcome, which is recorded unless the
        policy is the same. Raise `PolicyRefused`.
        """
        return await asyncio.shield(self._started(self._change_in_turn(change, trigger)))

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Exchange no policy within the block."""
        async with self._lock:
            yield

    async def close(self) -> None:
        """Cancel the reloads that have not taken effect, and wait for the one that does."""
        while self._taking:
            await asyncio.wait(self._tasks, timeout=WAIT_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _started(self, reload: Coroutine[Any, Any, Reload]) -> asyncio.Task[Reload]:
        """Start a reload, which goes on when the request is cancelled."""
        task = asyncio.create_task(reload, name="reload", context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Reload]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a refusal is recorded already; the request may be gone

    async def _change_in_turn(self, change: Callable[[Policy], Policy], trigger: str) -> Reload:
        async with self._lock:
            new, last = await asyncio.to_thread(change, self.policy), self._components.policy.last
            if new == self.policy:
                return Reload("unchanged", self._settings.clock.now(), trigger, SAME, 0.0)
            reload = await self._use(new, trigger)
            if last is not None and last.outcome == "refused":  # the file still is
                self._components.policy.last = last
            return reload

    async def _reload(self, trigger: str) -> Reload:
        async with self._lock:
            self._next = None  # later requests may mean another content
            if self._settings.file is None:
                raise PolicyRefused("this daemon has no policy file")
            try:
                policy = await asyncio.to_thread(lambda file: self._settings.expand(file.load()), self._settings.file)
            except PolicyError as error:
                raise self._refused(str(error), trigger) from None
            return await self._use(policy, trigger)

    async def _use(self, new: Policy, trigger: str) -> Reload:
        clock, in_force = self._settings.clock, self._components.policy
        began, new_hash = clock.monotonic(), await asyncio.to_thread(policy_hash, new)
        if new_hash == in_force.hash:
            return self._note(Reload("unchanged", clock.now(), trigger, SAME, 0.0))
        diff = await asyncio.to_thread(policy_diff, self.policy, new)
        if keys := diff.restart_keys:
            raise self._refused(f"{' and '.join(keys)} cannot change while the daemon runs: restart it", trigger)
        try:
            await self._exchange(new, diff)
        except (AdapterError, StoreError) as error:
            raise self._refused(redact_text(str(error)), trigger) from error
        except Exception as error:
            log.exception("policy-not-used")
            raise self._refused(f"internal error ({type(error).__name__}), see the daemon's log", trigger) from error
        seconds = round(clock.monotonic() - began, 3)
        reload = Reload("reloaded", clock.now(), trigger, summary_text(diff), seconds, diff_body(diff))
        self._note(reload, new_hash)
        await self._show()
        self._components.notifier.notify("policy-reloaded", f"the policy was reloaded ({trigger}): {reload.text}")
        log.info("policy-reloaded", trigger=trigger, hash=new_hash, seconds=reload.seconds, text=reload.text,
                 changes=[line for _, line in zip(range(MOST_LINES), lines(diff), strict=False)])
        return reload

    async def _exchange(self, new: Policy, diff: PolicyDiff) -> None:
        """Prepare the change beside the ticks, and let it take effect between two of them."""
        fleet, clock = self._components.fleet, self._settings.clock
        change = PolicyChange(fleet, self.policy, new, diff, self._settings.providers, self._store, clock)
        try:
            await change.prepare()
            await change.wait()
            async with self._tick.between():
                self._taking = True
                await self._take(change)
        except BaseException:
            change.abandon()
            raise
        finally:
            self._taking = False

    async def _take(self, change: PolicyChange) -> None:
        """Exchange the parts of all components at once; before that, store what they would lose."""
        components, extent, now = self._components, change.extent, self._settings.clock.now()
        fleet = components.fleet
        if extent.moved or extent.any_lever:
            await keep_accounts(components.accounts, self._store)
        stored, before = await stored_sums(self._store, extent.added, now.date()), fleet.regions
        levers = await change.take()
        reopen(components.accounts, before, fleet, stored, now)
        components.forecasts.rotation.follow(extent.moved | extent.changed)
        components.reports.follow()
        components.prewarming.follow(extent.changed)
        self._published.follow(change.policy)
        components.policy.display = change.policy.display.shown
        self.policy = self._tick.policy = change.policy
        for lever in levers:
            if isinstance(lever, KeepsUnits):
                await lever.stop()
        await components.notifier.follow(change.policy.notify)

    async def _show(self) -> None:
        """Render the pages, which show the pools before until the next tick; not if the next reload follows at once."""
        if self._next is None:
            async with self._tick.between():
                await self._published.publish(self._components)

    def _refused(self, text: str, trigger: str) -> PolicyRefused:
        """Record that a policy was refused, and return the error to raise."""
        if text != self._components.policy.refusal:
            self._components.notifier.notify("policy-refused", f"the changed policy was refused, the one before stays: {text}")
        self._note(Reload("refused", self._settings.clock.now(), trigger, text, 0.0))
        log.error("policy-refused", trigger=trigger, hash=self._components.policy.hash, error=text,
                  text="the policy in use stays: correct the file, then reload")
        return PolicyRefused(text)

    def _note(self, reload: Reload, new_hash: str | None = None) -> Reload:
        self._components.policy.note(reload, new_hash)
        return reload


async def in_force(policy: Policy, at: datetime) -> PolicyInForce:
    """Return the record of a policy that is in use since `at`."""
    return PolicyInForce(await asyncio.to_thread(policy_hash, policy), at, display=policy.display.shown)


async def reload_quietly(reloader: Reloader, trigger: str) -> None:
    """Reload the policy file. A refusal is not raised: it is logged and shown."""
    with suppress(PolicyRefused):
        await reloader.reload(trigger)


async def reload_on_request(reloader: Reloader, requested: asyncio.Event) -> None:
    """Reload the policy file each time `requested` is set, until cancelled."""
    while True:
        await requested.wait()
        requested.clear()
        await reload_quietly(reloader, "SIGHUP")
