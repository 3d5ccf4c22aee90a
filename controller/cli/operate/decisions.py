"""`stoker decisions`: the decision log of a pool or of all pools."""

from pathlib import Path

import click

from controller.cli.completion_names import pool_names
from controller.cli.formatting import format_value
from controller.cli.operate.decision_log import MOST, Recorded, from_daemon, from_store
from controller.cli.operate.why_text import requested_of
from controller.cli.options import FILE, url_option
from controller.cli.output import Form, console_of, emit, is_data, output_option
from controller.cli.since import since_of


@click.command()
@click.argument("pool", required=False, shell_complete=pool_names)
@click.option("--since", metavar="TIME", help="Only decisions from then on: 6h, a date, or a time in ISO 8601.")
@click.option("--limit", type=click.IntRange(1, MOST), default=20, show_default=True, help="Newest decisions to print.")
@click.option("--state-dir", type=FILE, metavar="DIR", help="Read the store in this state folder; no daemon is asked.")
@url_option
@output_option
def command(pool: str | None, since: str | None, limit: int, state_dir: Path | None, url: str, form: Form) -> None:
    """Show the newest recorded decisions of POOL (default: of all pools), the newest first.

    A decision is recorded when its plan differs from the one before, not every minute; the daemon keeps 14 days. `-o json` has
    every input, for `stoker replay`. With --state-dir, it also works when no daemon runs.

    \b
    Examples:
      stoker decisions
      stoker decisions chat --since 6h --limit 100
      stoker decisions chat --state-dir /var/lib/stoker -o json | jq '.items[0]' | stoker replay -
    """  # noqa: D301  (click reads the control character)
    from adapters.runtime.clock import SystemClock

    start = None if since is None else since_of(since, SystemClock().now())
    found = from_daemon(url, pool, start, limit) if state_dir is None else from_store(state_dir, pool, start, limit)
    if is_data(form):
        emit("decisions", {"pool": pool, "since": None if start is None else start.isoformat(), "items": found}, form)
    elif found:
        show(found, form)
    else:
        click.echo(f"no decision{'' if pool is None else f' of {pool}'} is recorded{'' if since is None else f' since {since}'}")


def show(found: list[Recorded], form: Form) -> None:
    """Print one line for each decision."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("time (UTC)", "pool", "mode", "action"):
        table.add_column(heading, no_wrap=True)
    table.add_column("requested", justify="right")
    table.add_column("target", justify="right")
    table.add_column("reasons", overflow="fold")
    for each in found:
        time = each["at"][:19].replace("T", " ")
        units = format_value(requested_of(each)), format_value(each["target"])
        table.add_row(time, each["pool"], each["mode"], each["action"], *units, each["text"].replace("[", r"\["))
    console_of(form).print(table)
