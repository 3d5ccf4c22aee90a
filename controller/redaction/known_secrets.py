"""Secrets that this process was given, by their very text: nothing that it says holds one, whatever it looks like.

What a provider quotes, a library puts into an exception and an operator types into a reason is not in our hands. Pure; which
they are, `controller.redaction.process_secrets` finds out.
"""

import re
from collections.abc import Iterable

HIDDEN = "[redacted]"
SHORTEST = 8
"""Characters; what is shorter would take ordinary words out of every message."""

ORDINARY = frozenset("""
    password passw0rd password1 password123 changeme change-me change_me changeit letmein123 welcome1 undefined disabled anonymous
    placeholder administrator superuser postgres postgresql rabbitmq wordpress localhost localhost:8080 127.0.0.1 127.0.0.1:8080
    example.com development production cloudwatch amazonaws amazonaws.com googleapis googleapis.com
""".split())  # noqa: SIM905  (words, and many)
"""Values that secrets have by default, and words that messages hold anyway: to hide them blanks messages and protects nothing."""

REGION = re.compile(r"(?:[a-z]{2,14}-){1,2}[a-z]+-?\d{1,2}[a-z]?")
"""Of AWS, Google Cloud and Azure."""


def is_ordinary(text: str) -> bool:
    """Whether messages hold `text` without anybody's having been given it."""
    return len(text) < SHORTEST or text.casefold() in ORDINARY or REGION.fullmatch(text) is not None or text in HIDDEN


class Hidden:
    """What must not be said. `generation` grows with it, so that whoever keeps what was said can tell."""

    def __init__(self) -> None:
        self.generation = 0
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on say none of `secrets`, but for those that cannot be told from ordinary text."""
        found = {secret for secret in secrets if not is_ordinary(secret)} - self._texts
        if found:
            self._texts |= found
            longest_first = sorted(self._texts, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            self.generation += 1

    def without(self, text: str) -> str:
        """`text` without them."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


HERE = Hidden()
"""Of this process; filled as it starts."""
