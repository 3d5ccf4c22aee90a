"""`stoker why`: one decision with its inputs, its reasons and the provider's answer."""

import json
import shutil
import urllib.parse

import click

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import fetch
from controller.cli.operate.why_text import lines


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.option("--at", default=None, metavar="TIME", help="Show the decision at this time: ISO 8601 with a zone.  [default: now]")
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, envvar="STOKER_URL", help="URL of the daemon.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON, for `stoker replay`.")
def command(pool: str, at: str | None, url: str, as_json: bool) -> None:
    """Explain the current target of POOL, or the target at an earlier time.

    Reads the decision record from a running daemon and shows, in this order: the mode of the pool, the outcome, the demand that
    was read, the forecast, the capacity that was read, the keep-alive, the overrides, the five rules that weigh most with
    the units that each asks for, their weight and simulated cost, and the other rules as one sum; the ensemble before and
    after rounding; the reasons with the target before and after each safety check (guardrail); the provider's answer; and
    what changed since the decision before. For a pool with layers this is the decision of the base; that of the pings above it
    follows. `--json` has all rules.

    \b
    Examples:
      stoker why chat
      stoker why chat --at 2026-03-02T09:30:00Z
    """  # noqa: D301  (click reads the control character)
    query = "" if at is None else f"?{urllib.parse.urlencode({'at': at})}"
    body = fetch(url, f"/v1/pools/{urllib.parse.quote(pool, safe='')}/why{query}")
    if as_json:
        click.echo(json.dumps(body, indent=2))
        return
    for text in lines(body, shutil.get_terminal_size().columns):
        click.echo(text)
