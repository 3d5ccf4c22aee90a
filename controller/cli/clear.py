"""`stoker clear`: end a pool's overrides early."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import daemon_options, end


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.option("--only", type=click.Choice(["pause", "pin", "boost"]), default=None,
              help="End only this override; the others stay.")
@daemon_options
def command(pool: str, only: str | None, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """End the pause, the pin and the boost of POOL early.

    \b
    Example:
      stoker clear chat --only pin
    """  # noqa: D301  (click reads the control character)
    end(pool, only, options)
