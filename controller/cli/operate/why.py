"""`stoker why`: one decision with its inputs, its reasons and the provider's answer."""

import shutil
import urllib.parse

import click

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import fetch
from controller.cli.failure import WrongInput
from controller.cli.operate.decision_log import MOST, from_daemon
from controller.cli.operate.why_text import lines, timeline
from controller.cli.options import url_option
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.since import since_of


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.option("--at", default=None, metavar="TIME", help="Show the decision at this time: ISO 8601 with a zone.  [default: now]")
@click.option("--since", metavar="TIME", help="Show what changed since then: 6h, a date, or a time in ISO 8601.")
@url_option
@output_option
def command(pool: str, at: str | None, since: str | None, url: str, form: Form) -> None:
    """Explain the current target of POOL, the target at an earlier time, or all changes since a time.

    Reads the decision record from a running daemon and shows, in this order: the mode of the pool, the outcome, the demand that
    was read, the forecast, the capacity that was read, the keep-alive, the overrides, the five rules that weigh most with
    the units that each asks for, their weight and simulated cost, and the other rules as one sum; the ensemble before and
    after rounding; the reasons with the target before and after each safety check (guardrail); the provider's answer; and
    what changed since the decision before. For a pool with layers this is the decision of the base; that of the pings above it
    follows. `-o json` has all rules, and is the record for `stoker replay`.

    With --since, it shows each decision since then, the oldest first, with what changed before it.

    \b
    Examples:
      stoker why chat
      stoker why chat --at 2026-03-02T09:30:00Z
      stoker why chat --since 6h
    """  # noqa: D301  (click reads the control character)
    if since is not None:
        if at is not None:
            raise WrongInput("--at and --since: give one of them")
        explain_since(pool, since, url, form)
        return
    query = "" if at is None else f"?{urllib.parse.urlencode({'at': at})}"
    body = fetch(url, f"/v1/pools/{urllib.parse.quote(pool, safe='')}/why{query}")
    if is_data(form):
        emit("why", body, form)
        return
    for text in lines(body, shutil.get_terminal_size().columns):
        click.echo(text)


def explain_since(pool: str, since: str, url: str, form: Form) -> None:
    """Print each decision of a pool since a time, the oldest first; of a pool with layers also those of its pings."""
    from adapters.runtime.clock import SystemClock
    from config.model.layers import OF_TOP

    start = since_of(since, SystemClock().now())
    is_layered = "pings" in fetch(url, f"/v1/pools/{urllib.parse.quote(pool, safe='')}")
    names = (pool, f"{pool}{OF_TOP}") if is_layered else (pool,)
    found = sorted((each for name in names for each in from_daemon(url, name, start, MOST)), key=lambda each: each["at"])
    if is_data(form):
        emit("decisions", {"pool": pool, "since": start.isoformat(), "items": found}, form)
        return
    for text in timeline(pool, start, found, shutil.get_terminal_size().columns):
        click.echo(text)
