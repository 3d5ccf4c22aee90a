"""`stoker unpause`: end a pool's pause early."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import daemon_options, end


@click.command()
@click.argument("pool", shell_complete=pool_names)
@daemon_options
def command(pool: str, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """End the pause of POOL early; a pin and a boost stay.

    \b
    Example:
      stoker unpause chat
    """  # noqa: D301  (click reads the control character)
    end(pool, "pause", options)
