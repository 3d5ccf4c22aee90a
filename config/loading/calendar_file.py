"""Calendar files of a policy, each read once."""

from pathlib import Path
from typing import NamedTuple

from config.model.ics import MOST_BYTES, BadCalendar, read_calendar


class Unusable(NamedTuple):
    """Reason why a file cannot be used; `line` is 0 when no line is at fault."""

    file: Path
    line: int
    message: str


class Calendars:
    """Reader of calendar files, with paths relative to `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, str | Unusable] = {}

    def read(self, name: str) -> str | Unusable:
        """Return the text of a file, or the reason why it cannot be used."""
        if name not in self._read:
            self._read[name] = self._load(self._folder / name)
        return self._read[name]

    @staticmethod
    def _load(path: Path) -> str | Unusable:
        try:
            if not path.is_file():  # reading a pipe or a device could block
                return Unusable(path, 0, "does not exist" if not path.exists() else "is not a regular file")
            with path.open("rb") as file:
                return read_calendar(file.read(MOST_BYTES + 1))
        except BadCalendar as error:
            return Unusable(path, error.line, error.message)
        except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
            return Unusable(path, 0, f"cannot be read: {getattr(error, 'strerror', None) or error}")
