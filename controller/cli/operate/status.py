"""`stoker status`: warm capacity and plans of a running daemon."""

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any, NamedTuple

import click

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import fetch
from controller.cli.formatting import format_value, line_with_effect, next_hours

WITHOUT_TERMINAL = 200
"""Width in columns when output is not a terminal."""


@click.command()
@click.argument("pool", required=False, shell_complete=pool_names)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, envvar="STOKER_URL", help="URL of the daemon.")
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's JSON answer unchanged.")
def command(pool: str | None, url: str, as_json: bool) -> None:
    """Show capacity and targets of all pools of a running daemon. With POOL, show one pool with its reasons.

    \b
    Examples:
      stoker status
      stoker status chat
      stoker status --json | jq '.pools[] | select(.error) | .name'
    """  # noqa: D301  (click reads the control character)
    path = "/status" if pool is None else f"/v1/pools/{urllib.parse.quote(pool, safe='')}"
    body = fetch(url, path)
    if as_json:
        click.echo(json.dumps(body, indent=2))
    elif pool is None:
        show_all(body)
    else:
        show_one(body)


class Column(NamedTuple):
    """A column of the table. `drop`: in a narrow terminal, columns with a higher value are removed first; 0 is never removed."""

    heading: str
    drop: int
    cell: Callable[[dict[str, Any]], str]


COLUMNS = (
    Column("pool", 0, lambda pool: str(pool["name"])),
    Column("mode", 3, lambda pool: str(pool["mode"])),
    Column("requested", 0, lambda pool: format_value(pool["requested"])),
    Column("ready", 1, lambda pool: format_value(pool["ready"])),
    Column("by others", 2, lambda pool: format_value(pool.get("kept_by_others"))),
    Column("busy", 8, lambda pool: format_value(pool["busy"], ".1f")),
    Column("peak", 5, lambda pool: format_value(pool["peak"], ".0f")),
    Column("target", 0, lambda pool: format_value(pool["target"])),
    Column("data age", 6, lambda pool: format_value(pool["data_age_seconds"], ".0f", " s")),
    Column("USD today", 7, lambda pool: format_value(pool["cost_today_usd"], ".2f")),
    Column("USD month", 4, lambda pool: format_value(pool["cost_month_usd"], ".2f")),
    Column("last decision", 2, lambda pool: pool["error"] or (pool["decision"] or {}).get("text") or "-"),
)
OTHERS = next(column for column in COLUMNS if column.heading == "by others")
GAP, LEAST_TEXT = 2, 20
"""Gap between columns, and minimum width of the last column, which takes the remaining width."""


