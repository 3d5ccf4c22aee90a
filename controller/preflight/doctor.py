"""Looks into a setup before it is relied on: what is found, each with a remedy. Nothing is changed at any provider.

Everything is looked into at once, each check has a time of its own, and all together have one: a provider that hangs keeps no
other waiting, nor the operator for long.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from adapters.ports.demand_source import DemandSource
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict
from adapters.ports.errors import (
    AdapterError,
    Limit,
    Malformed,
    Misconfigured,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
    Throttled,
    Unreachable,
    Unsupported,
)
from adapters.ports.lease_store import LeaseStore
from adapters.ports.lever import Capacity, Phase
from adapters.ports.permissions import Grants
from adapters.runtime.clock import Clock
from config.model.lease import LeaseSettings
from config.model.policy import Assume, Policy, PoolPolicy
from controller.decision.planning.external_capacity import DELETION, others_text
from controller.demand.warmers import warmer_findings
from controller.fleet.builder import Providers, pricing
from controller.preflight.host_checks import local_findings

PATIENCE_SECONDS, SECONDS_A_POOL = 45.0, 0.75
"""For one check; and for all of them that and so much more for each pool: calls are paced."""

AT_ONCE = 8
TRIED_POOLS = 20
"""Of each provider's pools: permissions are mostly given to all alike, and calls are few."""

LOOK_BACK, STALE = timedelta(hours=2), timedelta(minutes=15)  # of a pinged pool the first hour that is read stays unknown
QUIET = ("set on_quiet_region: trust, or have any function there called once a minute; a daemon that runs may find proof in the "
         "calls that AWS counts")
REMEDIES: Mapping[type[AdapterError], str] = {
    Misconfigured: "correct what the text names, then run doctor again",
    Malformed: "correct what the text names, then run doctor again",
    PermissionDenied: "`stoker iam POLICY` prints what to allow", NotFound: "create it, or correct the policy",
    QuotaExceeded: "have the quota raised, or lower the pool's max", Throttled: "try again later",
    Unreachable: "check network, proxy, DNS and the provider's status page", Unsupported: "correct the policy",
}


class Examined(Providers, Protocol):
    """What builds levers and sources, and knows how its providers are examined; `adapters.registry.Registry` does."""

    def checks(self, pools: Sequence[PoolPolicy]) -> Sequence[Check]:
        """What can be looked into of each provider as a whole."""

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """How the permissions of a pool can be tried."""

    def lease(self, settings: LeaseSettings) -> LeaseStore:
        """The store of a lease."""


@dataclass(slots=True)
class Tally:
    """How one permission fared over the pools that were tried."""

    allowed: int = 0
    denied: list[tuple[str, AdapterError]] = field(default_factory=list)
    unknown: list[tuple[str, AdapterError]] = field(default_factory=list)
    unable: AdapterError | None = None
    """Why the permission could not be tried at all."""


Progress = Callable[[Sequence[str]], None]


async def examine(policy: Policy, providers: Examined, grants: Sequence[tuple[Grants, Sequence[PoolPolicy]]], clock: Clock,
                  state_dir: Path, progress: Progress, patience: float = PATIENCE_SECONDS) -> list[Finding]:
    """Everything that is found, in the order of what it bears on. `progress` is told what is still waited for. `patience`:
    seconds for one check.
    """
    pools, missing = buildable(policy, providers)
    jobs = [Check("this machine", partial(asyncio.to_thread, local_findings, policy, state_dir, clock.now())),
            *providers.checks(pools)]
    named = {pool.name: pool for pool in pools}
    for granted, members in grants:
        able = [pool for pool in members if pool.name in named]
        jobs.append(Check(f"permissions at {granted.provider}", partial(permissions, granted, able, providers, patience)))
    if policy.lease is not None:
        jobs.append(Check("lease", partial(lease_findings, policy.lease, providers)))
    jobs += [Check(f"pool {pool.name}", partial(pool_findings, pool, policy.assume, providers)) for pool in pools]
    jobs += [Check(f"metrics of {', '.join(served[:3])}", partial(metric_findings, source, served, clock))
             for source, served in providers.sources(pools)]
    jobs += [Check(f"warmers of {', '.join(served[:3])}", partial(warmer_findings, source, [named[name] for name in served],
                                                                  clock))
             for source, served in providers.sources(pools)]  # of their own: none is for concurrent use
    return missing + await every(jobs, patience, patience + SECONDS_A_POOL * len(pools), progress)


