"""Checks of a setup before use. Each finding has a remedy. Nothing is changed at any provider.

All checks run concurrently. Each check has a timeout and so has the whole run: a provider that hangs delays no other check.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from adapters.ports.demand_source import DemandSource
from adapters.ports.diagnostics import REMEDIES, Check, Finding, Probe, Verdict, lease_of, metrics_of, names_of, refusal
from adapters.ports.errors import AdapterError, Misconfigured, NotFound, PermissionDenied, Unreachable
from adapters.ports.lease_store import LeaseStore
from adapters.ports.permissions import Grants
from adapters.ports.reports import is_reported
from adapters.runtime.clock import Clock
from config.model.layers import with_layers
from config.model.lead_policy import LeadPolicy, lead_policies
from config.model.lease import LeaseSettings
from config.model.policy import Policy, PoolPolicy
from controller.demand.warmers import warmer_findings
from controller.fleet.builder import Providers
from controller.preflight.causes import Checked, without_consequences
from controller.preflight.host_checks import local_findings
from controller.preflight.pool_checks import answers_finding, pool_findings

PATIENCE_SECONDS, SECONDS_A_POOL = 45.0, 0.75
"""Timeout of one check, and the seconds that each pool adds to the timeout of the whole run: calls are paced."""

AT_ONCE = 8
TRIED_POOLS = 20
"""Pools of each provider on which permissions are tried: most policies grant all pools the same, and calls are limited."""

LOOK_BACK, STALE = timedelta(hours=2), timedelta(minutes=15)  # the first hour of a pinged pool is always unknown
HELD = "; Stoker would hold capacity"
REPORTED = "applications report its demand, and only a running daemon receives reports"
QUIET = ("set on_quiet_region: trust, or call any function in that region once a minute; a running daemon may find proof in the "
         "calls that AWS counts")


class Examined(Providers, Protocol):
    """Builder of levers and sources that can also check its providers, as `adapters.registry.Registry`."""

    def checks(self, pools: Sequence[PoolPolicy]) -> Sequence[Check]:
        """Return the checks of each provider as a whole."""

    def probes(self, pool: PoolPolicy) -> Mapping[str, Probe]:
        """Return a probe for each permission of a pool that can be tried."""

    def lease(self, settings: LeaseSettings) -> LeaseStore:
        """Return the store of a lease."""


@dataclass(slots=True)
class Tally:
    """Results of one permission over the pools on which it was tried."""

    allowed: int = 0
    denied: list[tuple[str, AdapterError]] = field(default_factory=list)
    unknown: list[tuple[str, AdapterError]] = field(default_factory=list)
    unable: AdapterError | None = None
    """Why the permission could not be tried on any pool."""


Progress = Callable[[Sequence[str]], None]


async def examine(policy: Policy, providers: Examined, grants: Sequence[tuple[Grants, Sequence[PoolPolicy]]], clock: Clock,
                  state_dir: Path, progress: Progress, patience: float = PATIENCE_SECONDS) -> list[Finding]:
    """Return all findings, grouped by check. `progress` receives the titles of unfinished checks. `patience`: seconds for one
    check.
    """
    layers, leads, missing = buildable(policy, providers)
    jobs = [Check("this machine", partial(asyncio.to_thread, local_findings, policy, state_dir, clock.now())),
            *providers.checks([*layers, *leads])]
    named = {layer.name: layer for layer in layers}
    pools = [pool for pool in policy.pools if pool.name in named]
    for granted, members in grants:
        able = [pool for pool in members if pool.name in named]
        who = f" as {granted.identity}" if granted.identity else ""
        jobs.append(Check(f"permissions at {granted.provider}{who}", partial(permissions, granted, able, providers, patience),
                          names_of(able)))
    if policy.lease is not None:
        jobs.append(Check("lease", partial(lease_findings, policy.lease, providers), lease_of(policy.lease.kind)))
    jobs += [Check(f"pool {layer.name}", partial(pool_findings, layer, policy.assume, providers), names_of([layer]))
             for layer in layers]
    jobs += [Check(f"metrics of {', '.join(served[:3])}", partial(metric_findings, source, served, clock), metrics_of(served))
             for source, served in providers.sources(pools)]
    if leads:
        jobs += [Check(f"metrics of {', '.join(served[:3])}", partial(metric_findings, source, served, clock), metrics_of(served))
                 for source, served in providers.sources(leads)]
    jobs += [Check(f"warmers of {', '.join(served[:3])}", partial(warmer_findings, source, [named[name] for name in served],
                                                                  clock), metrics_of(served))
             for source, served in providers.sources(pools)]  # new sources: one source cannot be used concurrently
    missing += [answers_finding(pool) for pool in pools if pool.top is not None]
    found = await every(jobs, patience, patience + SECONDS_A_POOL * len(layers), progress)
    return [of_signal(finding, policy) for finding in missing + without_consequences(found)]


def of_signal(finding: Finding, policy: Policy) -> Finding:
    """Return a finding with the display text of each leading signal in place of the name under which it is stored.

    A signal that cannot be read is only a warning: its pools are decided without it. One that cannot be made fails, because the
    daemon does not start. No pool holds capacity for a signal, and it has no `on_quiet_region`.
    """
    for lead in lead_policies(policy.pools):
        alone = finding.subject.rpartition(" of ")[2] == lead.name  # also the title of a check of this signal and nothing else
        if alone and finding.verdict is Verdict.FAIL and finding.check != "library":
            text = f"{finding.text.removesuffix(HELD)}; its pools are decided without it"
            finding = replace(finding, verdict=Verdict.WARN, text=text)
        if finding.subject == lead.name and finding.remedy == QUIET:
            finding = replace(finding, remedy="correct the lead, unless it was idle")
        if lead.name in f"{finding.subject} {finding.text}":
            text = finding.text.removeprefix(f"pool {lead.name}: ").replace(f"pool {lead.name}", lead.name)
            finding = replace(finding, subject=finding.subject.replace(lead.name, lead.title),
                              text=text.replace(lead.name, lead.title))
    return finding


async def every(jobs: Sequence[Check], patience: float, most: float, progress: Progress) -> list[Checked]:
    """Return all checks in order with their findings; a check that is unfinished after `most` seconds gives a failure."""
    slots, none = asyncio.Semaphore(AT_ONCE), nullcontext()
    tasks = {asyncio.create_task(timed(job, slots if job.title.startswith("pool ") else none, patience)): job for job in jobs}
    with suppress(TimeoutError):
        async with asyncio.timeout(most):
            while waiting := [task for task in tasks if not task.done()]:
                progress([tasks[task].title for task in waiting])
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    found: list[Checked] = []
    for task, job in tasks.items():
        if task.done():
            found.append((job, task.result()))
            continue
        task.cancel()
        text = f"not finished within {most:.0f} s"
        found.append((job, [Finding("answer", job.title, Verdict.FAIL, text, REMEDIES[Unreachable])]))
    return found


async def timed(job: Check, turn: AbstractAsyncContextManager[None], patience: float) -> list[Finding]:
    """Return the findings of a check once `turn` allows it, or one finding that it failed or timed out."""
    try:
        async with turn, asyncio.timeout(patience):
            return list(await job.run())
    except TimeoutError:
        return [Finding("answer", job.title, Verdict.FAIL, f"no answer within {patience:g} s", REMEDIES[Unreachable])]
    except AdapterError as error:
        return [refusal("answer", job.title, error)]


def buildable(policy: Policy, providers: Examined) -> tuple[list[PoolPolicy], list[LeadPolicy], list[Finding]]:
    """Return the pools and layers, and the leading signals, whose lever and demand source can be made: their library is
    installed. And a finding for each of the others.
    """
    pools: list[PoolPolicy] = []
    leads: list[LeadPolicy] = []
    missing: list[Finding] = []
    for pool in [*with_layers(policy.pools), *lead_policies(policy.pools)]:
        try:
            if not isinstance(pool, LeadPolicy):
                providers.lever(pool)
            providers.sources([pool])
        except AdapterError as error:
            missing.append(refusal("library", pool.name, error))
        else:
            leads.append(pool) if isinstance(pool, LeadPolicy) else pools.append(pool)
    return pools, leads, missing


async def permissions(granted: Grants, pools: Sequence[PoolPolicy], providers: Examined, patience: float) -> list[Finding]:
    """Return a finding for each permission that the pools of one provider need. Of many pools, an even sample is tried."""
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
                tally.allowed += 1  # the check of the pool reports the missing resource
            except TimeoutError:
                tally.unknown.append((pool.name, Unreachable("timeout")))
            except AdapterError as error:
                tally.unknown.append((pool.name, error))
            else:
                tally.allowed += 1

    attempts: list[Awaitable[None]] = []
    for pool in pools[::max(1, -(-len(pools) // TRIED_POOLS))]:
        probes = providers.probes(pool)
        attempts += [attempt(pool, each.action, probes[each.action]) for each in granted.needed(pool) if each.action in probes]
    await asyncio.gather(*attempts)
    findings = [permission_finding(action, tallies.get(action), count) for action, count in needing.items()]
    untried = (each.action for each in granted.shared() if each.writes)  # the check of the lease tries those that only read
    return findings + [Finding("permission", action, Verdict.UNCHECKED, "cannot be tested without a write; the lease needs it",
                            REMEDIES[PermissionDenied]) for action in untried]


def permission_finding(action: str, tally: Tally | None, needing: int) -> Finding:
    """Return the finding on one permission."""
    if tally is None:
        return Finding("permission", action, Verdict.UNCHECKED, f"cannot be tested without a write; {needing} "
                       f"{'pool needs' if needing == 1 else 'pools need'} it", REMEDIES[PermissionDenied])
    if tally.unable is not None:
        return Finding("permission", action, Verdict.UNCHECKED, f"cannot be tested: {tally.unable}", REMEDIES[Misconfigured])
    tries = tally.allowed + len(tally.denied) + len(tally.unknown)
    for failed, verdict in ((tally.denied, Verdict.FAIL), (tally.unknown, Verdict.WARN)):
        if failed:
            pool, error = failed[0]
            finding = refusal("permission", action, error)
            return Finding("permission", action, verdict,
                           f"{len(failed)} of {tries} test calls failed, e.g. {pool}: {finding.text}", finding.remedy)
    return Finding("permission", action, Verdict.OK, f"allowed in {tries} of {tries} test calls")


async def lease_findings(settings: LeaseSettings, providers: Examined) -> list[Finding]:
    """Return whether the lease store can be read, and the leader. A missing lease file is not created."""
    subject = ", ".join(str(value) for name, value in settings.model_dump(exclude_defaults=True).items())
    if (path := missing_lease_file(settings)) is not None:
        folder = path.absolute().parent
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return [Finding("lease", subject, Verdict.OK, "does not exist yet; `stoker run` creates it")]
        why = "is not writable" if folder.is_dir() else "does not exist" if not folder.exists() else "is not a folder"
        return [Finding("lease", subject, Verdict.FAIL, f"cannot be created: {folder} {why}",
                        "create a writable folder, or correct lease.path")]
    store = providers.lease(settings)
    try:
        lease = await store.read()
        await store.kept()
    except AdapterError as error:
        return [refusal("lease", subject, error)]
    finally:
        await store.close()
    holder = "no leader" if lease is None or not lease.holder else f"{lease.holder} leads or led last"
    return [Finding("lease", subject, Verdict.OK, holder)]


def missing_lease_file(settings: LeaseSettings) -> Path | None:
    """Return the path of a lease file that does not exist yet; None if it exists or the lease is not in a file."""
    path = settings.model_dump().get("path")
    return None if path is None or Path(path).exists() else Path(path)


async def metric_findings(source: DemandSource, pools: Sequence[str], clock: Clock) -> list[Finding]:
    """Return the age of the newest known minute of each pool. Reports alone have none: they are sent to a running daemon."""
    if is_reported(source):
        return [Finding("metrics", pool, Verdict.UNCHECKED, REPORTED, "`stoker status` shows them once the daemon runs")
                for pool in pools]
    now = clock.now()
    collected = await source.collect(pools, dict.fromkeys(pools, now - LOOK_BACK), now)
    findings = []
    for pool in pools:
        telemetry = collected[pool]
        age = telemetry.series.age(now)
        if telemetry.error is not None:
            findings.append(refusal("metrics", pool, telemetry.error))
        elif telemetry.alive is False:
            findings.append(Finding("metrics", pool, Verdict.FAIL, f"metrics are broken or late{HELD}",
                                 "see the provider's status page"))
        elif telemetry.quiet and (age is None or age > STALE):
            findings.append(Finding("metrics", pool, Verdict.WARN, telemetry.quiet, QUIET))
        elif age is None and telemetry.alive:
            text = "its source answers, without any data on this pool in the last 2 h"
            findings.append(Finding("metrics", pool, Verdict.UNCHECKED, text))
        elif age is None or age > STALE:
            since = "in the last 2 h" if age is None else f"in the last {age.total_seconds() / 60:.0f} min"
            text = f"no data {since}, and no proof that the pool was idle"
            findings.append(Finding("metrics", pool, Verdict.WARN, text, "the page of its lever in docs/levers names the proofs"))
        else:
            findings.append(Finding("metrics", pool, Verdict.OK, f"the newest known minute is {age.total_seconds():.0f} s old"))
    return findings
