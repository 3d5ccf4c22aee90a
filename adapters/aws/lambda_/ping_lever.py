"""The lever `lambda-ping`: environments of one Lambda alias that are kept alive by pings, without provisioned concurrency.

Only this process stores the number of units: `write` sets it, and `resume` sets it again after a restart. Only these two lead to
a ping, so that a lever in shadow sends none.
"""

from collections.abc import Mapping
from datetime import timedelta

from adapters.aws.lambda_.alias_monitor import AliasMonitor
from adapters.aws.lambda_.concurrency_limits import of_account, of_function, of_pings
from adapters.aws.lambda_.functions import Alias, Function
from adapters.aws.lambda_.pings import SEE, LambdaPinger
from adapters.aws.provider import Aws
from adapters.aws.settings import LambdaPingSettings
from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.ports.errors import AdapterError, Conflict, Limit, QuotaExceeded, Refused, Unreachable, Unsupported
from adapters.ports.lever import Capacity, Phase, PingRounds, PingsSent, Traits
from config.model.layers import TopPolicy
from config.model.policy import PoolPolicy

ALIAS_FRESH = timedelta(minutes=2)
TYPICAL_LEAD_TIME = timedelta(minutes=1)

SHARE = 0.5
"""Maximum share of the function's concurrency that a round uses; the rest serves users."""


