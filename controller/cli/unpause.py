"""`stoker unpause`: end a pause before its time."""

from typing import Any

import click

from controller.cli.steer import daemon_options, end


@click.command()
@click.argument("pool")
@daemon_options
def command(pool: str, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """End a pause of POOL before its time; a pin and a boost stay."""
    end(pool, "pause", options)
