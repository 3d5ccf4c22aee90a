"""Secrets of this process, removed by their exact text from everything that it logs, stores or sends.

Providers quote requests, libraries put values into exceptions, and operators type reasons: any of them can contain a secret.
`controller.redaction.process_secrets` collects the secrets.
"""

import re
from collections.abc import Iterable

HIDDEN = "[redacted]"
SHORTEST = 8
"""Minimum number of characters; a shorter secret would remove ordinary words from messages."""

ORDINARY = frozenset("""
    password passw0rd password1 password123 changeme change-me change_me changeit letmein123 welcome1 undefined disabled anonymous
    placeholder administrator superuser postgres postgresql rabbitmq wordpress localhost localhost:8080 127.0.0.1 127.0.0.1:8080
    example.com development production cloudwatch amazonaws amazonaws.com googleapis googleapis.com
""".split())  # noqa: SIM905  (a list literal would take 25 lines)
"""Default values of secrets, and common words of messages: hiding them would blank messages and protect nothing."""

REGION = re.compile(r"(?:[a-z]{2,14}-){1,2}[a-z]+-?\d{1,2}[a-z]?")
"""Region names of AWS, Google Cloud and Azure."""


def is_ordinary(text: str) -> bool:
    """Return whether `text` occurs in messages also when it is not a secret."""
    return len(text) < SHORTEST or text.casefold() in ORDINARY or REGION.fullmatch(text) is not None or text in HIDDEN


class KnownSecrets:
    """Texts to remove. `generation` grows with each added secret, so that caches of redacted texts can be invalidated."""

    def __init__(self) -> None:
        self.generation = 0
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """Add `secrets`, except those that are indistinguishable from ordinary text."""
        added = {secret for secret in secrets if not is_ordinary(secret)} - self._texts
        if added:
            self._texts |= added
            longest_first = sorted(self._texts, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            self.generation += 1

    def without(self, text: str) -> str:
        """Return `text` with every secret replaced."""
        return text if self._pattern is None else self._pattern.sub(HIDDEN, text)


PROCESS_SECRETS = KnownSecrets()
"""Secrets of this process; filled at its start."""
