"""Secrets that this process was given, by their very text: nothing that it says holds one, whatever it looks like.

What a provider quotes, a library puts into an exception and an operator types into a reason is not in our hands. Pure; which
they are, `controller.given` finds out.
"""

import re
from collections.abc import Iterable

HIDDEN = "[redacted]"
SHORTEST = 8
"""Characters; what is shorter would take ordinary words out of every message."""


class Hidden:
    """What must not be said. `generation` grows with it, so that whoever keeps what was said can tell."""

    def __init__(self) -> None:
        self.generation = 0
        self._texts: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, secrets: Iterable[str]) -> None:
        """From now on say none of `secrets`, but for those that are too short to be told from words."""
        found = {secret for secret in secrets if len(secret) >= SHORTEST and secret not in HIDDEN} - self._texts
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
