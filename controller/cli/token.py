"""The token for overrides: from a file or the environment, never from the command line, which other processes can read."""

import os
from pathlib import Path

from controller.cli.failure import WrongInput
from controller.redaction.process_secrets import register_secrets

VARIABLE = "STOKER_TOKEN"
SHORTEST = 16
"""Characters; a shorter one can be guessed."""
LONGEST = 4096
"""Characters; more does not fit in a header. It also limits the read of an endless file."""


def read_token(file: Path | None) -> str | None:
    """Return the token in `file`, else in STOKER_TOKEN, else None. Raise `WrongInput`, without the token, when it is invalid."""
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
            why = error.strerror if isinstance(error, OSError) else "not a text file"
            raise WrongInput(f"--token-file {place}: cannot be read ({why})") from error
    token = text.strip()
    if not SHORTEST <= len(token) <= LONGEST or not token.isascii() or not token.isprintable() or " " in token:
        raise WrongInput(f"{place}: a token is one line of {SHORTEST} to {LONGEST} ASCII characters without spaces; "
                         "create one with: openssl rand -hex 32")
    register_secrets([token])
    return token
