"""Prewarming in a running daemon: how often each pool is asked for it, what was granted, and the step that is taken at once."""

from collections.abc import Callable
from typing import Any

import structlog

from adapters.ports.errors import Throttled
from adapters.runtime.clock import Clock
from adapters.runtime.rate_limit import TokenBucket
from config.model.policy import Assume
from controller.decision.planning.overrides import entry
from controller.decision.planning.prewarm_grant import PoolCapacity, PrewarmGrant, PrewarmRequest, grant, override_of
from controller.fleet.fleet import Fleet
from controller.overrides.active_overrides import ActiveOverrides

log = structlog.get_logger("stoker.prewarming")


class NotAllowed(Exception):
    """The policy lets nobody prewarm this pool; one line with the remedy."""


class TooOften(Exception):
    """A pool is asked for more often than its policy allows. `seconds`: until the next call is taken."""

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class Prewarming:
    """One for all pools. `told`: called when a step that was taken for a call has ended."""

    def __init__(self, fleet: Fleet, steering: ActiveOverrides, clock: Clock, assume: Assume, told: Callable[[], None]) -> None:
        self._fleet, self._steering, self._clock, self._assume, self._told = fleet, steering, clock, assume, told
        self._buckets: dict[str, TokenBucket] = {}

    async def ask(self, name: str, wish: PrewarmRequest) -> dict[str, Any]:
        """Grant what may be granted, keep it, and act soon. `NotAllowed`, `TooOften`; `StoreError` when it could not be kept."""
        await self._admit(name)
        reconciler, now = self._fleet.reconcilers[name], self._clock.now()
        capacity = reconciler.capacity
        standing = PoolCapacity(capacity.requested if capacity is not None else reconciler.state.written or 0,
                                reconciler.state.spent_usd, reconciler.usd_per_unit_minute, reconciler.traits.billing_step)
        granted = grant(reconciler.policy, standing, wish, now)
        order, soon = None, False
        if granted.units:
            order = await self._steering.put(name, override_of(wish, granted, now))
            soon = self._fleet.nudges.ask(name, self._told)
        log.info("prewarm", pool=name, asked=wish.units, granted=granted.units, limited_by=granted.limited_by, by=wish.by)
        return {"pool": name, "asked": wish.units, "granted": granted.units, "limited_by": list(granted.limited_by),
                "until": granted.until.isoformat() if granted.units else None, "ready_at": self._ready_at(name, granted),
                "cost_usd": granted.cost_usd, "mode": reconciler.policy.mode,
                "capacity": None if capacity is None else {"requested": capacity.requested, "ready": capacity.ready,
                                                           "observed_at": capacity.observed_at.isoformat()},
                "takes_effect": self._when(name, granted, soon), "set": None if order is None else entry(order),
                "overrides": [entry(each) for each in self._steering.of(name, now)]}

    async def _admit(self, name: str) -> None:
        """Count a call; calls that are refused count too, else a loop that asks for too much would cost nothing."""
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
            raise TooOften(f"{name} is prewarmed at most {bounds.per_hour} times an hour (prewarm.per_hour): "
                           f"ask again in {seconds:.0f} s", seconds) from None

    def _ready_at(self, name: str, granted: PrewarmGrant) -> str | None:
        """When what was granted is expected to be ready: now where so much is."""
        reconciler, now = self._fleet.reconcilers[name], self._clock.now()
        if not granted.units:
            return None
        ready = 0 if reconciler.capacity is None else reconciler.capacity.ready
        lead = reconciler.lead_time or self._assume.lead_time
        return (now if ready >= granted.units else now + lead).isoformat()

    def _when(self, name: str, granted: PrewarmGrant, soon: bool) -> str:
        if not granted.units:
            return f"never: nothing is granted, because of {' and '.join(granted.limited_by)}"
        if self._fleet.reconcilers[name].policy.mode == "shadow":
            return "on paper: the pool is in shadow, nothing will be written"
        return "now" if soon else "with the next tick"
