"""`stoker pin`: keep a pool at a number."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import order, order_options


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("units", type=click.IntRange(min=0))
@order_options
def command(pool: str, units: int, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """Keep POOL at UNITS warm units for a while, whatever is forecast, and also while metrics are missing.

    It takes effect at once: no delay and no step limit slows it. Floor, ceiling, budget and quota still bind.

    \b
    stoker pin chat 12 --until 2026-03-02T18:00:00Z --reason "product launch"
    """  # noqa: D301
    order(pool, {"kind": "pin", "units": units}, options)