async def every(jobs: Sequence[Check], patience: float, most: float, progress: Progress) -> list[Finding]:
    """What all checks find, in their order; of those that are not done within `most` seconds, that they are not."""
    slots = asyncio.Semaphore(AT_ONCE)
    tasks = {asyncio.create_task(timed(job, slots if job.title.startswith("pool ") else nullcontext(), patience)): job
             for job in jobs}
    waiting = set(tasks)
    deadline = asyncio.get_running_loop().time() + most
    while waiting and (left := deadline - asyncio.get_running_loop().time()) > 0:
        progress([tasks[task].title for task in tasks if task in waiting])
        _, waiting = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    late = [Finding("answer", tasks[task].title, Verdict.FAIL, f"not looked into within {most:.0f} s", REMEDIES[Unreachable])
            for task in tasks if task in waiting]
    return [finding for task in tasks if task not in waiting for finding in task.result()] + late


async def timed(job: Check, turn: AbstractAsyncContextManager[None], patience: float) -> list[Finding]:
    """What a check finds once it is its turn, or that it failed or took too long."""
    try:
        async with turn, asyncio.timeout(patience):
            return list(await job.run())
    except TimeoutError:
        return [Finding("answer", job.title, Verdict.FAIL, f"nothing was heard for {patience:g} s", REMEDIES[Unreachable])]
    except AdapterError as error:
        return [refusal("answer", job.title, error)]


def buildable(policy: Policy, providers: Examined) -> tuple[list[PoolPolicy], list[Finding]]:
    """The pools whose provider's library is there, and a finding for each of the others."""
    pools: list[PoolPolicy] = []
    missing: list[Finding] = []
    for pool in policy.pools:
        try:
            providers.lever(pool)
        except AdapterError as error:
            missing.append(refusal("library", pool.name, error))
        else:
            pools.append(pool)
    return pools, missing


