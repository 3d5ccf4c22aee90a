"""Warmers in recorded demand: find and report them, and leave out those that the policy names."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.ports.demand_source import DemandSource
from adapters.ports.diagnostics import Finding, Verdict
from adapters.ports.errors import AdapterError
from config.model.policy import PoolPolicy
from forecasting.demand import DemandSeries
from forecasting.warmer import Rhythm, found_in, left_out

if TYPE_CHECKING:
    from adapters.runtime.clock import Clock  # imports asyncio, which a backtest does not need

LOOK_BACK, MOST = timedelta(days=1), 100
"""Span that `doctor` reads, and the number of pools of a source."""


def rhythm_of(pool: PoolPolicy) -> Rhythm | None:
    """Return the warmer in a pool's policy."""
    return None if pool.warmer is None else Rhythm(pool.warmer.minutes, pool.warmer.requests)


def setting(rhythm: Rhythm) -> str:
    """Return the policy line that leaves a warmer out."""
    return f"warmer: {{every: {rhythm.every}m, requests: {rhythm.requests}}}"


def advice(rhythm: Rhythm) -> str:
    """Return a message about a warmer, with the setting that leaves it out."""
    return (f"{rhythm.text} with almost no work look like a warmer, not like users: `{setting(rhythm)}` in the policy leaves "
            "them out of demand")


def demand_of(pool: PoolPolicy, series: DemandSeries) -> tuple[DemandSeries, str | None]:
    """Return a history without the warmer of the policy, and a message about another warmer in it."""
    rhythm = rhythm_of(pool)
    series = series if rhythm is None else left_out(series, rhythm)[0]
    found = found_in(series)
    return series, None if found is None else advice(found)


async def warmer_findings(source: DemandSource, pools: Sequence[PoolPolicy], clock: "Clock") -> list[Finding]:
    """Return a finding for each warmer in the last day of pools, except those that Stoker pings.

    A source that cannot be read is reported by another check.
    """
    now, chosen = clock.now(), {pool.name: pool for pool in pools[:MOST] if not pool.lever.kind.endswith("-ping")}
    try:
        answer = await source.collect(tuple(chosen), dict.fromkeys(chosen, now - LOOK_BACK), now) if chosen else {}
    except AdapterError:
        return []
    found = {name: demand_of(pool, answer[name].series)[1] for name, pool in chosen.items() if name in answer}
    return [Finding("warmer", name, Verdict.WARN, text, "set that, or remove the warmer")
            for name, text in found.items() if text is not None]
