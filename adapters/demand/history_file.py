"""Recorded demand in a CSV file with one row a minute. Every error names the line and the remedy.

The columns are `timestamp` (UTC, start of the minute), `invocations`, `avg_concurrency` and `max_concurrency`; others are
ignored. An empty cell is unknown, not zero; requests without a maximum count as requests. A file in any other form is refused,
because a gap that is read as idle, or local time that is read as UTC, would make every figure wrong without an error. A
contradictory row, such as one with requests at zero concurrency, counts as unknown, and its line is reported.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.demand.history_times import StampStyle, TimeProblem, time_axis
from adapters.runtime.files import whole_file
from forecasting.demand import DemandSeries
from forecasting.plausible import UNUSUAL, Doubts, doubts, without

MOST_BYTES = 128 * 2**20
"""Maximum size of the unpacked text: about 5 years of minutes. A larger file is a wrong one, or made to fill the memory."""

NUMBERS = ("invocations", "avg_concurrency", "max_concurrency")
HEADER = ("timestamp", *NUMBERS)
GREATEST = 1e9
"""Maximum of requests or units in a minute: far more than any account runs, and few enough for exact sums of a history."""

GZIP_MAGIC = b"\x1f\x8b"

NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


class HistoryError(ValueError):
    """A history that cannot be used. The message is one line: `file:line: what is wrong; what to do`."""


class Doubt(NamedTuple):
    """Row with impossible values, which counts as unknown. `what`: the error."""

    line: int
    what: str


class History(NamedTuple):
    """Demand of a file, the form of its timestamps, and the rows that count as unknown although they have values."""

    path: Path
    series: DemandSeries
    style: StampStyle
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class HistoryText:
    """Text of a file, which is parsed again to find the line of an error."""

    path: Path
    text: str

    def wrong(self, line: int, what: str) -> HistoryError:
        """Return the error of a line."""
        return HistoryError(f"{self.path}:{line}: {what}")

    def importable(self, line: int, what: str, does: str, options: str = "") -> HistoryError:
        """Return the error of a line that `stoker history import` corrects, with the command and its effect."""
        return self.wrong(line, f"{what} (stoker history import {self.path}{options} --output OUT {does})")

    def wrong_time(self, problem: TimeProblem) -> HistoryError:
        """Return the error of a wrong timestamp."""
        line = next(line for row, (line, _) in enumerate(self.numbered()) if row == problem.row)
        if not problem.does:
            return self.wrong(line, problem.what)
        return self.importable(line, problem.what, problem.does, problem.options)

    def rows(self) -> list[list[str]]:
        """Return all rows that are not blank, the header first. Raise `HistoryError`."""
        try:
            return [row for row in csv.reader(io.StringIO(self.text), strict=True) if row]
        except csv.Error:
            raise next(self._damage()) from None

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Return the rows below the header, each with its line in the file."""
        reader = csv.reader(io.StringIO(self.text), strict=True)
        next(reader, None)
        for row in reader:
            if row:
                yield reader.line_num, row

    def _damage(self) -> Iterator[HistoryError]:
        reader = csv.reader(io.StringIO(self.text), strict=True)
        try:
            for _ in reader:
                pass
        except csv.Error as error:
            yield self.wrong(reader.line_num, f"not readable as CSV ({error}); write plain commas and no quotes")


def read_history(path: Path) -> DemandSeries:
    """Return the demand recorded in a `.csv` or `.csv.gz` file. Raise `HistoryError` for an invalid file."""
    return open_history(path).series


def open_history(path: Path) -> History:
    """Return a file's demand, the form of its timestamps and its impossible rows. Raise `HistoryError` for an invalid file."""
    text = HistoryText(path, unpacked(path))
    if text.text.lstrip()[:1] in ("{", "["):
        raise text.importable(1, "this is JSON and not CSV", "reads it")
    rows = text.rows()
    at = positions(rows[0] if rows else [], text)
    if len(rows) < 2:
        raise text.wrong(1, "no rows below the header; add a row for each minute")
    wide = len(rows[0])
    for line, row in text.numbered() if any(len(row) != wide for row in rows) else ():
        if len(row) != wide:
            raise text.wrong(line, f"{len(row)} cells, the header has {wide}; leave unknown cells empty, but keep the commas")
    columns = list(zip(*rows[1:], strict=True))
    times = time_axis(columns[at["timestamp"]])
    if isinstance(times, TimeProblem):
        raise text.wrong_time(times)
    first_minute, style = times
    invocations, busy, peak = (numbers(columns[at[name]], name, at[name], text) for name in NUMBERS)
    series = DemandSeries(first_minute, peak, busy, invocations)
    known, impossible = cleaned(series)
    return History(path, known, style, () if impossible is None else named(impossible, series, text))


