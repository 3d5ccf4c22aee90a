"""`stoker status --watch`: the state of a daemon, repeatedly until Ctrl-C."""

from collections.abc import Callable
from typing import Any

import click

from controller.cli.failure import Failed, print_error

EVERY_SECONDS = 5.0
"""Time between two requests. A daemon plans once a minute, and after an override at once."""

Body = dict[str, Any]


def watch(read: Callable[[], Body], text_of: Callable[[Body], str], pause: Callable[[float], object], height: int | None) -> None:
    """Show `text_of` what `read` returns until Ctrl-C. Raise `Failed` if the first read fails; a later one is repeated.

    `pause` waits for a number of seconds. `height`: lines of the terminal, which is redrawn; None: print each new state once.
    """
    body, error, shown = read(), "", None
    try:
        while True:
            if height is not None:
                redraw(text_of(body), error, height)
            elif body.get("as_of") != shown:
                click.echo(text_of(body), nl=False, color=True)
                shown = body.get("as_of")
            pause(EVERY_SECONDS)
            try:
                body, error = read(), ""
            except Failed as failed:
                if height is None and not error:
                    print_error(failed.message)
                error = failed.message
    except KeyboardInterrupt:
        return


def redraw(text: str, error: str, height: int) -> None:
    """Replace the screen of the terminal by the first lines of a text, and a last line about the watch."""
    lines, room = text.splitlines(), max(2, height - 2)
    if len(lines) > room:
        lines = [*lines[: room - 1], f"... {len(lines) - room + 1} more lines"]
    last = f"stoker: {error}" if error else f"every {EVERY_SECONDS:.0f} s; Ctrl-C stops"
    click.echo("\x1b[H\x1b[2J" + "\n".join([*lines, last]), color=True)
