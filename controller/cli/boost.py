"""`stoker boost`: add warm units to a pool's proposal."""

import re
from typing import Any

import click

from controller.cli.completion import pool_names
from controller.cli.failure import WrongInput
from controller.cli.steer import order, order_options


@click.command()
@click.argument("pool", shell_complete=pool_names)
@click.argument("amount")
@order_options
def command(pool: str, amount: str, **options: Any) -> None:  # noqa: ANN401  (as click hands them over)
    """Raise the proposed target of POOL by AMOUNT until a given time: +5 adds 5 units, x1.5 multiplies by 1.5.

    All limits of the policy apply. While metrics are missing there is no proposal to raise; use `stoker pin` instead.

    \b
    stoker boost chat +5 --for 90m --reason "newsletter goes out"
    stoker boost chat x2 --for 1d --reason "sale"
    """  # noqa: D301
    order(pool, {"kind": "boost", **amount_of(amount)}, options)


def amount_of(text: str) -> dict[str, int | float]:
    """Parse AMOUNT into units or a factor. Raise `WrongInput` when it is neither."""
    if re.fullmatch(r"\+\d{1,7}", text, re.ASCII):
        return {"units": int(text)}
    if re.fullmatch(r"x\d{1,3}(\.\d{1,6})?", text, re.ASCII):
        return {"factor": float(text[1:])}
    raise WrongInput(f"AMOUNT: {text!r} is neither units to add, such as +5, nor a factor, such as x1.5")
