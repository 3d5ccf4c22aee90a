"""`stoker pause`: keep a pool's warm capacity unchanged."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import order, order_options


@click.command()
@click.argument("pool", shell_complete=pool_names)
@order_options
def command(pool: str, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """Keep the warm capacity of POOL unchanged until a given time.

    \b
    stoker pause chat --for 2h --reason "load test"
    """  # noqa: D301  (click reads the control character)
    order(pool, {"kind": "pause"}, options)