def fitting(pools: list[dict[str, Any]], width: int) -> dict[Column, int]:
    """Return the columns that fit, with their widths. `by others` is included only when a pool has such units."""
    name, text = COLUMNS[0], COLUMNS[-1]
    columns = [column for column in COLUMNS if column is not OTHERS or any(pool.get("kept_by_others") for pool in pools)]
    widths = {column: max([len(column.heading), *(len(column.cell(pool)) for pool in pools)]) for column in columns}
    widths[name], widths[text] = min(widths[name], max(12, width // 3)), LEAST_TEXT
    while (over := sum(widths.values()) + GAP * (len(widths) - 1) - width) > 0 and any(column.drop for column in widths):
        del widths[max(widths, key=lambda column: column.drop)]
    if text in widths:
        widths[text] -= over
    return widths


def show_all(body: dict[str, Any]) -> None:
    """Print one line per pool, cut to the terminal's width; `WITHOUT_TERMINAL` columns without a terminal."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = Console(width=WITHOUT_TERMINAL)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    columns = fitting(body["pools"], console.width)
    for column, width in columns.items():
        words = column in (COLUMNS[0], COLUMNS[1], COLUMNS[-1])
        table.add_column(column.heading, justify="left" if words else "right", no_wrap=True, overflow="ellipsis", width=width)
    for pool in body["pools"]:
        table.add_row(*(column.cell(pool).replace("[", r"\[") for column in columns))
    console.print(table)
    if any(pool["mode"] == "shadow" for pool in body["pools"]):
        console.print("Pools in shadow mode: requested and ready are simulated.", highlight=False)
    for pool in body["pools"]:
        for override in pool["overrides"]:
            console.print(f"{pool['name']}: {line_with_effect(override)}", highlight=False, markup=False)
        for text in pool["event_warnings"]:
            console.print(f"{pool['name']}: {text}", highlight=False, markup=False)
    for orphan in body.get("orphans", ()):
        console.print(f"orphan {orphan['pool']}: {orphan['text']}", highlight=False, markup=False)
    reads = sum(source["reads_usd_per_month"] or 0 for source in body["sources"])
    for key, each in body["limits"].items():
        if isinstance(each, dict):
            console.print(f"{key}: {each['used']:g} of {each['limit']:g}", highlight=False)
    console.print(f"\nas of {body['as_of'] or 'never: no tick has run yet'}; metric reads cost {reads:.2f} USD per month",
                  highlight=False)


def show_one(pool: dict[str, Any]) -> None:
    """Print one pool with the reasons of its last plan."""
    click.echo(f"{pool['name']}  ({pool['mode']}, {pool['lever']})")
    rows = (
        ("requested / ready", f"{format_value(pool['requested'])} / {format_value(pool['ready'])}"
                              + (" (simulated)" if pool["mode"] == "shadow" else "")),
        *((("kept by others", others(pool)),) if pool.get("kept_by_others") else ()),
        ("demand: busy / peak", f"{format_value(pool['busy'], '.1f')} / {format_value(pool['peak'], '.0f')}"),
        ("target", format_value(pool["target"])),
        ("data age", format_value(pool["data_age_seconds"], ".0f", " s") + f" ({pool['freshness']})"),
        ("traffic",
         pool["traffic"] + (f", metrics missing since {pool['metrics_missing_since']}" if pool["metrics_missing_since"] else "")),
        ("lead time", format_value(pool["lead_time_seconds"], ".0f", " s")),
        ("keep-alive", pool["keep_alive"]["text"]),
        ("USD today / month", f"{format_value(pool['cost_today_usd'], '.2f')} / {format_value(pool['cost_month_usd'], '.2f')}"),
        ("cold starts today", ranged(pool, "cold_starts_today", ".0f")),
        ("without Stoker", ranged(pool, "cold_starts_today_without", ".0f")),
        ("saved this month", format_value(pool["saved_month_usd"], ".2f", " USD") + between(pool.get("saved_month_range_usd"),
                                                                                            ".2f")),
        ("next hours (UTC)", next_hours(pool) + (" (without overrides)" if pool["overrides"] else "")),
        ("error", pool["error"] or "-"),
        *(("override", line_with_effect(override)) for override in pool["overrides"]),
        *(("event", f"{each['name']} ({each['start'][:16]} to {each['end'][:16]} UTC): {each['expected']}")
          for each in pool["events"]),
        *(("warning", text) for text in pool["event_warnings"]),
    )
    for name, value in rows:
        click.echo(f"  {name:20} {value}")
    click.echo("  reasons")
    for reason in pool["reasons"]:
        click.echo(f"    {reason['code']:18} {reason['text']}")


def ranged(pool: dict[str, Any], key: str, style: str) -> str:
    """Return a figure with its range over the possible keep-alive values."""
    return format_value(pool[key], style) + between(pool.get(f"{key}_range"), style)


def between(ends: list[float] | None, style: str) -> str:
    """Return a figure's range over the possible keep-alive values; empty without a range."""
    return "" if ends is None else f" ({ends[0]:{style}} to {ends[1]:{style}} likely)"


def others(pool: dict[str, Any]) -> str:
    """Return the units that other settings keep warm, and their bill."""
    hour, month = format_value(pool["others_usd_per_hour"], ".4f"), format_value(pool["others_month_usd"], ".2f")
    return f"{pool['kept_by_others']} by {pool['kept_by']}; {hour} USD per hour, {month} USD this month"
