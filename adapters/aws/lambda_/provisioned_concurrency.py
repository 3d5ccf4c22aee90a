"""The lever `lambda-provisioned-concurrency`: the provisioned concurrency of one Lambda alias, and nothing else of it.

How many calls it makes: a reading is one (GetProvisionedConcurrencyConfig), a write two (GetAlias, then Put or Delete). The alias
is looked at again every quarter of an hour, and at every reading while it shifts traffic; the function once an hour by `traits`,
and at every reading while it is being deployed; scalable targets and account settings once for all pools of the region.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from adapters.aws.autoscaling.scheduled_fallback import ScheduledFallback
from adapters.aws.errors import AccountFull, FunctionFull, NotSet
from adapters.aws.lambda_.alias_monitor import AliasWatch
from adapters.aws.lambda_.concurrency_limits import of_account, of_function
from adapters.aws.lambda_.functions import Provisioned, most_allowed, objection
from adapters.aws.provider import Aws
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.ports.errors import AdapterError, Conflict, Limit, QuotaExceeded
from adapters.ports.lever import Capacity, Phase, ScheduledChange, Traits
from config.model.policy import PoolPolicy

ALIAS_FRESH = timedelta(minutes=15)
BILLING_STEP = timedelta(minutes=5)
"""Provisioned concurrency is billed from enabling to disabling, rounded up to five minutes (Lambda pricing page)."""

TYPICAL_LEAD_TIME = timedelta(minutes=2)
LEAST_FLOOR = 10
"""The least that AWS is known to keep unreserved; 100 in most accounts. Assumed until a refusal says what it is here."""


class ProvisionedConcurrency:
    """Sets `ProvisionedConcurrentExecutions` of an alias; zero deletes the setting, since AWS's least is 1."""

    kind = "lambda-provisioned-concurrency"

    def __init__(self, pool: PoolPolicy, provider: Aws) -> None:
        if not isinstance(pool.lever, LambdaProvisionedConcurrencySettings):
            raise TypeError(f"pool {pool.name} has settings of another lever: {pool.lever.kind}")
        settings = pool.lever
        self._plane, self._clock = provider.sessions.plane(settings.region), provider.sessions.clock
        self._watch = AliasWatch(self._plane, self._clock, settings.region, settings.function, settings.alias, ALIAS_FRESH)
        self.resource, self._qualified = self._watch.resource, self._watch.qualified
        self._seen = Provisioned()
        self._switch = ScheduledFallback(self._plane, self._clock, self._watch.key, self.resource)

    async def arm(self, orders: Sequence[ScheduledChange]) -> None:
        """See `adapters.ports.lever.SchedulesFallback`."""
        await self._switch.arm(orders)

    def forget(self) -> None:
        """See `adapters.ports.lever.SchedulesFallback`."""
        self._switch.forget()

    async def disarm(self) -> None:
        """See `adapters.ports.lever.SchedulesFallback`."""
        await self._switch.disarm()

    async def read(self) -> Capacity:
        """One call mostly. `blocked` when AWS would refuse a change now, or when it cannot be known who else scales the alias."""
        alias, facts = await self._watch.alias(), await self._watch.facts()
        try:
            seen = await self._plane.ask("get_provisioned_concurrency_config", self.resource, self._qualified, Provisioned.of)
        except NotSet:
            seen = Provisioned()
        owner, unknown = await self._watch.owner(alias)
        return self._capacity(seen, owner, objection(self.resource, alias, facts, seen) or self._busy(seen) or unknown)

    async def traits(self) -> Traits:
        """Memory and processor of the function, and how many units its reserved concurrency or the account would allow."""
        facts = await self._watch.known()
        allowed, limit = await self._of_account() if facts.reserved is None else self._of_function(facts.reserved)
        return Traits(facts.memory_mb, facts.architecture, allowed=allowed, limit=limit, billing_step=BILLING_STEP,
                      typical_lead_time=TYPICAL_LEAD_TIME)

    async def write(self, target: int) -> Capacity:
        """Put, or Delete for zero, once the alias has been found fit for it. See the protocol for what it raises."""
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        facts, alias = await self._watch.facts(), await self._watch.look(urgent=True)
        against = objection(self.resource, alias, facts, self._seen)
        if against is not None:
            raise against
        try:
            return self._capacity(await (self._put(target) if target else self._delete()), None, None)
        except QuotaExceeded as error:
            raise await self._measured(error, target) from None
        except Conflict:
            self._plane.busy_refused |= self._seen.phase is Phase.IN_PROGRESS
            raise

    async def _put(self, target: int) -> Provisioned:
        parameters = {**self._qualified, "ProvisionedConcurrentExecutions": target}
        answered = partial(Provisioned.of, before=self._seen)
        return await self._plane.tell("put_provisioned_concurrency_config", self.resource, parameters, answered)

    async def _delete(self) -> Provisioned:
        with suppress(NotSet):
            await self._plane.tell("delete_provisioned_concurrency_config", self.resource, self._qualified, lambda _: None)
        return Provisioned()

    async def _measured(self, error: QuotaExceeded, target: int) -> QuotaExceeded:
        """The refusal with how much would have been accepted, and by which limit, as far as that can be worked out."""
        try:
            found = await self._refused_by(error, target)
        except AdapterError:
            return error
        if found is None:
            return error
        allowed, limit = found
        return QuotaExceeded(f"{self.resource}: AWS refused {target} units: {limit.sentence(allowed)}", allowed, limit)

    async def _refused_by(self, error: QuotaExceeded, target: int) -> tuple[int, Limit] | None:
        """What the limit that a refusal names would have accepted; the function and the account are asked anew."""
        if isinstance(error, FunctionFull):
            reserved = (await self._watch.known()).reserved
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
        allowed = most_allowed(target, self._seen.requested, account.unreserved, error.floor, self._plane.others(self._watch.key))
        return allowed, of_account(self._plane.region, account, error.floor, self._seen.requested)

    def _of_function(self, reserved: int) -> tuple[int, Limit]:
        return of_function(self._watch.function, reserved, self._plane.siblings(self._watch.key))

    async def _of_account(self) -> tuple[int | None, Limit | None]:
        """An upper bound: whether AWS counts provisioned concurrency as unreserved is not documented; see `most_allowed`."""
        account, floor = await self._plane.account.get(), LEAST_FLOOR if self._plane.floor is None else self._plane.floor
        if account.unreserved is None:
            return None, None
        requested = self._seen.requested
        return max(0, account.unreserved - floor + requested), of_account(self._plane.region, account, floor, requested)

    def _capacity(self, seen: Provisioned, owner: str | None, blocked: AdapterError | None) -> Capacity:
        self._seen = seen
        self._plane.note(self._watch.key, seen.requested, self._watch.reserves)
        return Capacity(seen.requested, seen.available, seen.phase, self._clock.now(), changed_at=seen.changed_at,
                        foreign_owner=owner, blocked=blocked, detail=seen.detail,
                        deletes_at_zero=True)

    def _busy(self, seen: Provisioned) -> AdapterError | None:
        """Once AWS has been seen to refuse a change during an allocation, it is not asked for another until that is over."""
        if seen.phase is Phase.IN_PROGRESS and self._plane.busy_refused:
            return Conflict(f"{self.resource}: an earlier change is still being carried out ({seen.detail}): AWS takes the next "
                            "one after it")
        return None
