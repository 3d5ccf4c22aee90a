"""A history file to which another program appends: its new rows, read when it has changed.

Other than a file of `adapters.demand.history_file`, it may lack minutes, which are unknown, and a later row of a minute replaces
an earlier one. A last line without a line break is not complete yet and is read again.
"""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from adapters.demand.history_file import HEADER, NUMBERS, number_problem
from adapters.demand.history_times import minute_at
from adapters.ports.errors import AdapterError, Malformed
from forecasting.demand import DemandSeries

MOST_BYTES = 8 * 2**20
"""Maximum size of a reading: more than 100 days of minutes. Of a longer file, the end is read."""

KEPT = 15 * 1440
"""Newest minutes that are kept."""

AHEAD = 60
"""Minutes in the future whose rows are kept, because the clocks of two machines differ."""

COMPARED = 256
"""Bytes before the end of the last reading that must be unchanged; else the file is another one and is read from its start."""

LONGEST_HEADER = 4096
REMEDY = "correct path of demand, or start the program that writes it"


@dataclass
class FollowedFile:
    """Rows of one file so far, and the place up to which it was read. `update` blocks: call it in a thread."""

    path: Path
    rows: DemandSeries = field(default_factory=lambda: DemandSeries.empty(0))
    fault: AdapterError | None = None
    """Error of the lines of the last reading that had new ones."""
    _inode: int = -1
    _offset: int = 0
    _before: bytes = b""
    _columns: tuple[int, ...] = ()

    def update(self, end: int) -> None:
        """Read what is new, of minutes around `end`. Raise `AdapterError` when the file cannot be read."""
        try:
            # O_NONBLOCK: a named pipe would block until something writes to it
            with os.fdopen(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                self._read(file, end)
        except FileNotFoundError:
            raise Malformed(f"{self.path}: the file does not exist: {REMEDY}") from None
        except OSError as error:
            raise Malformed(f"{self.path}: cannot be read ({error.strerror or error}): check the permissions of the file "
                              "and its folders") from None

    def _read(self, file: BinaryIO, end: int) -> None:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise Malformed(f"{self.path}: not a regular file: {REMEDY}")
        file.seek(max(0, self._offset - len(self._before)))
        if status.st_ino != self._inode or file.read(len(self._before)) != self._before:
            self._restart(file, status.st_ino)
        start = max(self._offset, status.st_size - MOST_BYTES)
        file.seek(start)
        content = file.read(MOST_BYTES)
        complete = content.rfind(b"\n") + 1
        if not complete:
            return
        lines = content[:complete].splitlines()
        self._add(lines[1:] if start > self._offset else lines, end)
        self._offset = start + complete
        file.seek(max(0, self._offset - COMPARED))
        self._before = file.read(min(self._offset, COMPARED))

    def _restart(self, file: BinaryIO, inode: int) -> None:
        """Begin at the first row. The rows so far remain: after a rotation, the new file continues them."""
        file.seek(0)
        header = file.readline(LONGEST_HEADER)
        names = [name.strip() for name in header.decode("utf-8-sig", "replace").strip().split(",")]
        if not header.endswith(b"\n") or any(names.count(name) != 1 for name in HEADER):
            self._inode, self._before = -1, b""
            raise Malformed(f"{self.path}:1: the header must be {','.join(HEADER)}: correct the program that writes it")
        self._columns = tuple(names.index(name) for name in HEADER)
        self._inode, self._offset, self._before = inode, len(header), header[-COMPARED:]

    def _add(self, lines: list[bytes], end: int) -> None:
        """Add the rows of complete lines. A line that cannot be read, and its minute, stay unknown."""
        found: dict[int, list[float]] = {}
        wrong = []
        for line in lines:
            row = self._row(line.decode("utf-8", "replace").strip()) if line.strip() else None
            if isinstance(row, str):
                wrong.append(row)
            elif row is not None and end - KEPT <= row[0] < end + AHEAD:
                found[row[0]] = row[1]
        self.fault = None if not wrong else Malformed(
            f"{self.path}: {len(wrong)} new lines cannot be read, and their minutes are unknown; the first: {wrong[0]}: correct "
            "the program that writes it")
        if found:
            first = min(found)
            new = DemandSeries.empty(first, max(found) + 1 - first)
            for minute, (requests, busy, peak) in found.items():
                at = minute - first
                new.invocations[at] = requests
                new.busy[at] = busy if np.isnan(peak) else min(busy, peak)
                new.peak[at] = np.nan if np.isnan(busy) else peak
            self.rows = self.rows.updated(new) if len(self.rows) else new
        oldest = end - KEPT
        self.rows = self.rows.window(max(self.rows.first_minute, oldest), max(self.rows.end_minute, oldest))

    def _row(self, line: str) -> tuple[int, list[float]] | str:
        """Return the minute and the numbers of a line, or its error."""
        cells = line.split(",")
        if len(cells) <= max(self._columns):
            return f"{line[:80]!r} has too few cells"
        at, *places = self._columns
        minute = minute_at(cells[at].strip())
        if isinstance(minute, str):
            return minute
        for name, place in zip(NUMBERS, places, strict=True):
            problem = number_problem(cells[place].strip())
            if problem is not None:
                return f"{name} is {cells[place].strip()[:40]!r}; {problem}"
        return minute, [float(cells[place]) if cells[place].strip() else np.nan for place in places]
