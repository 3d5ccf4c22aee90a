"""A draft policy from the resources of a provider: their usage, and why other resources are left out."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from adapters.ports.demand_source import DemandSource, Telemetry
from adapters.ports.discovery import Found, Skipped, Survey
from config.model.lever import LeverSettings
from config.model.policy import Assume, PoolPolicy
from controller.decision.costs.bill import cold_starts_of, judged_demand
from controller.decision.costs.cost_model import terms_of, whole_minutes
from controller.decision.costs.keep_alive import keep_alive_of
from controller.demand.warmers import setting
from controller.preflight.recent_demand import recent_demand
from forecasting.demand import MINUTES_PER_DAY, DemandSeries
from forecasting.warmer import Rhythm, found_in, left_out

MARGIN = 1.5
"""Ratio of the ceiling to the highest peak: a ceiling that is too low is noticed late, one that is too high costs nothing."""

PROVISIONED, PINGED = "lambda-provisioned-concurrency", "lambda-ping"

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class ObservedUsage:
    """Usage of a resource. `cold_starts_a_day`: without warm capacity, from its peaks. `known`: share of minutes with data."""

    peak: float
    invocations_a_day: float
    cold_starts_a_day: float
    known: float
    warmer: Rhythm | None = None
    """The warmer that calls the resource in addition to users; not counted in the figures."""


@dataclass(frozen=True, slots=True)
class PoolProposal:
    """One pool of the draft."""

    name: str
    found: Found
    usage: ObservedUsage

    @property
    def ceiling(self) -> int:
        """Maximum units in the draft."""
        return max(1, math.ceil(self.usage.peak * MARGIN))


def pools_of(surveys: Iterable[Survey]) -> list[tuple[PoolPolicy, Found]]:
    """Return a pool with a unique name for each resource that was found."""
    pools: list[tuple[PoolPolicy, Found]] = []
    taken: set[str] = set()
    for found in (found for each in surveys for found in each.found):
        bare = found.name.lstrip("._-")[:LONGEST_NAME] or "pool"
        name, number = bare, 2
        if name in taken and found.credentials is not None and found.credentials.account is not None:
            name = bare = f"{bare[: LONGEST_NAME - 13]}-{found.credentials.account}"
        while name in taken:
            name, number = f"{bare[: LONGEST_NAME - 6]}-{number}", number + 1
        taken.add(name)
        pools.append((PoolPolicy(name=name, lever=found.lever, max=1, credentials=found.credentials), found))
    return pools


async def observed_usage(sources: Sequence[tuple[DemandSource, tuple[str, ...]]], kinds: Mapping[str, str],
                         now: datetime) -> dict[str, ObservedUsage | str]:
    """Return the usage of each pool in the last 14 days, or why it is unknown. `kinds`: the kind of each pool's lever."""
    keep_alives = {name: keep_alive_of(kind, Assume()).span for name, kind in kinds.items()}
    return {name: usage_of(telemetry, keep_alives[name]) async for name, telemetry in recent_demand(sources, now)}


def usage_of(telemetry: Telemetry, keep_alive: timedelta) -> ObservedUsage | str:
    """Return the usage in one pool's history, or why it is unknown."""
    series = telemetry.series
    if telemetry.error is not None:
        return f"its metrics could not be read: {telemetry.error}"
    if not series.known.any():
        return "no metrics in the last 14 days"
    if not np.nansum(series.invocations):
        return "no request in the last 14 days"
    warmer = found_in(series)
    if warmer is None:
        return usage_in(series, keep_alive)
    series, _ = left_out(series, warmer)
    if not np.nansum(series.invocations):
        return f"no request in the last 14 days except {warmer.text} with almost no work, which look like a warmer: remove it"
    return replace(usage_in(series, keep_alive), warmer=warmer)


def usage_in(series: DemandSeries, keep_alive: timedelta) -> ObservedUsage:
    """Return the usage in a series. Unknown minutes are not counted."""
    days = series.known.sum() / MINUTES_PER_DAY
    load = judged_demand(series)
    cold = cold_starts_of(load, np.zeros_like(load.peak), whole_minutes(keep_alive))[load.counted].sum()
    return ObservedUsage(float(np.nanmax(series.peak)), float(np.nansum(series.invocations)) / days, float(cold) / days,
                         float(series.known.mean()))


def proposed(pools: Sequence[tuple[PoolPolicy, Found]],
             usage_by_pool: Mapping[str, ObservedUsage | str]) -> tuple[list[PoolProposal], list[Skipped]]:
    """Return the pools of the draft, most cold starts first, and the pools that are left out because they have no traffic."""
    proposals: list[PoolProposal] = []
    skipped: list[Skipped] = []
    for pool, found in pools:
        known = usage_by_pool.get(pool.name, "its metrics could not be read")
        if isinstance(known, ObservedUsage):
            proposals.append(PoolProposal(pool.name, found, known))
        else:
            skipped.append(Skipped(pool.name, known))
    return sorted(proposals, key=lambda each: (-each.usage.cold_starts_a_day, each.name)), skipped


