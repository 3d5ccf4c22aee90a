"""Table of recorded demand as read from a file: times, and columns of cells whose roles are not known yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field

ROLES = ("invocations", "avg_concurrency", "max_concurrency", "avg_duration_ms")
"""Roles of columns. The last one is used only to compute an average concurrency."""


class NotImportable(ValueError):
    """Recording that cannot be imported. The message is one line: `place: what is wrong; what to do`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One recorded quantity. `names`: its names in the file, the display name first. `about`: text that describes it."""

    names: tuple[str, ...]
    cells: Sequence[object]
    about: str = ""

    @property
    def name(self) -> str:
        """Display name."""
        return self.names[0]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with common times, in seconds since the epoch.

    `place`: format of the place of a row, for messages. `rows`: number of each row in the file. `ends`: a time is the end of its
    period instead of the start. `step`: seconds of a period, if the file states it. `notes`: how the file was read, for the user.
    """

    source: str
    place: str
    rows: Sequence[int]
    times: Sequence[float]
    columns: Sequence[Column]
    ends: bool = False
    step: int | None = None
    notes: list[str] = field(default_factory=list)

    def at(self, row: int) -> str:
        """Return the place of a row in its file."""
        return self.place.format(self.rows[row])
