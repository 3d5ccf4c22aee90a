"""Selected pools of a running daemon: resources are listed at the start, every hour, and when the entries change.

A listing never delays the start or a tick. One that fails keeps the pools that are there, also after a restart: the resources
and the names of their pools are stored.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from adapters.runtime.clock import Clock
from config.model.policy import Policy
from config.model.select import Select
from controller.fleet.policy.in_force import PolicyInForce, PolicyRefused, Reload
from controller.fleet.selection.expansion import Expansion, expanded
from controller.fleet.selection.inventory import Inventory
from controller.fleet.selection.kept import keep, kept
from controller.fleet.selection.listing import Surveys, listed
from controller.notifications.notifier import Notifier
from controller.redaction.redactor import redact_text
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError

LIST_EVERY, RETRY_EVERY = timedelta(hours=1), timedelta(minutes=5)
"""Intervals at which every place is listed, and at which those are whose listing failed."""

WATCH_SECONDS = 5.0
MOST_SHOWN = 20
"""Most resources without a pool that are shown for an entry."""

log = structlog.get_logger("stoker.select")


class Changes(Protocol):
    """What lets changes take effect: `controller.daemon.reload.Reloader`."""

    policy: Policy

    async def change(self, change: Callable[[Policy], Policy], trigger: str) -> Reload:
        """Use what `change` makes of the policy in use. Raise `PolicyRefused`."""


class SelectedPools:
    """Known resources of the entries, and the pools that follow from them."""

    def __init__(self, surveys: Surveys, clock: Clock) -> None:
        self._surveys, self._clock = surveys, clock
        self._inventory = Inventory()
        self._present: Callable[[], frozenset[str]] = frozenset
        self._last: Expansion | None = None
        self._listed_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._entries: tuple[Select, ...] = ()
        self._reported: tuple[str, ...] = ()

    async def load(self, store: AsyncStore) -> None:
        """Read what was known at the last stop. Raise `StoreError`."""
        self._inventory, names = await kept(store)
        self._present = lambda: names

    def expand(self, policy: Policy) -> Policy:
        """Return the policy with the pools of the known resources. Sorts and checks every pool: call it in a thread."""
        if not policy.select:
            self._last = None
            return policy
        self._last = expanded(policy, self._inventory, self._present())
        return self._last.policy

    async def list_places(self, entries: tuple[Select, ...], *, only_failed: bool = False) -> None:
        """List the places of the entries, or those whose last listing failed."""
        only = self._inventory.errors.keys() if only_failed else None
        outcomes = await listed(entries, self._surveys, only)
        known = self._inventory if only_failed else self._inventory.within({each.key for one in entries for each in one.listings})
        self._inventory, self._tried_at = known.after(outcomes), self._clock.now()
        if not only_failed:
            self._listed_at, self._entries = self._tried_at, entries

    async def watch(self, reloader: Changes, store: AsyncStore, notifier: Notifier, shown: PolicyInForce) -> None:
        """List at once, and whenever a listing is due, and let the change take effect, until cancelled."""
        self._present = lambda: frozenset(reloader.policy.selected)
        while True:
            entries = reloader.policy.select
            if entries and (all_due := self._due(entries)) is not None:
                await self.list_places(entries, only_failed=not all_due)
                with suppress(PolicyRefused):  # logged and shown by the reloader
                    await reloader.change(self.expand, "select")
                await self.save(reloader.policy, store)
            self._report(notifier, shown)
            await self._clock.sleep(WATCH_SECONDS)

    def _due(self, entries: tuple[Select, ...]) -> bool | None:
        """Return whether all places are due; False if only those whose listing failed are, None if none is."""
        now = self._clock.now()
        if self._listed_at is None or entries != self._entries or now - self._listed_at >= LIST_EVERY:
            return True
        return False if self._inventory.errors and self._tried_at is not None and now - self._tried_at >= RETRY_EVERY else None

    async def save(self, policy: Policy, store: AsyncStore) -> None:
        """Store what is known, with the pools of the policy in use."""
        try:
            await keep(store, self._inventory, policy, self._clock.now())
        except StoreError as error:
            log.error("store-failed", error=str(error))  # noqa: TRY400  (the message names the cause)

    @property
    def errors(self) -> list[str]:
        """Return why places could not be listed, without secrets."""
        return [redact_text(error) for error in dict.fromkeys(self._inventory.errors.values())]

    def _report(self, notifier: Notifier, shown: PolicyInForce) -> None:
        """Show the entries in `/status`; log and send failures of listings and resources without a pool when they change."""
        shown.select = self.body()
        failed = tuple(f"a place of select cannot be listed, its pools stay as they are: {error}" for error in self.errors)
        left_out = () if self._last is None else tuple(
            f"select[{each.entry}]: no pool for {each.resource}: {each.why}" for each in self._last.left_out)
        texts = (*failed, *left_out)
        for code, some in (("select-failed", failed), ("select-left-out", left_out)):
            if new := [text for text in some if text not in self._reported]:
                log.warning(code, count=len(new), text=new[:MOST_SHOWN])
                more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
                notifier.notify(code, f"{new[0]}{more}")
        self._reported = texts

    def body(self) -> Mapping[str, Any] | None:
        """Return the entries as JSON values, for `/status`; None without entries."""
        if self._last is None:
            return None
        entries = []
        for index, entry in enumerate(self._last.policy.select):
            mine = [each for each in self._last.selected if each.entry == index]
            left = [each for each in self._last.left_out if each.entry == index]
            entries.append({"pools": len(mine), "most": entry.keys.most, "left_out": len(left),
                            "max_usd_per_month": round(sum(each.usd_per_month for each in mine), 2),
                            "most_usd_per_month": entry.keys.most_usd_per_month, "bounded": any(each.bound for each in left),
                            "without_pool": [f"{each.resource}: {each.why}" for each in left[:MOST_SHOWN]]})
        listed_at = None if self._listed_at is None else self._listed_at.isoformat()
        return {"listed_at": listed_at, "entries": entries, "errors": self.errors}
