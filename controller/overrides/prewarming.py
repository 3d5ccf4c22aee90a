"""Prewarming in a running daemon: rate limit per pool, grant, and an immediate step."""

from collections.abc import Callable, Collection
from typing import Any

import structlog

from adapters.ports.errors import Throttled
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket
from config.model.policy import Assume
from controller.decision.planning.prewarm_grant import PoolCapacity, PrewarmGrant, PrewarmRequest, grant, override_of
from controller.fleet.fleet import Fleet
from controller.fleet.readings import readings_body
from controller.overrides.active_overrides import ActiveOverrides
from controller.overrides.effects import entries_in_force, entry_of, taking_effect

log = structlog.get_logger("stoker.prewarming")


class NotAllowed(Exception):
    """The policy does not allow prewarming of this pool. The message is one line with the remedy."""


class TooOften(Exception):
    """More prewarm requests for a pool than its policy allows. `seconds`: until the next request is allowed."""

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class Prewarming:
    """Prewarm requests of all pools. `on_step`: called after an immediate step that a request caused."""

    def __init__(self, fleet: Fleet, overrides: ActiveOverrides, clock: Clock, assume: Assume,
                 on_step: Callable[[], None]) -> None:
        self._fleet, self._overrides, self._clock, self._assume, self._on_step = fleet, overrides, clock, assume, on_step
        self._buckets: dict[str, TokenBucket] = {}

    def follow(self, changed: Collection[str]) -> None:
        """Count the requests for these pools from now on by the limit that their policy has now."""
        for name in changed:
            self._buckets.pop(name, None)

    async def request(self, name: str, request: PrewarmRequest) -> dict[str, Any]:
        """Grant a request as far as allowed, store it, and start a step. `NotAllowed`, `TooOften`, `StoreError`."""
        await self._admit(name)
        reconciler, now = self._fleet.reconcilers[name], self._clock.now()
        capacity = reconciler.capacity
        current = PoolCapacity(capacity.requested if capacity is not None else reconciler.state.written or 0,
                               reconciler.state.spent_usd, reconciler.usd_per_unit_minute, reconciler.traits.billing_step)
        granted = grant(reconciler.policy, current, request, now)
        override, soon = None, False
        if granted.units:
            override = await self._overrides.add(name, override_of(request, granted, now))
            soon = self._fleet.immediate_steps.request(name, self._on_step)
        in_force = entries_in_force(self._fleet, name, now)
        log.info("prewarm", pool=name, mode=reconciler.policy.mode, asked=request.units,
                 granted=granted.units, limited_by=granted.limited_by, by=request.by)
        return {"pool": name, "asked": request.units, "granted": granted.units, "limited_by": list(granted.limited_by),
                "until": granted.until.isoformat() if granted.units else None, "ready_at": self._ready_at(name, granted),
                "bill_usd": granted.bill_usd, "mode": reconciler.policy.mode, "capacity": readings_body(reconciler),
                "takes_effect": self._when(granted, soon),
                "set": None if override is None else entry_of(override, in_force), "overrides": in_force}

    async def _admit(self, name: str) -> None:
        """Count a request against the rate limit. Refused requests count too, so that the limit also bounds failing clients."""
        bounds = self._fleet.reconcilers[name].policy.prewarm
        if bounds is None:
            raise NotAllowed(f"the policy does not allow prewarming {name}: set, for example, prewarm: {{max_units: 10}}")
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(self._clock, bounds.per_hour / 3600, bounds.per_hour, "prewarm calls")
        try:
            await bucket.take(patience=0.0)
        except Throttled:
            seconds = bucket.wait()
            raise TooOften(f"{name} allows at most {bounds.per_hour} prewarm requests per hour (prewarm.per_hour): "
                           f"retry in {seconds:.0f} s", seconds) from None

    def _ready_at(self, name: str, granted: PrewarmGrant) -> str | None:
        """Return when the granted units are expected to be ready: now, if as many are ready already."""
        reconciler, now = self._fleet.reconcilers[name], self._clock.now()
        if not granted.units:
            return None
        ready = 0 if reconciler.capacity is None else reconciler.capacity.ready
        lead = reconciler.lead_time or self._assume.lead_time
        return (now if ready >= granted.units else now + lead).isoformat()

    @staticmethod
    def _when(granted: PrewarmGrant, soon: bool) -> str:
        if not granted.units:
            return f"never: no units were granted ({' and '.join(granted.limited_by)})"
        return taking_effect(soon)
