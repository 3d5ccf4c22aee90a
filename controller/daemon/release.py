"""Release of pools for `stoker release`: the `on_exit` of every pool without a running daemon, and orphans also with one."""

import asyncio
import os
import socket
from dataclasses import dataclass, replace
from pathlib import Path

from adapters.ports.lease_store import LeaseStore
from adapters.runtime.clock import Clock
from config.model.policy import Policy
from controller.daemon.failover import FailoverCoordinator
from controller.decision.planning.observation import NO_DEMAND
from controller.decision.planning.plan import Action, Plan, PlannedDecision
from controller.fleet.builder import READ_EVERY, Providers, assemble
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.fleet.orphans import policy_of
from controller.fleet.reconciler import Reconciler
from controller.fleet.selection.kept import expanded_as_kept
from controller.fleet.shutdown import is_released, pools_to_release, release_pool
from controller.fleet.tick import inputs_of
from controller.leadership.leader_election import LeaderElection
from controller.leadership.leader_term import NO_LEASE, LeaderTerm
from controller.overrides.active_overrides import ActiveOverrides
from controller.preflight.dry_run import ReadOnlyProviders
from controller.redaction.redactor import redact_text
from controller.store.async_store import AsyncStore
from controller.store.managed_capacity import Orphan
from controller.store.sqlite_file import StoreError
from controller.store.state_store import Store


class StillLed(Exception):
    """Another daemon holds the lease; nothing was changed."""


class NothingToRelease(Exception):
    """There is no pool or orphan of that name, or it is not to be released; nothing was changed."""


@dataclass(frozen=True, slots=True)
class ReleasedPool:
    """Outcome for one pool: requested units, target, and a text. `failed`: the target was not reached."""

    pool: str
    requested: int | None
    target: int | None
    text: str
    failed: bool = False


async def release_all(policy: Policy, providers: Providers, clock: Clock, path: Path, write: bool,
                      lease: LeaseStore | None = None, only: str | None = None) -> list[ReleasedPool]:
    """Release all pools, or only plan that without `write`; hold the lease meanwhile. Return the outcome for each pool.

    `path`: the store. `only`: one pool or orphan instead of all. Raise `StillLed` if a daemon leads, `NothingToRelease` for an
    unknown one, `StoreError` and `AdapterError`.
    """
    store = AsyncStore(Store(path))
    try:
        if (aside := store.store.moved_aside) is not None:
            raise StoreError(f"{path} was damaged and is now {aside}: it is not known which pools Stoker has set, and nothing "
                             "was changed. Set their capacity with the provider")
        decision_log, levers = DecisionLog(store), ReadOnlyProviders(providers, clock, policy, only_pings=write)
        leadership = None if lease is None else election(policy, lease, clock)
        term = NO_LEASE if leadership is None else LeaderTerm(leadership)
        policy = await expanded_as_kept(policy, store)
        fleet = await assemble(policy, levers, store, clock, decision_log, term)
        names, orphans = chosen(fleet, only)
        active_overrides = ActiveOverrides(fleet.reconcilers, store)
        await active_overrides.load(clock.now())
        held = None if leadership is None else await take_lease(leadership, clock, fleet, active_overrides)
        due, slots = set(pools_to_release(fleet.reconcilers)), asyncio.Semaphore(8)

        async def one(name: str) -> ReleasedPool:
            async with slots:
                each = fleet.reconcilers[name]
                if name in levers.pinged:
                    return ReleasedPool(name, None, None, "not changed: its pings ended with the daemon")
                if name not in due:
                    return ReleasedPool(name, None, None, reason_unchanged(each))
                decision = await release_or_plan(each, clock, write)
                if write:
                    await decision_log.note([(decision.plan, None, inputs_of(decision))])
                return outcome_of(decision.plan, write)
        outcomes = list(await asyncio.gather(*(one(name) for name in names)))
        outcomes += [await release_orphan(orphan, fleet, levers, clock, store, write=write) for orphan in orphans]
        if held is not None:
            await held[0].end(held[1], release=True)
        return outcomes
    finally:
        await store.close()
        await providers.close()


def chosen(fleet: Fleet, only: str | None) -> tuple[list[str], list[Orphan]]:
    """Return the pools and orphans to release: all, or one of them. Raise `NothingToRelease` if that one is unknown."""
    if only is None:
        return list(fleet.reconcilers), list(fleet.orphans.found)
    if only in fleet.reconcilers:
        return [only], []
    return [], [known_orphan(fleet, only)]


