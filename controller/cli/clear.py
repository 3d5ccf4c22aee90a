"""`stoker clear`: end what was ordered for a pool before its time."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import daemon_options, end


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.option("--only", type=click.Choice(["pause", "pin", "boost"]), default=None, help="End this one and leave the others.")
@daemon_options
def command(pool: str, only: str | None, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """End the pause, the pin and the boost of POOL before their time.

    \b
    Example:
      stoker clear chat --only pin
    """  # noqa: D301  (click reads the control character)
    end(pool, only, options)
