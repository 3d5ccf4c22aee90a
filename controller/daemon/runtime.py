"""Construction of a started daemon: everything that exists once history is loaded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from aiohttp.web import HTTPConflict

from adapters.ports.errors import AdapterError
from adapters.webhook import Poster
from config.model.policy import Policy
from controller.accounting.tick_accounting import open_accounts
from controller.daemon.failover import FailoverCoordinator, publish_overrides
from controller.daemon.release import NothingToRelease, release_in_daemon
from controller.daemon.reload import Reloader, in_force
from controller.daemon.settings import Settings
from controller.daemon.tick import DaemonTick
from controller.decision.planning.plan import Plan
from controller.fleet.builder import assemble
from controller.fleet.dead_man_switch import DeadManSwitch
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.fleet.nudges import Nudges
from controller.fleet.reports import Reports
from controller.forecasts.components import Forecasts
from controller.forecasts.rationale import proposal_rationale
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.http.responses import Missing
from controller.leadership.leader_election import LeaderElection
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.notifications.notifier import Notifier
from controller.overrides.active_overrides import ActiveOverrides
from controller.overrides.prewarming import Prewarming
from controller.redaction.redactor import redact_text
from controller.store.async_store import AsyncStore
from controller.store.sqlite_file import StoreError


@dataclass(frozen=True)
class Runtime:
    """A started daemon. `failover` is None without a lease. `reloader`: replaces the policy."""

    components: Components
    store: AsyncStore
    published: PublishedState
    tick: DaemonTick
    dead_man_switch: DeadManSwitch
    failover: FailoverCoordinator | None
    reloader: Reloader

    @property
    def policy(self) -> Policy:
        """Policy in use."""
        return self.reloader.policy


async def build(settings: Settings, store: AsyncStore, published: PublishedState, url: str) -> Runtime:
    """Load history, and construct and connect the parts of a daemon. `url`: its HTTP address, published with the lease."""
    policy, clock = settings.policy, settings.clock

    def explain(plan: Plan) -> Mapping[str, Any]:
        """Return the rationale of a proposal. Called in ticks only, when fleet and forecasts exist."""
        return proposal_rationale(fleet, forecasts.rotation.accuracy, plan)

    decision_log = DecisionLog(store, explain)
    leadership = leadership_of(settings, url)
    term = NO_LEASE if leadership is None else LeaderTerm(leadership)
    fleet = await assemble(policy, settings.providers, store, clock, decision_log, term)
    accounts = await open_accounts(fleet, store, clock)
    forecasts = Forecasts(fleet, store, clock)
    await forecasts.rotation.accuracy.coverage.load(store, clock.now())
    publish = None if leadership is None else partial(publish_overrides, leadership)
    overrides = ActiveOverrides(fleet.reconcilers, store, publish)
    await overrides.load(clock.now())
    notifier = Notifier((), Poster(), "", clock, store) if settings.notifier is None else settings.notifier(store)
    await notifier.start()
    nudges = Nudges(fleet, clock, published.long_poll.notify)
    components = Components(fleet, accounts, forecasts, decision_log, overrides,
                            Prewarming(fleet, overrides, clock, policy.assume, published.long_poll.notify), notifier,
                            leadership, nudges, Reports(fleet, nudges), await in_force(policy, clock.now()))
    tick = DaemonTick(components, published, policy, clock, tracing=settings.tracing, on_tick=settings.on_tick)
    failover = None
    if leadership is not None:
        failover = FailoverCoordinator(leadership, fleet, overrides, clock, tick.run_next)
    published.components = components
    dead_man_switch = DeadManSwitch(fleet, clock, store, forecasts.rotation.capacity_forecast)
    reloader = Reloader(settings, components, store, published, tick)
    published.reload = reloader.reload
    published.release = partial(released, reloader, fleet, settings, store)
    return Runtime(components, store, published, tick, dead_man_switch, failover, reloader)


async def released(reloader: Reloader, fleet: Fleet, settings: Settings, store: AsyncStore, name: str,
                   write: bool) -> Mapping[str, Any]:
    """Release an orphan while no policy is exchanged. Return the outcome as JSON values. Raise 404 or 409 with the reason."""
    async with reloader.paused():
        try:
            return asdict(await release_in_daemon(name, fleet, settings.providers, settings.clock, store, write=write))
        except NothingToRelease as error:
            raise (HTTPConflict(reason=str(error)) if name in fleet.reconcilers else Missing(str(error))) from None
        except (AdapterError, StoreError) as error:
            raise HTTPConflict(reason=f"nothing was changed: {redact_text(str(error))}") from error


def leadership_of(settings: Settings, url: str) -> LeaderElection | None:
    """Return the leader election of the policy's lease; None without one."""
    if settings.policy.lease is None or settings.lease_store is None:
        return None
    return LeaderElection(settings.lease_store, settings.clock, settings.holder, settings.policy.lease, url)
