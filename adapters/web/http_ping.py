"""The lever `http-ping`: units behind a URL that are kept alive by pings.

A request to the URL would start a unit, so `read` and `traits` send none: they return what rounds have proved. Only `write`,
and `resume` after a restart, lead to a ping.
"""

from datetime import timedelta

from adapters.pinging.keep_alive_loop import KeepAliveLoop
from adapters.pinging.ping_interval import IdleTimeoutEstimator
from adapters.ports.errors import AdapterError, Refused, Unsupported
from adapters.ports.lever import Capacity, Phase, PingRounds, Traits
from adapters.web.pings import HttpPinger
from adapters.web.provider import Web
from adapters.web.settings import HttpPingSettings
from config.model.policy import PoolPolicy


class HttpPing:
    """Lever that holds the requested number of a URL's units warm by overlapping pings. See `Lever`."""

    kind = "http-ping"

    def __init__(self, pool: PoolPolicy, provider: Web) -> None:
        if not isinstance(pool.lever, HttpPingSettings):
            raise TypeError(f"pool {pool.name} has settings of another lever: {pool.lever.kind}")
        self._settings, self._clock = pool.lever, provider.clock
        self.resource = pool.lever.url
        self._pinger, shared = HttpPinger(pool.lever, provider.client), provider.pinged.of(pool)
        life = IdleTimeoutEstimator(pool.lever.pause, pool.lever.longest_pause)
        rng = provider.rng.spawn(1)[0]
        self.keeper = provider.keep(KeepAliveLoop(self._pinger, self._clock, rng, life, shared))
        self._understood = False

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

    async def read(self) -> Capacity:
        """Return the capacity without a call. `ready`: units that are proved warm."""
        self.keeper.start()
        error = self.keeper.error
        return self._capacity(self._objection() or (error if isinstance(error, Refused) else None))

    async def traits(self) -> Traits:
        """Return start time and idle life as pings measured them, without a call."""
        return Traits(init_seconds=self.keeper.rounds.init_seconds, typical_lead_time=timedelta(minutes=1),
                      keep_alive=self.keeper.idle_timeout.seen, pinged_life=self.keeper.idle_timeout.life.span)

    async def write(self, target: int) -> Capacity:
        """Set the target. A raise sends a test ping, unless one succeeded before, and starts a round; else no call."""
        if target < 0:
            raise ValueError(f"a target cannot be negative, got {target}")
        if target > self.keeper.target:
            blocked = self._objection()
            if blocked is not None:
                raise blocked
            if not self._understood:
                await self.keeper.rounds.canary()
                self._understood = True
        self.keeper.want(target)
        return self._capacity(None)

    def _objection(self) -> AdapterError | None:
        if self._settings.opted_in:
            return None
        return Unsupported(f"{self.resource} has not opted in to pings: make it answer them (see docs/ping-handler.md), then "
                           "set opted_in: true")

    def _capacity(self, blocked: AdapterError | None) -> Capacity:
        now, keeper = self._clock.now(), self.keeper
        ready = keeper.ready(now)
        phase = Phase.READY if ready >= keeper.target else Phase.IN_PROGRESS
        return Capacity(keeper.target, ready, phase, now, blocked=blocked, detail=keeper.detail)
