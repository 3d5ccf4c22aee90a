"""The lever `lambda-provisioned-concurrency`: sets the provisioned concurrency of one Lambda alias.

A read makes one call (GetProvisionedConcurrencyConfig), a write two (GetAlias, then Put or Delete). The alias is read again every
15 min, and at every read while it shifts traffic; the function once an hour by `traits`, and at every read while it is being
deployed; scalable targets and account settings are read once for all pools of the region.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from adapters.aws.autoscaling.scheduled_fallback import ScheduledFallback
from adapters.aws.errors import AccountFull, FunctionFull, NotSet
from adapters.aws.lambda_.alias_monitor import AliasMonitor
from adapters.aws.lambda_.concurrency_limits import of_account, of_function
from adapters.aws.lambda_.functions import Provisioned, most_allowed, objection
from adapters.aws.provider import Aws
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.errors import AdapterError, Conflict, Limit, QuotaExceeded
from adapters.ports.lever import Capacity, Phase, ScheduledChange, Traits
from config.model.policy import PoolPolicy

ALIAS_FRESH = timedelta(minutes=15)
BILLING_STEP = timedelta(minutes=5)
"""Provisioned concurrency is billed from enabling to disabling, rounded up to 5 min (Lambda pricing page)."""

TYPICAL_LEAD_TIME = timedelta(minutes=2)
LEAST_FLOOR = 10
"""Smallest known number of units that AWS keeps unreserved; 100 in most accounts. Assumed until a refusal contains the number."""


class ProvisionedConcurrency:
    """Lever that sets `ProvisionedConcurrentExecutions` of an alias; 0 deletes the setting, because AWS's minimum is 1."""

    kind = "lambda-provisioned-concurrency"

    def __init__(self, pool: PoolPolicy, provider: Aws) -> None:
        if not isinstance(pool.lever, LambdaProvisionedConcurrencySettings):
            raise TypeError(f"pool {pool.name} has settings of another lever: {pool.lever.kind}")
        settings = pool.lever
        self._plane, self._clock = provider.sessions.plane(settings.region), provider.sessions.clock
        self._monitor = AliasMonitor(self._plane, self._clock, settings.function, settings.alias, ALIAS_FRESH)
        self.resource, self._qualified = self._monitor.resource, self._monitor.qualified
        self._seen = Provisioned()
        self._shared = None if pool.top is None else provider.pinged.of(pool)
        self._switch = ScheduledFallback(self._plane, self._clock, self._monitor.key, self.resource)

    async def arm(self, changes: Sequence[ScheduledChange]) -> None:
        """Schedule capacity changes. See `adapters.ports.lever.SchedulesFallback`."""
        await self._switch.arm(changes)

    def forget(self) -> None:
        """Discard the known schedule. See `adapters.ports.lever.SchedulesFallback`."""
        self._switch.forget()

    async def disarm(self) -> None:
        """Cancel scheduled changes. See `adapters.ports.lever.SchedulesFallback`."""
        await self._switch.disarm()

    async def read(self) -> Capacity:
        """Read the capacity, usually with one call. `blocked`: AWS would refuse a change now, or another autoscaler of the alias
        cannot be excluded.
        """
        alias, facts = await self._monitor.alias(), await self._monitor.function_facts()
        try:
            seen = await self._plane.read("get_provisioned_concurrency_config", self.resource, self._qualified, Provisioned.of)
        except NotSet:
            seen = Provisioned()
        owner, unknown = await self._monitor.owner(alias)
        return self._capacity(seen, owner, objection(self.resource, alias, facts, seen) or self._busy(seen) or unknown)

    async def traits(self) -> Traits:
        """Return memory, processor, and the maximum units by the function's reserved concurrency or the account."""
        facts = await self._monitor.read_function()
        allowed, limit = await self._of_account() if facts.reserved is None else self._of_function(facts.reserved)
        return Traits(facts.memory_mb, facts.architecture, allowed=allowed, limit=limit, billing_step=BILLING_STEP,
                      typical_lead_time=TYPICAL_LEAD_TIME)

    async def write(self, target: int) -> Capacity:
        """Set the target, or delete the setting for 0, unless the state of the alias forbids it. See `Lever.write`."""
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        facts, alias = await self._monitor.function_facts(), await self._monitor.read_alias(urgent=True)
        blocked = objection(self.resource, alias, facts, self._seen)
        if blocked is not None:
            raise blocked
        try:
            return self._capacity(await (self._put(target) if target else self._delete()), None, None)
        except QuotaExceeded as error:
            raise await self._with_allowed(error, target) from None
        except Conflict:
            self._plane.busy_refused |= self._seen.phase is Phase.IN_PROGRESS
            raise

    async def _put(self, target: int) -> Provisioned:
        parameters = {**self._qualified, "ProvisionedConcurrentExecutions": target}
        digest = partial(Provisioned.of, before=self._seen)
        return await self._plane.call_urgently("put_provisioned_concurrency_config", self.resource, parameters, digest)

    async def _delete(self) -> Provisioned:
        with suppress(NotSet):
            await self._plane.call_urgently("delete_provisioned_concurrency_config", self.resource, self._qualified,
                                            lambda _: None)
        return Provisioned()

    async def _with_allowed(self, error: QuotaExceeded, target: int) -> QuotaExceeded:
        """Return the refusal with the maximum that AWS would have accepted and the limit, when they are known."""
        try:
            found = await self._refused_by(error, target)
        except AdapterError:
            return error
        if found is None:
            return error
        allowed, limit = found
        return QuotaExceeded(f"{self.resource}: AWS refused {target} units: {limit.sentence(allowed)}", allowed, limit)

    async def _refused_by(self, error: QuotaExceeded, target: int) -> tuple[int, Limit] | None:
        """Return the maximum units by the limit that a refusal names, and that limit; reads the function or the account again."""
        if isinstance(error, FunctionFull):
            reserved = (await self._monitor.read_function()).reserved
            if reserved is None:
                return None
            allowed, limit = self._of_function(reserved)
            return min(allowed, target - 1), limit
        if not isinstance(error, AccountFull):
            return None
        self._plane.floor = error.floor
        self._plane.account.expire()
        account = await self._plane.account.get()
        if account.unreserved is None:
            return None
        others = self._plane.requested_by_others(self._monitor.key)
        allowed = most_allowed(target, self._seen.requested, account.unreserved, error.floor, others)
        return allowed, of_account(self._plane.region, account, error.floor, self._seen.requested)

    def _of_function(self, reserved: int) -> tuple[int, Limit]:
        return of_function(self._monitor.function, reserved, self._plane.requested_by_siblings(self._monitor.key))

    async def _of_account(self) -> tuple[int | None, Limit | None]:
        """Return an upper bound by the account, and the limit. AWS does not document whether provisioned concurrency counts as
        unreserved; see `most_allowed`.
        """
        account, floor = await self._plane.account.get(), LEAST_FLOOR if self._plane.floor is None else self._plane.floor
        if account.unreserved is None:
            return None, None
        requested = self._seen.requested
        return max(0, account.unreserved - floor + requested), of_account(self._plane.region, account, floor, requested)

    def _capacity(self, seen: Provisioned, owner: str | None, blocked: AdapterError | None) -> Capacity:
        self._seen = seen
        self._plane.record_requested(self._monitor.key, seen.requested, self._monitor.reserves)
        capacity = Capacity(seen.requested, seen.available, seen.phase, self._clock.now(), changed_at=seen.changed_at,
                            foreign_owner=owner, blocked=blocked, detail=seen.detail, deletes_at_zero=True)
        return capacity if self._shared is None else self._shared.note_below(capacity)

    def _busy(self, seen: Provisioned) -> AdapterError | None:
        """Return an error while an allocation is in progress, if AWS has refused a change during one before; else None."""
        if seen.phase is Phase.IN_PROGRESS and self._plane.busy_refused:
            return Conflict(f"{self.resource}: an earlier change is in progress ({seen.detail}): AWS accepts the next one after "
                            "it")
        return None