class LambdaPing:
    """Lever that holds the requested number of an alias's environments warm by overlapping pings. See `Lever`."""

    kind = "lambda-ping"

    def __init__(self, pool: PoolPolicy, provider: Aws) -> None:
        if not isinstance(pool.lever, LambdaPingSettings):
            raise TypeError(f"pool {pool.name} has settings of another lever: {pool.lever.kind}")
        self._settings = settings = pool.lever
        self._layered = isinstance(pool, TopPolicy)
        self._plane, self._clock = provider.sessions.plane(settings.region), provider.sessions.clock
        self._monitor = AliasMonitor(self._plane, self._clock, settings.function, settings.alias, ALIAS_FRESH)
        self.resource = self._monitor.resource
        rng, shared = provider.rng.spawn(1)[0], provider.pinged.of(pool)
        self._pinger = LambdaPinger(settings, provider.sessions.pings(settings.region), rng, self.resource)
        life = IdleTimeoutEstimator(settings.pause, settings.longest_pause)
        self.keeper = provider.keep(KeepAliveLoop(self._pinger, self._clock, rng, life, shared))
        self._understood: str | None = None
        """Version that answered a test ping correctly."""

    def resume(self, target: int) -> None:
        """Continue with the target of an earlier process from the first read on. See `adapters.ports.lever.ResumesTarget`."""
        self.keeper.target = target

    def resume_life(self, life: timedelta) -> None:
        """See `adapters.ports.lever.ResumesLife`."""
        self.keeper.idle_timeout.life.assume(life)

    async def stop(self) -> None:
        """See `adapters.ports.lever.KeepsUnits`."""
        await self.keeper.close()

    def rounds(self) -> PingRounds:
        """See `adapters.ports.lever.MeasuresRounds`."""
        return self.keeper.rounds.measured

    def pings_sent(self) -> tuple[int, Mapping[int, PingsSent]]:
        """See `adapters.ports.lever.CountsPings`."""
        return self.keeper.rounds.sent

    async def read(self) -> Capacity:
        """Return the capacity; at most one call every 2 min. `ready`: environments that are proved warm."""
        alias, facts = await self._monitor.alias(), await self._monitor.function_facts()
        owner, unknown = await self._owner(alias)
        self.keeper.start()
        return self._capacity(owner, self._objection(alias, facts) or self._refusal() or unknown)

    async def traits(self) -> Traits:
        """Return memory, processor, the measured start time and idle life, and the maximum of environments a round may hold."""
        facts = await self._monitor.read_function()
        allowed, limit = await self._allowed(facts)
        return Traits(facts.memory_mb, facts.architecture, self.keeper.rounds.init_seconds, allowed=allowed, limit=limit,
                      typical_lead_time=TYPICAL_LEAD_TIME, keep_alive=self.keeper.idle_timeout.seen,
                      pinged_life=self.keeper.idle_timeout.life.span)

    async def write(self, target: int) -> Capacity:
        """Set the target. A raise reads the alias, sends a test ping unless this version answered one before, and starts a
        round; otherwise no call is made. See the protocol for what it raises.
        """
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        if target > self.keeper.target:
            await self._prepare(target)
        self.keeper.want(target)
        return self._capacity(None, None)

    async def _prepare(self, target: int) -> None:
        """Raise unless `target` units may be pinged and the handler recognises pings."""
        facts, alias = await self._monitor.function_facts(), await self._monitor.read_alias(urgent=True)
        blocked = self._objection(alias, facts)
        if blocked is not None:
            raise blocked
        allowed, limit = await self._allowed(facts)
        if target > allowed:
            raise QuotaExceeded(f"{self.resource}: {target} concurrent pings are too many: {limit.sentence(allowed)}", allowed,
                                limit)
        if self._understood != alias.version:
            self._understood = (await self.keeper.rounds.canary()).generation

    def _objection(self, alias: Alias, facts: Function) -> AdapterError | None:
        """Return why pings are not allowed or not safe now; None when they are."""
        if not self._settings.opted_in:
            return Unsupported(f"{self.resource} has not opted in to pings: make its handler answer them ({SEE}), then "
                               "set opted_in: true")
        if facts.managed_instances:
            return Unsupported(f"{self.resource} runs on Lambda Managed Instances, where pings keep no environment warm: use "
                               "another lever")
        if alias.weights:
            return Conflict(f"{self.resource} shifts traffic between versions: pings would warm any of them; Stoker "
                            "holds until the deployment is complete")
        if facts.state == "Failed":
            return Conflict(f"{self.resource} is in state Failed ({facts.state_reason}): deploy it again")
        if facts.passing:
            return Conflict(f"{self.resource} is being deployed: Stoker holds until the deployment is complete")
        return None

    def _refusal(self) -> AdapterError | None:
        """Return the last round's error if it needs an action; else None."""
        return self.keeper.error if isinstance(self.keeper.error, Refused) else None

    async def _allowed(self, facts: Function) -> tuple[int, Limit]:
        """Return the maximum of environments that a round may hold at once, and its limit."""
        if facts.reserved is not None:
            below = self._plane.requested.get(self._monitor.key, 0)  # takes its units from the same reservation
            return of_pings(SHARE, max(0, facts.reserved - below), of_function(self._settings.function, facts.reserved, below)[1])
        account = await self._plane.account.get()
        if account.unreserved is None:
            raise Unreachable(f"{self.resource}: AWS does not report the account's remaining concurrency, of which "
                              "pings may use half")
        return of_pings(SHARE, account.unreserved, of_account(self._settings.region, account, 0, 0))

    async def _owner(self, alias: Alias) -> tuple[str | None, AdapterError | None]:
        """Return the owner of provisioned concurrency that would receive the pings, or the error when it is unknown. That of the
        pool's own lower layer is no foreign one: rounds allow for it.
        """
        provisioned = self._plane.requested.get(self._monitor.key)
        if provisioned and not self._layered:
            return f"provisioned concurrency ({provisioned} units, of another Stoker pool)", None
        return await self._monitor.owner(alias)

    def _capacity(self, owner: str | None, blocked: AdapterError | None) -> Capacity:
        now, keeper = self._clock.now(), self.keeper
        ready = keeper.ready(now)
        phase = Phase.READY if ready >= keeper.target else Phase.IN_PROGRESS
        return Capacity(keeper.target, ready, phase, now, foreign_owner=owner, blocked=blocked, detail=keeper.detail)