def draft(proposals: Sequence[PoolProposal], skipped: Sequence[Skipped], how: str, now: datetime) -> str:
    """Return the text of the policy file."""
    lines = [
        f"# Drafted by `{how}` on {now:%Y-%m-%d %H:%M} UTC. Every pool is in shadow mode: Stoker writes nothing.",
        f"# Figures in comments: the 14 days before. max: {MARGIN:g} × the highest peak, rounded up.",
        "# Next steps: stoker validate FILE, stoker doctor FILE, stoker run FILE",
        "version: 1",
        "defaults:",
        "  mode: shadow",
        "  objective: {cold_start_cost_usd: 0.05}  # what one cold start costs you: a user who waits, a retry",
        "pools:",
    ]
    for each in proposals:
        lines += ["", *(f"  # {line}" for line in remarks(each)), f"  - name: {_scalar(each.name)}",
                  f"    lever: {_flow(_settings(each.found))}", f"    max: {each.ceiling}"]
        if each.found.credentials is not None:
            lines.append(f"    credentials: {_flow(each.found.credentials.model_dump(exclude_none=True))}")
        lines += [] if each.usage.warmer is None else [f"    {setting(each.usage.warmer)}"]
    if skipped:
        lines += ["", "# Left out:", *(f"#   {_line(each.name)}: {_line(each.why)}" for each in skipped)]
    return "\n".join(lines) + "\n"


def remarks(proposal: PoolProposal) -> list[str]:
    """Return the comment lines of a pool: its usage and its resource."""
    usage = proposal.usage
    work = (f"peak concurrency {usage.peak:,.0f}, {usage.invocations_a_day:,.0f} requests per day; without warm capacity about "
            f"{usage.cold_starts_a_day:,.{0 if usage.cold_starts_a_day >= 10 else 1}f} cold starts per day")
    lines = [work, _line(proposal.found.facts)]
    if usage.warmer is not None:
        lines.append(f"{usage.warmer.text} with almost no work look like a warmer: not counted in these figures or in demand")
    if usage.known <= 0.95:
        lines.append(f"metrics are missing for {1 - usage.known:.0%} of the time")
    return lines if (share := ping_price_share(proposal.found)) is None else [*lines, ping_hint(share)]


def ping_price_share(found: Found) -> float | None:
    """Return the price of a unit that pings keep warm, as a share of that of provisioned concurrency; None for other levers.

    At list prices, with the default initialisation.
    """
    if found.lever.kind != PROVISIONED:
        return None
    pinged, provisioned = (terms_of(PoolPolicy(name="any", lever=LeverSettings(kind=kind), max=1), Assume()).idle
                           for kind in (PINGED, PROVISIONED))
    return pinged / provisioned


def ping_hint(share: float) -> str:
    """Return the advice on layers, as a comment of a pool."""
    return (f"if you may change the handler: use layers (docs/layers.md), since pings above this lever keep a unit warm for "
            f"{share:.1%} of its price; compare with stoker backtest --levers")


def draft_json(proposals: Sequence[PoolProposal], skipped: Sequence[Skipped]) -> dict[str, Any]:
    """Return the proposals and skipped resources as JSON values."""
    return {
        "pools": [{"name": each.name, "lever": _settings(each.found), "max": each.ceiling,
                   "credentials": None if (own := each.found.credentials) is None else own.model_dump(exclude_none=True),
                   "peak": each.usage.peak, "invocations_a_day": round(each.usage.invocations_a_day, 1),
                   "cold_starts_a_day": round(each.usage.cold_starts_a_day, 1), "known_share": round(each.usage.known, 4),
                   "ping_price_share": ping_price_share(each.found), "facts": each.found.facts,
                   "warmer": None if each.usage.warmer is None else asdict(each.usage.warmer)}
                  for each in proposals],
        "skipped": [{"name": each.name, "why": each.why} for each in skipped],
    }


def _scalar(value: object) -> str:
    """Return a value as YAML. Text that a YAML version could read as another type is quoted."""
    if isinstance(value, str) and PLAIN.fullmatch(value) and value.lower() not in WORDS:
        return value
    return json.dumps(value)


def _settings(found: Found) -> dict[str, Any]:
    """Return a lever's settings as in a policy, without defaults."""
    return found.lever.model_dump(mode="json", exclude_defaults=True)


def _flow(settings: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in settings.items()) + "}"


def _line(text: str) -> str:
    return " ".join(text.split())
