"""The calendar files that a policy names, each read once."""

from pathlib import Path
from typing import NamedTuple

from config.model.ics import MOST_BYTES, BadCalendar, read_calendar


class Unusable(NamedTuple):
    """Why a file cannot be used; `line` 0 where it is not about any of its lines."""

    file: Path
    line: int
    message: str


class Calendars:
    """Reads calendar files relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, str | Unusable] = {}

    def read(self, name: str) -> str | Unusable:
        """The text of a file that can be used, or why it cannot."""
        if name not in self._read:
            self._read[name] = self._load(self._folder / name)
        return self._read[name]

    @staticmethod
    def _load(path: Path) -> str | Unusable:
        try:
            if not path.is_file():  # a pipe or a device would be waited for
                return Unusable(path, 0, "is not there" if not path.exists() else "is not a file")
            with path.open("rb") as file:
                return read_calendar(file.read(MOST_BYTES + 1))
        except BadCalendar as error:
            return Unusable(path, error.line, error.message)
        except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
            return Unusable(path, 0, f"cannot be read: {getattr(error, 'strerror', None) or error}")
