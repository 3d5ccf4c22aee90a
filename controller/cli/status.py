"""`stoker status`: what a running daemon says is warm."""

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.steer import line

TIMEOUT_SECONDS = 10.0


@click.command()
@click.argument("pool", required=False)
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, envvar="STOKER_URL", help="Where the daemon answers.")
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's JSON as it is.")
def command(pool: str | None, url: str, as_json: bool) -> None:
    """Ask a running daemon what is warm now, and what is coming; of one POOL, also why."""
    path = "/status" if pool is None else f"/v1/pools/{urllib.parse.quote(pool, safe='')}"
    body = fetch(url, path)
    if as_json:
        click.echo(json.dumps(body, indent=2))
    elif pool is None:
        show_all(body)
    else:
        show_one(body)


def fetch(url: str, path: str, timeout_seconds: float = TIMEOUT_SECONDS) -> dict[str, Any]:
    """The daemon's answer; each way to fail in one line."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise WrongInput(f"--url {url}: give http://HOST:PORT")
    try:
        with urllib.request.urlopen(url.rstrip("/") + path, timeout=timeout_seconds) as answer:  # noqa: S310  (scheme checked)
            body = json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            text = json.load(error)["error"]
        except (ValueError, KeyError, TypeError):
            text = f"answered {error.code}"
        raise (WrongInput if error.code == 400 else Failed)(f"{url}: {text}") from error
    except (OSError, ValueError) as error:
        why = getattr(error, "reason", error)
        raise Failed(f"{url} does not answer ({why}): is `stoker run` running there? --url names another place") from error
    if not isinstance(body, dict):
        raise Failed(f"{url} is not a Stoker daemon: its answer is no JSON object")
    return body


def show_all(body: dict[str, Any]) -> None:
    """Every pool in a line."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("pool", overflow="fold")
    table.add_column("mode")
    for heading in ("requested", "ready", "busy", "peak", "target", "data age", "USD today", "USD month"):
        table.add_column(heading, justify="right")
    table.add_column("last decision", overflow="fold", ratio=1)
    for pool in body["pools"]:
        said = pool["error"] or (pool["decision"] or {}).get("text") or "-"
        table.add_row(pool["name"], pool["mode"], shown(pool["requested"]), shown(pool["ready"]), shown(pool["busy"], ".1f"),
                      shown(pool["peak"], ".0f"), shown(pool["target"]), shown(pool["data_age_seconds"], ".0f", " s"),
                      shown(pool["cost_today_usd"], ".2f"), shown(pool["cost_month_usd"], ".2f"), said.replace("[", r"\["))
    console = Console()
    console.print(table)
    for pool in body["pools"]:
        for override in pool["overrides"]:
            console.print(f"{pool['name']}: {line(override)}", highlight=False, markup=False)
        for text in pool["event_warnings"]:
            console.print(f"{pool['name']}: {text}", highlight=False, markup=False)
    reads = sum(source["reads_usd_per_month"] or 0 for source in body["sources"])
    for key, each in body["limits"].items():
        if isinstance(each, dict):
            console.print(f"{key}: {each['used']:g} of {each['limit']:g}", highlight=False)
    console.print(f"\nas of {body['as_of'] or 'never: no tick has run yet'}; reading metrics costs {reads:.2f} USD a month",
                  highlight=False)


def show_one(pool: dict[str, Any]) -> None:
    """One pool with the trail of its last plan."""
    click.echo(f"{pool['name']}  ({pool['mode']}, {pool['lever']})")
    rows = (
        ("requested / ready", f"{shown(pool['requested'])} / {shown(pool['ready'])}"),
        ("demand: busy / peak", f"{shown(pool['busy'], '.1f')} / {shown(pool['peak'], '.0f')}"),
        ("target", shown(pool["target"])),
        ("data age", shown(pool["data_age_seconds"], ".0f", " s") + f" ({pool['sight']})"),
        ("traffic", pool["traffic"] + (f", blind since {pool['blind_since']}" if pool["blind_since"] else "")),
        ("lead time", shown(pool["lead_time_seconds"], ".0f", " s")),
        ("USD today / month", f"{shown(pool['cost_today_usd'], '.2f')} / {shown(pool['cost_month_usd'], '.2f')}"),
        ("saved this month", shown(pool["saved_month_usd"], ".2f", " USD")),
        ("next hours (UTC)", next_hours(pool)),
        ("error", pool["error"] or "-"),
        *(("override", line(override)) for override in pool["overrides"]),
        *(("event", f"{each['name']} ({each['start'][:16]} to {each['end'][:16]} UTC): {each['expected']}")
          for each in pool["events"]),
        *(("warning", text) for text in pool["event_warnings"]),
    )
    for name, value in rows:
        click.echo(f"  {name:20} {value}")
    click.echo("  why")
    for reason in pool["reasons"]:
        click.echo(f"    {reason['code']:18} {reason['text']}")


def next_hours(told: dict[str, Any], now: str = "as_of") -> str:
    """The plan of the next hours where it changes, or why there is none. `now`: the key of the instant it counts from."""
    if told["next"] is None:
        return f"- ({told['next_missing']})"
    begin = datetime.fromisoformat(told[now])
    changes = [pair for before, pair in pairwise([[0, None], *told["next"]]) if before[1] != pair[1]]
    times = (begin + timedelta(minutes=minutes) for minutes, _ in changes)
    return ", ".join(f"{time:%H:%M} {units}" for time, (_, units) in zip(times, changes, strict=True))


def shown(value: float | None, form: str = "d", unit: str = "") -> str:
    """A number with its unit, or a dash where it is not known."""
    return "-" if value is None else format(value, form) + unit
