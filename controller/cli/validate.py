"""`stoker validate`: a policy's problems with their places, or what it says in short."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.policy import Objective, Policy, PoolPolicy
from controller.cli.failure import WrongInput

MOST_ROWS = 40
MOST_WINDOWS = 3
"""Of one event."""


def objective_text(objective: Objective) -> str:
    """An objective in a few words."""
    if objective.warm_hit_rate is not None:
        return f"{objective.warm_hit_rate:.4g} warm"
    return f"{objective.cold_start_cost_usd:g} USD a cold start"


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines with aligned columns."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def summary(path: Path, policy: Policy, now: datetime) -> str:
    """What a right policy says: how many pools, by which levers, in which modes, each pool in a line, and what is announced."""
    pools = policy.pools
    modes = Counter(pool.mode for pool in pools)
    levers = Counter(pool.lever.kind for pool in pools)
    lines = [
        f"{path}: OK, {len(pools)} {'pool' if len(pools) == 1 else 'pools'}",
        f"  modes   {', '.join(f'{count} {mode}' for mode, count in sorted(modes.items()))}",
        f"  levers  {', '.join(f'{count} {kind}' for kind, count in sorted(levers.items()))}",
    ]
    head = ("pool", "mode", "floor", "ceiling", "objective", "schedules", "lever", "resource")
    rows = [
        (pool.name, pool.mode, str(pool.min), str(pool.max), objective_text(pool.objective), str(len(pool.schedules)),
         pool.lever.kind, pool.lever.resource)
        for pool in pools[:MOST_ROWS]
    ]
    lines.extend(f"  {line}" for line in table([head, *rows]))
    if len(pools) > MOST_ROWS:
        lines.append(f"  and {len(pools) - MOST_ROWS} more (--json shows all)")
    lines.extend(f"  {line}".rstrip() for line in announced(policy, now))
    return "\n".join(lines)


def announced(policy: Policy, now: datetime) -> list[str]:
    """The next windows of each pool's events, on the wall of the event's own zone."""
    from controller.agenda import agenda

    rows = []
    for pool in policy.pools[:MOST_ROWS]:
        for each in agenda(pool, now, MOST_WINDOWS):
            begin, end = each.local
            rows.append((pool.name, each.window.name, f"{begin:%a %Y-%m-%d %H:%M}", f"{end:%a %Y-%m-%d %H:%M}",
                         each.event.timezone, each.expected))
    return ["", *table([("pool", "announced event", "from", "until", "timezone", "expected"), *rows])] if rows else []


def pool_json(pool: PoolPolicy, now: datetime) -> dict[str, Any]:
    """A pool with its defaults merged in, as the policy file would say it, and when its events come next."""
    from controller.agenda import agenda

    body: dict[str, Any] = pool.model_dump(mode="json", exclude_none=True)
    windows = [{"name": each.window.name, "start": each.window.start.isoformat(), "end": each.window.end.isoformat(),
                "local_start": each.local[0].isoformat(), "local_end": each.local[1].isoformat(),
                "factor": each.event.factor, "size": each.event.size} for each in agenda(pool, now, MOST_WINDOWS)]
    return body | {"next_events": windows} if windows else body


@click.command()
@click.argument("policies", metavar="POLICY...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object: every problem, and each pool with its defaults.")
def command(policies: tuple[Path, ...], as_json: bool) -> None:
    """Check policy files. Every problem is named with its file, line and column; nothing is contacted and nothing is changed.

    \b
    Example:
      stoker validate policy.yaml
      policy.yaml:14:5 pools[1].mim: unknown key 'mim': did you mean min? allowed: name, lever, ...

    \b
    Exit code 0 when all are right, 2 when any is wrong. In a pipeline:
      stoker validate --json policies/*.yaml
    """  # noqa: D301  (click reads the control character)
    from adapters.clock import SystemClock
    from adapters.registry import lever_kinds
    from config.loader import PolicyError, Problem, load_policy
    from controller.agenda import all_forgotten
    from controller.metadata_urls import metadata_warnings

    kinds, now = lever_kinds(), SystemClock().now()
    problems: list[Problem] = []
    right: dict[Path, Policy] = {}
    for path in policies:
        try:
            right[path] = load_policy(path, kinds)
        except PolicyError as error:
            problems.extend(error.problems)
    warnings = [text for policy in right.values() for text in (*all_forgotten(policy, now), *metadata_warnings(policy, {}))]
    if as_json:
        files = [{"file": str(path), "pools": [pool_json(pool, now) for pool in policy.pools],
                  "assume": policy.assume.model_dump(mode="json")} for path, policy in right.items()]
        found = [{"file": problem.file, "line": problem.line, "column": problem.column, "path": problem.path,
                  "message": problem.message} for problem in problems]
        click.echo(json.dumps({"valid": not problems, "problems": found, "warnings": warnings, "files": files}, indent=2))
        if problems:
            click.get_current_context().exit(WrongInput.exit_code)
        return
    for path, policy in right.items():
        click.echo(summary(path, policy, now))
    for text in warnings:
        click.echo(f"warning: {text}", err=True)
    if problems:
        raise WrongInput("\n".join(str(problem) for problem in problems))
