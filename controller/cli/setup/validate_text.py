"""Summary of a valid policy, as text and as JSON."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from config.model.layers import in_file_keys
from config.model.policy import Objective, Policy, PoolPolicy
from config.model.schedule import Schedule
from controller.decision.events.upcoming import upcoming_windows
from controller.preflight.reading_bill import bill_text
from controller.preflight.schedule_openings import next_openings

MOST_ROWS = 40
MOST_WINDOWS = 3
"""Windows shown per event or schedule."""


def objective_text(objective: Objective) -> str:
    """Return an objective as short text."""
    if objective.warm_hit_rate is not None:
        return f"{objective.warm_hit_rate:.4g} warm"
    if objective.cold_start_cost_usd_per_second is not None:
        return f"{objective.cold_start_cost_usd_per_second:g} USD per second"
    return f"{objective.cold_start_cost_usd:g} USD per cold start"


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return rows as lines with aligned columns."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def summary(path: Path, policy: Policy, now: datetime, in_full: bool) -> str:
    """Return the summary of a policy: counts by mode and lever, a line per pool, leading signals, and the next windows
    of schedules and events. `in_full`: all pools, not only the first `MOST_ROWS`.
    """
    pools, rows_shown = policy.pools, len(policy.pools) if in_full else MOST_ROWS
    modes = Counter(pool.mode for pool in pools)
    levers = Counter(lever.kind for pool in pools for lever in (pool.lever, pool.top) if lever is not None)
    lines = [
        f"{path}: OK, {len(pools)} {'pool' if len(pools) == 1 else 'pools'}",
        f"  modes   {', '.join(f'{count} {mode}' for mode, count in sorted(modes.items()))}",
        f"  levers  {', '.join(f'{count} {kind}' for kind, count in sorted(levers.items()))}",
    ]
    head = ("pool", "mode", "min", "max", "objective", "schedules", "lever", "resource")
    rows = [
        (pool.name, pool.mode, str(pool.min), str(pool.max), objective_text(pool.objective), str(len(pool.schedules)),
         pool.lever.kind if pool.top is None else f"{pool.lever.kind} + {pool.top.kind}",
         pool.lever.resource if pool.account is None else f"{pool.lever.resource} account={pool.account}")
        for pool in pools[:rows_shown]
    ]
    lines.extend(f"  {line}" for line in table([head, *rows]))
    if len(pools) > rows_shown:
        lines.append(f"  and {len(pools) - rows_shown} more (`-o wide` shows all)")
    lines.extend(f"  {line}".rstrip() for line in (*selecting(policy), *led(policy), *scheduled(policy, now),
                                                     *announced(policy, now)))
    if reads := bill_text(policy):
        lines.extend(("", f"  reading metrics: {reads}"))
    return "\n".join(lines)


def selecting(policy: Policy) -> list[str]:
    """Return the entries that add pools."""
    rows = [(f"select[{index}]", entry.lever.kind, ", ".join(listing.title for listing in entry.listings), str(entry.keys.most),
             "-" if entry.keys.most_usd_per_month is None else f"{entry.keys.most_usd_per_month:g}")
            for index, entry in enumerate(policy.select)]
    head = ("entry", "lever", "places (`stoker pools` lists the pools)", "most", "USD/month at most")
    return ["", *table([head, *rows])] if rows else []


def led(policy: Policy) -> list[str]:
    """Return the leading signals of each pool."""
    rows = [(pool.name, lead.name) for pool in policy.pools for lead in pool.leads]
    more = [f"and {len(rows) - MOST_ROWS} more leads (`-o json` shows all)"] if len(rows) > MOST_ROWS else []
    return ["", *table([("pool", "leading signal"), *rows[:MOST_ROWS]]), *more] if rows else []


def scheduled(policy: Policy, now: datetime) -> list[str]:
    """Return the next windows of each schedule, in its time zone and in UTC. Pools with the same schedule share a line."""
    pools: dict[Schedule, list[str]] = {}
    for pool in policy.pools:
        for schedule in pool.schedules:
            pools.setdefault(schedule, []).append(pool.name)
    rows = []
    for schedule, names in list(pools.items())[:MOST_ROWS]:
        who = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
        sets = " ".join(f"{key} {units}" for key, units in (("min", schedule.min), ("max", schedule.max)) if units is not None)
        for each in next_openings(schedule, now, MOST_WINDOWS):
            begin, end = each.local
            rows.append((who, schedule.label, f"{begin:%a %Y-%m-%d %H:%M}", f"{end:%a %Y-%m-%d %H:%M}", schedule.timezone,
                         f"{each.start:%a %H:%M} to {each.end:%a %H:%M}", sets))
    more = [f"and {len(pools) - MOST_ROWS} more schedules (`-o json` shows all)"] if len(pools) > MOST_ROWS else []
    return ["", *table([("pool", "schedule", "from", "until", "timezone", "in UTC", "sets"), *rows]), *more] if rows else []


def announced(policy: Policy, now: datetime) -> list[str]:
    """Return the next windows of each pool's events, in the event's time zone."""
    rows = []
    for pool in policy.pools[:MOST_ROWS]:
        for each in upcoming_windows(pool, now, MOST_WINDOWS):
            begin, end = each.local
            rows.append((pool.name, each.window.name, f"{begin:%a %Y-%m-%d %H:%M}", f"{end:%a %Y-%m-%d %H:%M}",
                         each.event.timezone, each.expected))
    return ["", *table([("pool", "announced event", "from", "until", "timezone", "expected"), *rows])] if rows else []


def pool_json(pool: PoolPolicy, now: datetime) -> dict[str, Any]:
    """Return a pool with its defaults, in the keys of the policy file, and the next windows of its schedules and events."""
    body = in_file_keys(pool, without_none=True)
    windows = [{"name": each.window.name, "start": each.window.start.isoformat(), "end": each.window.end.isoformat(),
                "local_start": each.local[0].isoformat(), "local_end": each.local[1].isoformat(),
                "factor": each.event.factor, "size": each.event.size} for each in upcoming_windows(pool, now, MOST_WINDOWS)]
    opened = [{"schedule": schedule.label, "start": each.start.isoformat(), "end": each.end.isoformat(),
               "local_start": each.local[0].isoformat(), "local_end": each.local[1].isoformat(), "timezone": schedule.timezone,
               "min": schedule.min, "max": schedule.max}
              for schedule in pool.schedules for each in next_openings(schedule, now, MOST_WINDOWS)]
    return body | ({"next_events": windows} if windows else {}) | ({"next_windows": opened} if opened else {})