def cleaned(series: DemandSeries) -> tuple[DemandSeries, Doubts | None]:
    """Return the usable part of recorded demand, and which minutes are impossible and count as unknown; None without any."""
    impossible = doubts(series)
    # a rounded average may exceed a rounded maximum; the maximum is the more exact of the two
    within = np.where(np.isnan(series.peak), series.busy, np.fmin(series.busy, series.peak))
    peak = np.where(np.isnan(series.busy), np.float32(np.nan), series.peak)
    known = DemandSeries(series.first_minute, peak, within, series.invocations)
    return known if impossible is None else without(known, impossible.any), impossible


def named(found: Doubts, series: DemandSeries, text: HistoryText) -> tuple[Doubt, ...]:
    """Return the impossible rows of `series`, each with its line and its error."""
    lines = [line for line, _ in text.numbered()]
    out = []
    for row in np.flatnonzero(found.any).tolist():
        requests, busy, peak = (f"{float(column[row]):.10g}" for column in (series.invocations, series.busy, series.peak))
        what = f"invocations is {requests} at a max_concurrency of {peak}, over {UNUSUAL:g} times the requests usual for the work"
        if found.idle[row]:
            what = f"invocations is {requests} and avg_concurrency {busy} at a max_concurrency of 0"
        elif found.crowded[row]:
            what = f"avg_concurrency is {busy}, above the max_concurrency of {peak}"
        out.append(Doubt(lines[row], what))
    return tuple(out)


def write_history(path: Path, series: DemandSeries) -> None:
    """Write `series` to a file atomically, compressed when its name ends in `.gz`. `read_history` returns the same series."""
    columns = [StampStyle().write(series.first_minute, len(series))]
    columns += [cells(values) for values in (series.invocations, series.busy, series.peak)]
    text = "\n".join([",".join(HEADER), *map(",".join, zip(*columns, strict=True)), ""]).encode()
    with whole_file(path) as file:
        file.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def cells(values: NDArray[np.float32]) -> list[str]:
    """Return each number in its shortest exact form; empty when it is unknown."""
    return ["" if text == "nan" else text.removesuffix(".0") for text in values.astype(str).tolist()]


def unpacked(path: Path) -> str:
    """Return the text of a file, compressed or not. Raise `HistoryError` above `MOST_BYTES`, which limits the memory in use."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        with gzip.open(path, "rb") if packed else path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise HistoryError(f"{path}: the file does not exist; check the path") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise HistoryError(f"{path}: damaged gzip ({error}); compress it again") from None
    except OSError as error:
        raise HistoryError(f"{path}: cannot be read ({error.strerror or error}); check the path and its permissions") from None
    if len(content) > MOST_BYTES:
        raise HistoryError(f"{path}: more than {MOST_BYTES // 2**20} MB unpacked; remove rows of weeks that are not needed")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise HistoryError(f"{path}:{line}: not UTF-8 text; save it as plain CSV") from None


def positions(header: Sequence[str], text: HistoryText) -> dict[str, int]:
    """Return the index of each column. Raise `HistoryError` when one is missing or repeated."""
    names = [name.strip() for name in header]
    for name in HEADER:
        if names.count(name) != 1:
            what = "missing" if name not in names else "repeated"
            raise text.importable(1, f"column {name} is {what}; the header must be {','.join(HEADER)}",
                                   "reads other headers, and JSON")
    return {name: names.index(name) for name in HEADER}


def numbers(cells: Sequence[str], name: str, column: int, text: HistoryText) -> NDArray[np.float32]:
    """Return a column as float32, NaN where a cell is empty. Raise `HistoryError` for an invalid cell."""
    try:
        with np.errstate(over="ignore"):
            values = np.array([float(cell) if cell else np.nan for cell in cells]).astype(np.float32)
        valid = int(((values >= 0) & (values <= GREATEST)).sum()) + cells.count("") == len(values)
    except ValueError:
        valid = False
    if not valid or any("_" in cell for cell in cells):  # Python reads 1_0 as 10
        for line, row in text.numbered():
            problem = number_problem(row[column])
            if problem is not None:
                raise text.wrong(line, f"{name} is {row[column]!r}; {problem}")
    return values + np.float32(0)  # a minus zero becomes zero


def number_problem(cell: str) -> str | None:
    """Return the error of a cell that must be empty or a number of at least 0; None when it is valid."""
    if not cell:
        return None
    if not NUMBER.fullmatch(cell):
        return "write a number, or leave the cell empty where it is unknown"
    if float(cell) > GREATEST:
        return f"write a number up to {GREATEST:.0e}, or leave the cell empty where it is unknown"
    return "it must be at least 0" if float(cell) < 0 else None