def known_orphan(fleet: Fleet, name: str) -> Orphan:
    """Return an orphan by its name. Raise `NothingToRelease` if there is none."""
    if (orphan := fleet.orphans.named(name)) is not None:
        return orphan
    orphans = [each["pool"] for each in fleet.orphans.shown()]
    raise NothingToRelease(f"no pool and no orphan is called {name[:80]!a}; orphans: {', '.join(orphans[:10]) or 'none'}")


async def release_in_daemon(name: str, fleet: Fleet, levers: Providers, clock: Clock, store: AsyncStore, *,
                            write: bool) -> ReleasedPool:
    """Release an orphan in a running daemon, or only plan it without `write`. Raise `NothingToRelease` for a pool of the policy:
    its next plan would set it again.
    """
    if name in fleet.reconcilers:
        raise NothingToRelease(f"{name} is a pool of the policy, and the next plan would set it again: remove it from the policy "
                               f"and reload it first, or set it for a limited time: stoker pin {name} 0 --for 2h")
    return await release_orphan(known_orphan(fleet, name), fleet, levers, clock, store, write=write)


def election(policy: Policy, lease: LeaseStore, clock: Clock) -> LeaderElection:
    """Return the leader election of this process."""
    if policy.lease is None:
        raise ValueError("a lease store requires a lease in the policy")
    return LeaderElection(lease, clock, f"release:{socket.gethostname()}:{os.getpid()}", policy.lease)


async def take_lease(leadership: LeaderElection, clock: Clock, fleet: Fleet,
                     active_overrides: ActiveOverrides) -> tuple[FailoverCoordinator, asyncio.Task[None]]:
    """Acquire the lease and take over the previous leader's state. Return the coordinator and its task.

    Raise `StillLed` if a daemon leads.
    """
    async def nothing() -> None: ...

    failover = FailoverCoordinator(leadership, fleet, active_overrides, clock, nothing)
    running = await failover.settle()
    if (why := fleet.term.write_blocked) is not None:
        await failover.end(running, release=True)
        raise StillLed(f"nothing was changed ({why}): stop every daemon first")
    for each in fleet.reconcilers.values():
        each.start_term(fleet.term)
    return failover, running


async def release_orphan(orphan: Orphan, fleet: Fleet, levers: Providers, clock: Clock, store: AsyncStore, *,
                         write: bool) -> ReleasedPool:
    """Release a pool that is no longer in the policy, or only plan it. Return the outcome."""
    policy = policy_of(orphan, fleet.reconcilers, mode="active", on_exit="release")
    each = Reconciler(policy, levers.lever(policy), clock, store, orphan.state, READ_EVERY, lambda _: 0.0)
    each.start_term(fleet.term)
    plan = (await release_or_plan(each, clock, write)).plan
    now = each.capacity.requested if each.capacity is not None and each.error is None else None
    if write and now is not None and (plan.target == now or orphan.after(now) is None):
        await fleet.orphans.forget(orphan)
    if plan.requested is not None and orphan.after(plan.requested) is None:
        text = f"not in the policy; no value set by Stoker remains: {plan.requested} requested"
        return ReleasedPool(orphan.pool, plan.requested, None, text)
    outcome = outcome_of(plan, write)
    return replace(outcome, text=f"not in the policy: {outcome.text}")


async def release_or_plan(reconciler: Reconciler, clock: Clock, write: bool) -> PlannedDecision:
    """Plan one pool, and carry the plan out with `write`. Return the plan with its inputs."""
    if write:
        return await release_pool(reconciler, clock)
    await reconciler.read()
    return reconciler.plan(NO_DEMAND, clock.now(), leaving=reconciler.policy.on_exit)


def reason_unchanged(reconciler: Reconciler) -> str:
    """Return why a pool is not changed."""
    policy = reconciler.policy
    if policy.mode != "active":
        return "not changed: mode is shadow"
    return "not changed: on_exit is hold" if policy.on_exit == "hold" else "not changed: Stoker has not set this pool"


def outcome_of(plan: Plan, write: bool) -> ReleasedPool:
    """Return the outcome of a plan, with its text."""
    text = redact_text(plan.text)
    if not is_released(plan):
        return ReleasedPool(plan.pool, plan.requested, plan.target, f"held: {text}", failed=True)
    if plan.action is Action.KEEP:
        return ReleasedPool(plan.pool, plan.requested, plan.target, f"already at {plan.target} ({text})")
    verb = "changed" if write else "would change"
    return ReleasedPool(plan.pool, plan.requested, plan.target, f"{verb} from {plan.requested} to {plan.target} ({text})")
