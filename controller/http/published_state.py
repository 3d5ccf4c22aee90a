"""State that the handlers read: settings of the daemon, its components once it has started, and the bodies of the last tick."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from adapters.runtime.call_counter import Call
from adapters.runtime.clock import Clock
from config.model.layers import top_policy, with_layers
from config.model.policy import Policy
from controller.decision.costs.kinds import KINDS, Kind
from controller.fleet.policy.in_force import Reload
from controller.http.auth import BearerAuth
from controller.http.capacity_trace import CapacityTrace
from controller.http.components import Components
from controller.http.compressed_body import RecentBodies
from controller.http.long_poll import LongPoll
from controller.http.readiness import unready_reasons
from controller.http.responses import Missing, Starting
from controller.http.tick_bodies import render, starting_bodies
from controller.leadership.leader_election import LeaderElection
from controller.metrics.daemon_collector import DaemonFacts
from controller.metrics.exposition import Exposition
from controller.metrics.pool_exposition import pool_lines
from controller.metrics.tick_counters import Ticks
from controller.redaction.redactor import ByName
from controller.store.async_store import AsyncStore
from forecasting.demand import minute_of


class PublishedState:
    """Written by the daemon, read by the handlers, on one event loop.

    `calls`: number of calls to providers by API, operation and outcome.
    """

    def __init__(self, policy: Policy, clock: Clock, store: AsyncStore, tick_every: timedelta,
                 calls: Callable[[], Mapping[Call, int]], auth: BearerAuth) -> None:
        self.clock, self.store, self.auth, self.tick_every = clock, store, auth, tick_every
        self.started_at = clock.now()
        self.ticks = Ticks()
        self.trails: Mapping[Kind, CapacityTrace] = {kind: CapacityTrace(()) for kind in KINDS}
        """Capacity of each minute: the provider's of pools and upper layers, and the simulated one of those in shadow mode."""
        self.follow(policy)
        self.long_poll = LongPoll(clock)
        self.recent_bodies = RecentBodies()
        self.exposition = Exposition(self._facts)
        self.bodies = starting_bodies()
        self.revision = 0
        """Number of ticks published since the start."""
        self.components: Components | None = None
        """None while history is being loaded; set once."""
        self.reload: Callable[[str], Awaitable[Reload]] | None = None
        """Reads the policy file again; raises `PolicyRefused`. None while the daemon starts."""
        self.release: Callable[[str, bool], Awaitable[Mapping[str, Any]]] | None = None
        """Releases an orphan, or only plans that if the second argument is False. None while the daemon starts."""
        self.exports = 0
        """Number of OpenTelemetry exports that are being read."""
        self._calls = calls

    def follow(self, policy: Policy) -> None:
        """Serve the pools of this policy from now on."""
        self.policy_names = frozenset(pool.name for pool in policy.pools)
        self.tops: Mapping[str, str] = {pool.name: top.name for pool in policy.pools if (top := top_policy(pool)) is not None}
        """Names under which the upper layers of pools are recorded, by pool."""
        self.recorded_names = self.policy_names | set(self.tops.values())
        layers = list(with_layers(policy.pools))
        self.trails["actual"].add(each.name for each in layers)
        self.trails["simulated"].add(each.name for each in layers if each.mode == "shadow")

    def started(self) -> Components:
        """Return the components. Raise `Starting` (503) while history is being loaded."""
        if self.components is None:
            raise Starting
        return self.components

    def pool_of(self, request: web.Request) -> tuple[str, Components]:
        """Return the pool in the path, and the components. Raise 404 if the policy has no such pool, 503 as `started` does."""
        return self.name_of(request), self.started()

    def name_of(self, request: web.Request, recorded: bool = False) -> str:
        """Return the name of the pool in the path. Raise 404 if the policy has no such pool. With `recorded` also that of
        an upper layer, under which its decisions are recorded.
        """
        name = request.match_info["name"]
        if name not in (self.recorded_names if recorded else self.policy_names):
            raise Missing(f"the policy has no pool called {name[:80]!a}")
        return name

    @property
    def leadership(self) -> LeaderElection | None:
        """Leader election; None without a lease, and while the daemon starts."""
        return None if self.components is None else self.components.leadership

    async def publish(self, components: Components) -> None:
        """Render the bodies from the current state of the fleet. Yields to the event loop at intervals."""
        minute = minute_of(self.clock.now())
        self.bodies = await render(components, self.clock, self.tick_every,
                                   f"{self.started_at.timestamp():.6f}-{self.revision + 1}")
        self.revision += 1
        for kind, trail in self.trails.items():
            trail.note(minute, self.bodies.units[kind])
        self.long_poll.notify()
        self.exposition.renew(lambda: pool_lines(components.fleet, components.accounts, components.forecasts.rotation.accuracy,
                                                 self.clock))

    def unready(self) -> list[str]:
        """Return the reasons why the daemon is not ready; empty if it is ready."""
        if self.components is None:
            return ["starting: history is being loaded"]
        return unready_reasons(self.components.fleet, self.components.leadership, self.bodies.stale, self.tick_every,
                               self.clock.now())

    def ages(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the age of the data of each pool at the last tick."""
        return ByName(self.bodies.ages)

    def _facts(self) -> DaemonFacts:
        started = self.components
        return DaemonFacts(self.ticks, self.tick_every, self._calls(), self.unready(),
                           decisions={} if started is None else started.decision_log.counts,
                           sinks=() if started is None else started.notifier.deliveries,
                           fleet=None if started is None else started.fleet, leadership=self.leadership,
                           policy=None if started is None else started.policy)
