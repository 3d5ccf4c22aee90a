"""`stoker why`: one decision with its inputs, its reasons and the provider's answer."""

import shutil
import urllib.parse

import click

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import fetch
from controller.cli.operate.why_text import lines
from controller.cli.options import url_option
from controller.cli.output import Form, emit, is_data, output_option


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.option("--at", default=None, metavar="TIME", help="Show the decision at this time: ISO 8601 with a zone.  [default: now]")
@url_option
@output_option
def command(pool: str, at: str | None, url: str, form: Form) -> None:
    """Explain the current target of POOL, or the target at an earlier time.

    Reads the decision record from a running daemon and shows, in this order: the mode of the pool, the outcome, the demand that
    was read, the forecast, the capacity that was read, the keep-alive, the overrides, the five rules that weigh most with
    the units that each asks for, their weight and simulated cost, and the other rules as one sum; the ensemble before and
    after rounding; the reasons with the target before and after each safety check (guardrail); the provider's answer; and
    what changed since the decision before. For a pool with layers this is the decision of the base; that of the pings above it
    follows. `-o json` has all rules, and is the
    record for `stoker replay`.

    \b
    Examples:
      stoker why chat
      stoker why chat --at 2026-03-02T09:30:00Z
    """  # noqa: D301  (click reads the control character)
    query = "" if at is None else f"?{urllib.parse.urlencode({'at': at})}"
    body = fetch(url, f"/v1/pools/{urllib.parse.quote(pool, safe='')}/why{query}")
    if is_data(form):
        emit("why", body, form)
        return
    for text in lines(body, shutil.get_terminal_size().columns):
        click.echo(text)
