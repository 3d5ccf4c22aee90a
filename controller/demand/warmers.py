"""Warmers in what is recorded of pools: named where they are found, and left out where the policy says so."""

from collections.abc import Sequence
from datetime import timedelta

from adapters.ports.demand_source import DemandSource
from adapters.ports.diagnostics import Finding, Verdict
from adapters.ports.errors import AdapterError
from adapters.runtime.clock import Clock
from config.model.policy import PoolPolicy
from forecasting.demand import DemandSeries
from forecasting.warmer import Rhythm, found_in, left_out

LOOK_BACK, MOST = timedelta(days=1), 100
"""How far back `doctor` looks, and of how many pools of a source."""


def rhythm_of(pool: PoolPolicy) -> Rhythm | None:
    """The warmer that a pool's policy names."""
    return None if pool.warmer is None else Rhythm(pool.warmer.minutes, pool.warmer.requests)


def setting(rhythm: Rhythm) -> str:
    """The line of a policy that leaves a warmer out."""
    return f"warmer: {{every: {rhythm.every}m, requests: {rhythm.requests}}}"


def advice(rhythm: Rhythm) -> str:
    """What was found and what to do, for people."""
    return (f"{rhythm.text} with almost no work look like a warmer, not like users: `{setting(rhythm)}` in the policy leaves "
            "them out of demand")


def demand_of(pool: PoolPolicy, series: DemandSeries) -> tuple[DemandSeries, str | None]:
    """What of a recorded history is demand, and advice where a warmer in it is still taken for that."""
    rhythm = rhythm_of(pool)
    series = series if rhythm is None else left_out(series, rhythm)[0]
    found = found_in(series)
    return series, None if found is None else advice(found)


async def warmer_findings(source: DemandSource, pools: Sequence[PoolPolicy], clock: Clock) -> list[Finding]:
    """Warmers in the last day of pools, but for those that Stoker pings itself. What cannot be read is reported elsewhere."""
    now, chosen = clock.now(), {pool.name: pool for pool in pools[:MOST] if not pool.lever.kind.endswith("-ping")}
    try:
        told = await source.collect(tuple(chosen), dict.fromkeys(chosen, now - LOOK_BACK), now) if chosen else {}
    except AdapterError:
        return []
    found = {name: demand_of(pool, told[name].series)[1] for name, pool in chosen.items() if name in told}
    return [Finding("warmer", name, Verdict.WARN, text, "set that, or remove the warmer")
            for name, text in found.items() if text is not None]
