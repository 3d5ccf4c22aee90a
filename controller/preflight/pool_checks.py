"""Checks of one pool before use: its resource, its setting, its quota, and what no check can test."""

from adapters.ports.diagnostics import REMEDIES, Finding, Verdict, refusal
from adapters.ports.errors import AdapterError, Limit, QuotaExceeded
from adapters.ports.lever import Capacity, Phase
from config.model.policy import Assume, PoolPolicy
from controller.decision.planning.capacity_of_others import DELETION, others_text
from controller.fleet.builder import Providers, pricing


async def pool_findings(pool: PoolPolicy, assume: Assume, providers: Providers) -> list[Finding]:
    """Return whether the pool's resource exists, can be changed, and has the quota for the pool's `max`."""
    lever = providers.lever(pool)
    try:
        capacity, traits = await lever.read(), await lever.traits()
    except AdapterError as error:
        return [refusal("pool", pool.name, error)]
    findings = [capacity_finding(pool.name, capacity)]
    if capacity.others:
        text = others_text(capacity, pricing(pool, assume)(traits))
        remedy = "remove that setting if Stoker should lower these units too"
        findings.append(Finding("kept by others", pool.name, Verdict.WARN, text, remedy))
    if capacity.requested and capacity.deletes_at_zero and not pool.keep_setting and not pool.min:
        verdict = Verdict.WARN if pool.mode == "shadow" else Verdict.UNCHECKED  # an active pool may have Stoker's own setting
        text = f"provisioned concurrency is set to {capacity.requested}; a target of 0 deletes the setting{DELETION}"
        findings.append(Finding("setting", pool.name, verdict, text, "see docs/infrastructure-as-code.md"))
    if traits.allowed is not None and traits.allowed < pool.max:
        limit = traits.limit or Limit("", "the provider limits the pool", REMEDIES[QuotaExceeded])
        text = f"max is {pool.max}; {limit.text}, so at most {traits.allowed} units"
        findings.append(Finding("quota", pool.name, Verdict.WARN, text, limit.remedy))
    return findings


def capacity_finding(pool: str, capacity: Capacity) -> Finding:
    """Return whether Stoker could change a pool of this capacity."""
    if capacity.foreign_owner is not None:
        return Finding("pool", pool, Verdict.WARN, f"{capacity.foreign_owner} sets its capacity, so Stoker does not change it",
                       f"suspend or remove {capacity.foreign_owner}, or remove the pool from the policy")
    if capacity.blocked is not None:
        return refusal("pool", pool, capacity.blocked, Verdict.WARN)
    if capacity.phase is Phase.FAILED:
        return Finding("pool", pool, Verdict.WARN, f"its last change failed: {capacity.detail}", "see the log of the resource")
    return Finding("pool", pool, Verdict.OK, f"{capacity.requested} requested, {capacity.ready} ready")


def answers_finding(pool: PoolPolicy) -> Finding:
    """Return what no check can test without a ping: that the handler answers pings, also in units of the base."""
    return Finding("layers", pool.name, Verdict.UNCHECKED, f"units of {pool.lever.kind} receive some of the pings too, so each "
                   "version must answer them; no check sends a ping", "send one ping by hand: docs/ping-handler.md")
