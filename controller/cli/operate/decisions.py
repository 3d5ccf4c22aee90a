"""`stoker decisions`: the decision log of a pool or of all pools."""

from pathlib import Path

import click

from controller.cli.completion_names import pool_names
from controller.cli.formatting import format_value
from controller.cli.operate.decision_log import MOST, Recorded, from_daemon, from_store
from controller.cli.operate.why_text import requested_of
from controller.cli.options import FILE, url_option
from controller.cli.output import Form, console_of_lines, emit, is_data, output_option
from controller.cli.since import since_of

UNITS = ("requested", "target")
HEADINGS = ("time (UTC)", "pool", "mode", "action", *UNITS)
GAP, LEAST_REASONS, INDENT = 2, 30, 4
"""Columns between two columns, fewest for the reasons beside the others, and before them in a line of their own."""


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
        show(found, console_of_lines(form).width)
    else:
        click.echo(f"no decision{'' if pool is None else f' of {pool}'} is recorded{'' if since is None else f' since {since}'}")


def show(found: list[Recorded], width: int) -> None:
    """Print one line for each decision, cut to `width` columns; on a narrow terminal the reasons are in a line of their own."""
    rows = [HEADINGS, *((each["at"][:19].replace("T", " "), each["pool"], each["mode"], each["action"],
                         format_value(requested_of(each)), format_value(each["target"])) for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    start = sum(widths) + GAP * len(widths)
    if width - start < LEAST_REASONS:
        start = 0
    for row, text in zip(rows, ["reasons", *(each["text"] for each in found)], strict=True):
        cells = [cell.rjust(size) if heading in UNITS else cell.ljust(size)
                 for heading, cell, size in zip(HEADINGS, row, widths, strict=True)]
        line, room = (" " * GAP).join(cells), width - (start or INDENT)
        reasons = text if len(text) <= room else f"{text[: room - 1]}…"
        click.echo(f"{line}{' ' * GAP}{reasons}" if start else f"{line}\n{' ' * INDENT}{reasons}")
