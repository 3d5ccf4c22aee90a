"""`stoker pin`: set a pool to a fixed number of warm units."""

from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.steer import order, order_options


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("units", type=click.IntRange(min=0))
@order_options
def command(pool: str, units: int, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """Set POOL to UNITS warm units until a given time, regardless of the forecast and also while metrics are missing.

    Scale-in delays and step limits do not apply. Floor, ceiling, budget and quota still apply.

    \b
    stoker pin chat 12 --until 2026-03-02T18:00:00Z --reason "product launch"
    """  # noqa: D301
    order(pool, {"kind": "pin", "units": units}, options)
