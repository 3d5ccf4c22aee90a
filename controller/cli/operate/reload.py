"""`stoker reload`: make a running daemon read its policy file again."""

from typing import Any

import click

from controller.cli.daemon_client import daemon_options, send_to
from controller.cli.output import emit, is_data

WAIT_SECONDS = 900.0
"""Longer than a daemon learns the history of many changed pools before the new policy takes effect."""


@click.command()
@daemon_options
def command(**options: Any) -> None:  # noqa: ANN401  (the options of the decorator)
    """Make a running daemon read its policy file again, and show what has changed.

    The whole file is validated first. One that is refused changes nothing: the policy in use stays. Only changed pools are
    touched, nothing restarts, and what was learned stays.

    \b
    Example:
      stoker reload

    \b
    Exit code 0 when the policy is in use, 2 when it was refused, 1 when the daemon does not answer.
    """  # noqa: D301  (click reads the control character)
    answer = send_to("POST", "/v1/reload", options, b"", WAIT_SECONDS, wrong=(409,))
    if is_data(options["form"]):
        emit("reload", answer, options["form"])
        return
    diff = answer["diff"] or {}
    for sign, names in (("+", diff.get("added", ())), ("-", diff.get("removed", ())), ("~", diff.get("changed", ()))):
        for name in names:
            click.echo(f"{sign} pool {name}")
    click.echo(f"{answer['outcome']}: {answer['text']} (policy {answer['hash']}, {answer['seconds']:.1f} s)")
