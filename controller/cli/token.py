"""The token of whoever steers: from a file or the environment, never from the command line, where every process could read it."""

import os
from pathlib import Path

from controller.cli.failure import WrongInput
from controller.given import hide

VARIABLE = "STOKER_TOKEN"
SHORTEST = 16
"""Characters; a shorter one can be guessed."""
LONGEST = 4096
"""More than fits into a header, and a file that does not end is not a token."""


def read_token(file: Path | None) -> str | None:
    """The token in `file`, else in STOKER_TOKEN, else None. `WrongInput` when it cannot be used; the token is never shown."""
    if file is None:
        text, place = os.environ.get(VARIABLE, ""), VARIABLE
        if not text.strip():
            return None
    else:
        place = str(file)
        try:
            with file.open() as opened:
                text = opened.read(LONGEST + 1)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            raise WrongInput(f"--token-file {place}: cannot be read ({why})") from error
    token = text.strip()
    if not SHORTEST <= len(token) <= LONGEST or not token.isascii() or not token.isprintable() or " " in token:
        raise WrongInput(f"{place}: a token is one line of at least {SHORTEST} ASCII characters without spaces; "
                         "make one with: openssl rand -hex 32")
    hide([token])
    return token
