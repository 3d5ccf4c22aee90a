"""What a file of recorded demand holds before it is known what is what: times, and columns of cells beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

ROLES = ("invocations", "avg_concurrency", "max_concurrency", "avg_duration_ms")
"""What a column can stand for; the last only to work out an average concurrency."""


class NotImportable(ValueError):
    """A recording that cannot be imported. The message is one line: `place: what is wrong; what to do`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One recorded quantity. `names`: what the file calls it, the first for people. `about`: all that says what it is."""

    names: tuple[str, ...]
    cells: Sequence[object]
    about: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns that share their times. `place`: where row {} stands, for messages. `ends`: times end their period, not begin it.

    `step`: seconds of a period, where the file says so. `said`: what to tell people of how it was read.
    """

    source: str
    place: str
    rows: Sequence[int]
    times: Sequence[float]
    columns: Sequence[Column]
    ends: bool = False
    step: int | None = None
    said: list[str] = field(default_factory=list)

    def at(self, row: int) -> str:
        """Where a row of the table stands in its file."""
        return self.place.format(self.rows[row])
