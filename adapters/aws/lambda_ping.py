"""The lever `lambda-ping`: environments of one Lambda alias that are kept alive by pings, without provisioned concurrency.

The number of units is kept by no provider but by this process alone: `write` sets it and `resume` sets it again after a restart.
Only these two lead to a ping, so that a lever which is merely read, as in shadow, sends none.
"""

from datetime import timedelta

from adapters.aws.functions import Alias, Function
from adapters.aws.limits import of_account, of_function, of_pings
from adapters.aws.pings import SEE, LambdaPinger
from adapters.aws.provider import Aws
from adapters.aws.settings import LambdaPingSettings
from adapters.aws.watch import AliasWatch
from adapters.errors import AdapterError, Conflict, Limit, QuotaExceeded, Refused, Unreachable, Unsupported
from adapters.pinging.idle_life import IdleLife
from adapters.pinging.keeper import Keeper
from adapters.protocol import Capacity, Phase, Traits
from config.policy import PoolPolicy

ALIAS_FRESH = timedelta(minutes=2)
TYPICAL_LEAD_TIME = timedelta(minutes=1)

SHARE = 0.5
"""Of the concurrency that the function may use, a round takes at most this: the rest is for users who come meanwhile."""


class LambdaPing:
    """Holds as many environments of an alias warm as were asked for, by overlapping pings. See `Lever`."""

    kind = "lambda-ping"

    def __init__(self, pool: PoolPolicy, provider: Aws) -> None:
        if not isinstance(pool.lever, LambdaPingSettings):
            raise TypeError(f"pool {pool.name} has settings of another lever: {pool.lever.kind}")
        self._settings = settings = pool.lever
        self._plane, self._clock = provider.plane(settings.region), provider.clock
        self._watch = AliasWatch(self._plane, self._clock, settings.region, settings.function, settings.alias, ALIAS_FRESH)
        self.resource = self._watch.resource
        rng, shared = provider.rng.spawn(1)[0], provider.pinged(pool.name)
        self._pinger = LambdaPinger(settings, provider.pings(settings.region), rng, self.resource)
        life = IdleLife(settings.pause, settings.longest_pause)
        self.keeper = provider.keep(Keeper(self._pinger, self._clock, rng, life, shared.rhythm, shared.ledger))
        self._understood: str | None = None
        """The version that has answered a canary as it should."""

    def resume(self, target: int) -> None:
        """Go on with the number of an earlier process; the first reading begins with it. See `adapters.protocol.Resumes`."""
        self.keeper.target = target

    async def read(self) -> Capacity:
        """One call every two minutes at most. `ready`: environments that have been proved warm."""
        alias, facts = await self._watch.alias(), await self._watch.facts()
        owner, unknown = await self._owner(alias)
        self.keeper.start()
        return self._capacity(owner, self._objection(alias, facts) or self._refusal() or unknown)

    async def traits(self) -> Traits:
        """Memory and processor, what pings have measured of start and idle life, and how many environments a round may hold."""
        facts = await self._watch.known()
        allowed, limit = await self._allowed(facts)
        return Traits(facts.memory_mb, facts.architecture, self.keeper.init_seconds, allowed=allowed, limit=limit,
                      typical_lead_time=TYPICAL_LEAD_TIME, keep_alive=self.keeper.life.seen)

    async def write(self, target: int) -> Capacity:
        """More: the alias is looked at, one ping goes ahead of all others unless this version has answered one before, and a
        round begins. Fewer or none: no call at all. See the protocol for what it raises.
        """
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        if target > self.keeper.target:
            await self._prepare(target)
        self.keeper.want(target)
        return self._capacity(None, None)

    async def _prepare(self, target: int) -> None:
        """Raise unless `target` units may be pinged, and the handler knows pings."""
        facts, alias = await self._watch.facts(), await self._watch.look(urgent=True)
        against = self._objection(alias, facts)
        if against is not None:
            raise against
        allowed, limit = await self._allowed(facts)
        if target > allowed:
            raise QuotaExceeded(f"{self.resource}: {target} pings at once are too many: {limit.sentence(allowed)}", allowed,
                                limit)
        if self._understood != alias.version:
            self._understood = (await self.keeper.canary()).generation

    def _objection(self, alias: Alias, facts: Function) -> AdapterError | None:
        """Why nothing may be pinged, or why it would be unwise now."""
        if not self._settings.opted_in:
            return Unsupported(f"{self.resource} has not opted in to pings: have its handler answer them ({SEE}), then say "
                               "opted_in: true")
        if facts.managed_instances:
            return Unsupported(f"{self.resource} runs on Lambda Managed Instances, where pings keep nothing alive: use another "
                               "lever")
        if alias.weights:
            return Conflict(f"{self.resource} shifts traffic between versions: pings would warm any of them; held until the "
                            "deployment is over")
        if facts.state == "Failed":
            return Conflict(f"{self.resource} is in state Failed ({facts.state_reason}): deploy it anew")
        if facts.passing:
            return Conflict(f"{self.resource} is being deployed: held until that is over")
        return None

    def _refusal(self) -> AdapterError | None:
        """What the last round met that will not pass by itself."""
        return self.keeper.error if isinstance(self.keeper.error, Refused) else None

    async def _allowed(self, facts: Function) -> tuple[int, Limit]:
        """Environments that a round may hold at once."""
        if facts.reserved is not None:
            return of_pings(SHARE, facts.reserved, of_function(self._settings.function, facts.reserved, 0)[1])
        account = await self._plane.account.get()
        if account.unreserved is None:
            raise Unreachable(f"{self.resource}: AWS does not say how much concurrency the account has left, of which pings "
                              "may take half")
        return of_pings(SHARE, account.unreserved, of_account(self._settings.region, account, 0, 0))

    async def _owner(self, alias: Alias) -> tuple[str | None, AdapterError | None]:
        """Whose provisioned concurrency would take the pings: Stoker's own by another pool, or another autoscaler's; when that
        cannot be known, why not.
        """
        provisioned = self._plane.requested.get(self._watch.key)
        if provisioned:
            return f"provisioned concurrency ({provisioned} units, of another pool of Stoker's)", None
        return await self._watch.owner(alias)

    def _capacity(self, owner: str | None, blocked: AdapterError | None) -> Capacity:
        now, keeper = self._clock.now(), self.keeper
        ready = keeper.ready(now)
        phase = Phase.READY if ready >= keeper.target else Phase.IN_PROGRESS
        detail = keeper.shortfall if keeper.error is None else str(keeper.error)
        return Capacity(keeper.target, ready, phase, now, foreign_owner=owner, blocked=blocked, detail=detail)
