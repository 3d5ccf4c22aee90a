"""`stoker pause`: hold a pool's warm capacity as it is."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import order, order_options


@click.command()
@click.argument("pool", shell_complete=pool_names)
@order_options
def command(pool: str, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """Hold the warm capacity of POOL as it is, for a while: nothing is raised, nothing is lowered.

    \b
    stoker pause chat --for 2h --reason "load test"
    """  # noqa: D301  (click reads the control character)
    order(pool, {"kind": "pause"}, options)
