"""The live check: raises one pool by one unit at the real provider and sets it back. The only check that writes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat

from adapters.ports.diagnostics import Finding, Verdict
from adapters.ports.errors import AdapterError, Conflict, Refused
from adapters.ports.lever import Capacity, Lever, Phase
from adapters.runtime.clock import Clock
from config.model.policy import Assume, PoolPolicy
from controller.decision.costs.cost_model import terms_of

CHECK = "live check"
READY_SECONDS = 900.0
"""Time limit for the added unit, and again for the old value; AWS needs 1 to 5 minutes for a large image."""

POLL_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Pauses between readings; the last one repeats."""

CONFIRMED = 2
"""Consecutive readings that must show the old value."""

Report = Callable[[Finding], None]


class NotPossible(Exception):
    """The check was refused before anything was written; one line with the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One pool goes from `before` to `raised` requested units and back. `most_usd`: the highest bill at list price, if the unit
    is billed for both waiting times in full.
    """

    pool: str
    before: int
    raised: int
    most_usd: float


async def propose(pool: PoolPolicy, lever: Lever, assume: Assume) -> Trial:
    """Read the pool and return what the check would do. Writes nothing.

    Raises `NotPossible` where a write would be unwise, and `AdapterError` where the pool cannot be read.
    """
    if pool.mode != "active":
        raise NotPossible(f"{pool.name} is in {pool.mode} mode, in which Stoker never writes: choose a pool with mode: active")
    capacity, traits = await lever.read(), await lever.traits()
    if capacity.foreign_owner is not None:
        raise NotPossible(f"{pool.name}: {capacity.foreign_owner} sets its capacity: remove it, or choose another pool")
    if capacity.blocked is not None:
        raise NotPossible(f"{pool.name} cannot be changed now: {capacity.blocked}")
    if capacity.phase is not Phase.READY:
        raise NotPossible(f"{pool.name} is {capacity.phase.value} ({capacity.detail or 'no detail'}): try again once it is ready")
    raised = capacity.requested + 1
    if traits.allowed is not None and raised > traits.allowed:
        limit = "the provider limits it" if traits.limit is None else traits.limit.text
        raise NotPossible(f"{pool.name} has {capacity.requested} units; {limit}, so at most {traits.allowed} units: raise the "
                          "limit, or choose another pool")
    terms = terms_of(pool, assume, traits.memory_mb, traits.architecture, traits.init_seconds, traits.vcpus, traits.billing)
    minutes = max(2 * READY_SECONDS, traits.billing_step.total_seconds()) / 60
    return Trial(pool.name, capacity.requested, raised, terms.idle * minutes)


async def carry_out(trial: Trial, lever: Lever, clock: Clock, report: Report, patience: float = READY_SECONDS) -> None:
    """Raise the pool, wait until the unit is ready, and set the pool back, also after an error.

    Each step is passed to `report` as a finding. `patience`: seconds for each of the two waits. A cancelled check sets the pool
    back before it raises `CancelledError`.
    """
    try:
        await _raise(trial, lever, clock, report, patience)
    except asyncio.CancelledError:
        report(Finding(CHECK, trial.pool, Verdict.WARN, f"interrupted: setting capacity back to {trial.before}",
                       f"a second interrupt stops at once; then set it to {trial.before} manually"))
        raise
    finally:
        await _set_back(trial, lever, clock, report, patience)


async def _raise(trial: Trial, lever: Lever, clock: Clock, report: Report, patience: float) -> None:
    began, verdict = clock.monotonic(), partial(Finding, CHECK, trial.pool)
    try:
        await lever.write(trial.raised)
    except AdapterError as error:
        report(verdict(Verdict.FAIL, f"the write of {trial.raised} failed: {error}", "correct the named cause, then try again"))
        return
    report(verdict(Verdict.OK, f"{trial.before} -> {trial.raised} accepted in {clock.monotonic() - began:.1f} s"))
    last = await _wait(lever, clock, patience, lambda now: now.phase is Phase.FAILED or now.ready >= trial.raised)
    seconds = clock.monotonic() - began
    if isinstance(last, Capacity) and last.phase is not Phase.FAILED and last.ready >= trial.raised:
        report(verdict(Verdict.OK, f"{last.ready} ready after {seconds:.1f} s (lead time)"))
        return
    why = f"{last.ready} of {trial.raised} ready ({last.detail or last.phase.value})" if isinstance(last, Capacity) else str(last)
    report(verdict(Verdict.FAIL, f"the added unit was not ready within {seconds:.0f} s: {why}",
                   "see the log of the resource for failed initialisations"))


async def _set_back(trial: Trial, lever: Lever, clock: Clock, report: Report, patience: float) -> None:
    """Write the old value until two consecutive readings show it: a write without an answer may take effect between them.

    A value that is neither the old nor the raised one was set by another writer and stays.
    """
    began, verdict = clock.monotonic(), partial(Finding, CHECK, trial.pool)
    confirmations, why = 0, "no reading shows it"
    while clock.monotonic() - began <= patience:
        try:
            requested = (await lever.read()).requested
            if requested not in (trial.before, trial.raised):
                report(verdict(Verdict.WARN, f"another writer set {requested} during the check; Stoker keeps that value",
                               f"set it to {trial.before} if the old value is correct"))
                return
            confirmations = confirmations + 1 if requested == trial.before else 0
            if confirmations == CONFIRMED:
                report(verdict(Verdict.OK, f"set back to {trial.before} after {clock.monotonic() - began:.1f} s"))
                return
            if not confirmations:
                await lever.write(trial.before)
        except Refused as error:
            why = str(error)
            if not isinstance(error, Conflict):  # Conflict: the raise is still being carried out
                break
        except AdapterError as error:
            why = str(error)
        await clock.sleep(POLL_SECONDS[-1])
    report(verdict(Verdict.FAIL, f"may still have {trial.raised} units instead of {trial.before}: {why}",
                   f"set it to {trial.before} now; the extra unit is billed until then"))


async def _wait(lever: Lever, clock: Clock, patience: float, over: Callable[[Capacity], bool]) -> Capacity | AdapterError:
    """Return the first reading for which `over` is true; after `patience` seconds the last reading or error."""
    began = clock.monotonic()
    for pause in chain(POLL_SECONDS, repeat(POLL_SECONDS[-1])):
        last: Capacity | AdapterError
        try:
            last = await lever.read()
        except AdapterError as error:
            last = error
        if (isinstance(last, Capacity) and over(last)) or clock.monotonic() - began > patience:
            break
        await clock.sleep(pause)
    return last
