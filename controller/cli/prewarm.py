"""`stoker prewarm`: warm units for expected users."""

import json
from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import daemon_options, line, send


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("units", type=click.IntRange(min=1))
@click.option("--for", "span", required=True, metavar="SPAN", help="Duration, such as 10m or 1h.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason, recorded with the override.")
@click.option("--by", default=None, metavar="NAME", help="Requester, recorded with the override.  [default: an application]")
@daemon_options
def command(pool: str, units: int, span: str, reason: str, by: str | None, **options: Any) -> None:  # noqa: ANN401
    """Keep at least UNITS of POOL warm for a given time, for expected users. Applications do the same over HTTP.

    The policy's `prewarm` limits units, duration and frequency; ceiling and budget apply too. The output shows the granted units.

    \b
    stoker prewarm chat 5 --for 10m --reason "webinar ends"
    """  # noqa: D301
    wish = {"units": units, "for": span, "reason": reason} | ({} if by is None else {"by": by})
    answer = send("POST", pool, options, json.dumps(wish).encode(), "/prewarm")
    if options["as_json"]:
        click.echo(json.dumps(answer, indent=2))
        return
    limited = f", limited by {', '.join(answer['limited_by'])}" if answer["limited_by"] else ""
    cost = "" if answer["cost_usd"] is None else f", estimated bill {answer['cost_usd']:.4f} USD"
    click.echo(f"{pool}: {answer['granted']} of {units} granted{limited}{cost}; {answer['takes_effect']}")
    if answer["set"] is not None:
        click.echo(f"{pool}: {line(answer['set'])}; expected ready at {answer['ready_at'][11:16]} UTC")