async def permissions(granted: Grants, pools: Sequence[PoolPolicy], providers: Examined, patience: float) -> list[Finding]:
    """Each permission that the pools of one provider need, tried on them all or on an even choice of many."""
    needing = Counter(permission.action for pool in pools for permission in granted.needed(pool))
    tallies: dict[str, Tally] = {}
    slots = asyncio.Semaphore(AT_ONCE)

    async def attempt(pool: PoolPolicy, action: str, probe: Probe) -> None:
        tally = tallies.setdefault(action, Tally())
        async with slots:
            try:
                async with asyncio.timeout(patience / 2):
                    await probe()
            except Misconfigured as error:
                tally.unable = error
            except PermissionDenied as error:
                tally.denied.append((pool.name, error))
            except NotFound:
                tally.allowed += 1  # that it is not there is told of the pool
            except TimeoutError:
                tally.unknown.append((pool.name, Unreachable("no answer came in time")))
            except AdapterError as error:
                tally.unknown.append((pool.name, error))
            else:
                tally.allowed += 1

    attempts: list[Awaitable[None]] = []
    for pool in pools[::max(1, -(-len(pools) // TRIED_POOLS))]:
        probes = providers.probes(pool)
        attempts += [attempt(pool, each.action, probes[each.action]) for each in granted.needed(pool) if each.action in probes]
    await asyncio.gather(*attempts)
    found = [permission_finding(action, tallies.get(action), count) for action, count in needing.items()]
    untried = (each.action for each in granted.shared() if each.writes)  # those that only read, the lease's own check tries
    return found + [Finding("permission", action, Verdict.UNCHECKED, "cannot be tried without writing; the lease needs it",
                            REMEDIES[PermissionDenied]) for action in untried]


def permission_finding(action: str, tally: Tally | None, needing: int) -> Finding:
    """What the tries of one permission came to."""
    if tally is None:
        return Finding("permission", action, Verdict.UNCHECKED, f"cannot be tried without writing; {needing} "
                       f"{'pool needs' if needing == 1 else 'pools need'} it", REMEDIES[PermissionDenied])
    if tally.unable is not None:
        return Finding("permission", action, Verdict.UNCHECKED, f"cannot be tried: {tally.unable}", REMEDIES[Misconfigured])
    tries = tally.allowed + len(tally.denied) + len(tally.unknown)
    for failed, verdict in ((tally.denied, Verdict.FAIL), (tally.unknown, Verdict.WARN)):
        if failed:
            pool, error = failed[0]
            finding = refusal("permission", action, error)
            return Finding("permission", action, verdict, f"{len(failed)} of {tries} tries failed, as for {pool}: {finding.text}",
                           finding.remedy)
    return Finding("permission", action, Verdict.OK, f"allowed, {tries} of {tries} tries")


async def pool_findings(pool: PoolPolicy, assume: Assume, providers: Examined) -> list[Finding]:
    """Whether the pool's resource is there, may be changed, and can take what the policy allows."""
    lever = providers.lever(pool)
    try:
        capacity, traits = await lever.read(), await lever.traits()
    except AdapterError as error:
        return [refusal("pool", pool.name, error)]
    found = [capacity_finding(pool.name, capacity)]
    if capacity.others:
        text = others_text(capacity, pricing(pool, assume)(traits))
        remedy = "remove that setting for Stoker to lower them too"
        found.append(Finding("kept by others", pool.name, Verdict.WARN, text, remedy))
    if capacity.requested and capacity.deletes_at_zero and not pool.keep_setting and not pool.min:
        verdict = Verdict.WARN if pool.mode == "shadow" else Verdict.UNCHECKED  # what an active pool has may be Stoker's own
        text = f"the setting is there, at {capacity.requested}, and a target of 0 deletes it{DELETION}"
        found.append(Finding("setting", pool.name, verdict, text, "see docs/infrastructure-as-code.md"))
    if traits.allowed is not None and traits.allowed < pool.max:
        limit = traits.limit or Limit("", "the provider limits the pool", REMEDIES[QuotaExceeded])
        text = f"max is {pool.max}; {limit.text}, so at most {traits.allowed} units"
        found.append(Finding("quota", pool.name, Verdict.WARN, text, limit.remedy))
    return found


def capacity_finding(pool: str, capacity: Capacity) -> Finding:
    """What a pool's capacity says of whether Stoker could change it."""
    if capacity.foreign_owner is not None:
        return Finding("pool", pool, Verdict.WARN, f"{capacity.foreign_owner} sets its capacity, so Stoker would not",
                       "suspend or remove one of the two")
    if capacity.blocked is not None:
        return refusal("pool", pool, capacity.blocked, Verdict.WARN)
    if capacity.phase is Phase.FAILED:
        return Finding("pool", pool, Verdict.WARN, f"its last change failed: {capacity.detail}", "see the resource's own log")
    return Finding("pool", pool, Verdict.OK, f"{capacity.requested} requested, {capacity.ready} ready")


async def lease_findings(settings: LeaseSettings, providers: Examined) -> list[Finding]:
    """Whether the lease's store can be read, and who leads. A file that is not there yet is left so."""
    subject = ", ".join(str(value) for name, value in settings.model_dump(exclude_defaults=True).items())
    if (path := not_yet(settings)) is not None:
        folder = path.absolute().parent
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return [Finding("lease", subject, Verdict.OK, "will be made by the first run")]
        why = "may not be written" if folder.is_dir() else "is not there" if not folder.exists() else "is no folder"
        return [Finding("lease", subject, Verdict.FAIL, f"cannot be made: {folder} {why}", "make it, or correct lease.path")]
    store = providers.lease(settings)
    try:
        lease = await store.read()
        await store.kept()
    except AdapterError as error:
        return [refusal("lease", subject, error)]
    finally:
        await store.close()
    holder = "nobody leads" if lease is None or not lease.holder else f"{lease.holder} leads or was the last to"
    return [Finding("lease", subject, Verdict.OK, holder)]


def not_yet(settings: LeaseSettings) -> Path | None:
    """The file in which the lease will be kept, unless it is there or the lease is kept elsewhere."""
    path = settings.model_dump().get("path")
    return None if path is None or Path(path).exists() else Path(path)


async def metric_findings(source: DemandSource, pools: Sequence[str], clock: Clock) -> list[Finding]:
    """How old the newest known minute of each pool is."""
    now = clock.now()
    told = await source.collect(pools, dict.fromkeys(pools, now - LOOK_BACK), now)
    found = []
    for pool in pools:
        telemetry = told[pool]
        age = telemetry.series.age(now)
        if telemetry.error is not None:
            found.append(refusal("metrics", pool, telemetry.error))
        elif telemetry.alive is False:
            found.append(Finding("metrics", pool, Verdict.FAIL, "telemetry is broken or late; capacity is held meanwhile",
                                 "see the provider's status page"))
        elif telemetry.quiet and (age is None or age > STALE):
            found.append(Finding("metrics", pool, Verdict.WARN, telemetry.quiet, QUIET))
        elif age is None and telemetry.alive:
            text = "its source answers; of this pool it has told nothing in the last two hours"
            found.append(Finding("metrics", pool, Verdict.UNCHECKED, text))
        elif age is None or age > STALE:
            since = "in the last two hours" if age is None else f"since {age.total_seconds() / 60:.0f} min ago"
            text = f"no minute is known {since}, and nothing proves that it was idle"
            found.append(Finding("metrics", pool, Verdict.WARN, text, "see what proves silence on the page of its lever"))
        else:
            found.append(Finding("metrics", pool, Verdict.OK, f"the newest known minute is {age.total_seconds():.0f} s old"))
    return found


def refusal(check: str, subject: str, error: AdapterError, verdict: Verdict | None = None) -> Finding:
    """An error as a finding; what may pass by itself is only warned of where it is our own pace."""
    graver = Verdict.WARN if isinstance(error, Throttled) else Verdict.FAIL
    remedy = next((text for kind, text in REMEDIES.items() if isinstance(error, kind)), "")
    return Finding(check, subject, verdict or graver, str(error), remedy)
