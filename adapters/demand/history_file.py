"""Recorded demand from a file: one row a minute, strict, and every complaint names its line and what to do.

The columns are `timestamp` (UTC, start of the minute), `invocations`, `avg_concurrency` and `max_concurrency`; others are
ignored. An empty cell is a gap: unknown, not zero; requests without a maximum count as requests. A file that is not exactly so is
refused rather than guessed at: a hole read as quiet, or local time read as UTC, would make every figure wrong without a trace.
A row that contradicts itself, such as one with requests at zero concurrency, is kept as unknown, and its line is reported.
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

from adapters.demand.history_times import StampStyle, Trouble, time_axis
from adapters.runtime.files import whole_file
from forecasting.demand import DemandSeries
from forecasting.plausible import UNUSUAL, Doubts, doubts, without

MOST_BYTES = 128 * 2**20
"""Of text, unpacked: about five years of minutes. More is a wrong file, or one made to fill the memory."""

NUMBERS = ("invocations", "avg_concurrency", "max_concurrency")
HEADER = ("timestamp", *NUMBERS)
GREATEST = 1e9
"""Requests or units in a minute: far more than any account runs, and few enough for exact sums of a whole history."""

GZIP_MAGIC = b"\x1f\x8b"

NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


class HistoryError(ValueError):
    """A history that cannot be used. The message is one line: `file:line: what is wrong; what to do`."""


class Doubt(NamedTuple):
    """A row that cannot be right and counts as unknown. `what` is wrong with it."""

    line: int
    what: str


class History(NamedTuple):
    """A file's demand, the way it writes time, and the rows that count as unknown although they have values."""

    path: Path
    series: DemandSeries
    style: StampStyle
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The text of a file, gone through again with line numbers once something is known to be wrong."""

    path: Path
    text: str

    def wrong(self, line: int, what: str) -> HistoryError:
        """The error for a line."""
        return HistoryError(f"{self.path}:{line}: {what}")

    def importable(self, line: int, what: str, does: str, options: str = "") -> HistoryError:
        """The error for a line of a file that an import brings into form, with the command and what it does."""
        return self.wrong(line, f"{what} (stoker history import {self.path}{options} --output OUT {does})")

    def trouble(self, found: Trouble) -> HistoryError:
        """The error for a time that is wrong."""
        line = next(line for row, (line, _) in enumerate(self.numbered()) if row == found.row)
        if not found.does:
            return self.wrong(line, found.what)
        return self.importable(line, found.what, found.does, found.options)

    def rows(self) -> list[list[str]]:
        """All rows that are not blank, the header first."""
        try:
            return [row for row in csv.reader(io.StringIO(self.text), strict=True) if row]
        except csv.Error:
            raise next(self._damage()) from None

    def numbered(self) -> Iterator[tuple[int, list[str]]]:
        """Rows below the header, each with its line in the file."""
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
    """The demand recorded in a `.csv` or `.csv.gz` file; `HistoryError` when it cannot be trusted."""
    return open_history(path).series


def open_history(path: Path) -> History:
    """Like `read_history`, with the style of the file's timestamps."""
    sheet = Sheet(path, unpacked(path))
    if sheet.text.lstrip()[:1] in ("{", "["):
        raise sheet.importable(1, "this is JSON and has no rows", "reads it")
    rows = sheet.rows()
    at = positions(rows[0] if rows else [], sheet)
    if len(rows) < 2:
        raise sheet.wrong(1, "no rows below the header; a history needs a row for each minute")
    wide = len(rows[0])
    for line, row in sheet.numbered() if any(len(row) != wide for row in rows) else ():
        if len(row) != wide:
            raise sheet.wrong(line, f"{len(row)} cells, the header has {wide}; leave unknown cells empty, but keep the commas")
    columns = list(zip(*rows[1:], strict=True))
    times = time_axis(columns[at["timestamp"]])
    if isinstance(times, Trouble):
        raise sheet.trouble(times)
    first_minute, style = times
    invocations, busy, peak = (numbers(columns[at[name]], name, at[name], sheet) for name in NUMBERS)
    series = DemandSeries(first_minute, peak, busy, invocations)
    found = doubts(series)
    # a rounded average may exceed a rounded maximum; the maximum is the firmer of the two
    within = np.where(np.isnan(peak), busy, np.fmin(busy, peak))
    kept = DemandSeries(first_minute, np.where(np.isnan(busy), np.float32(np.nan), peak), within, invocations)
    kept = kept if found is None else without(kept, found.any)
    return History(path, kept, style, () if found is None else named(found, series, sheet))


def named(found: Doubts, series: DemandSeries, sheet: Sheet) -> tuple[Doubt, ...]:
    """Return the rows of `series` that cannot be right, each with its line and what is wrong with it."""
    lines = [line for line, _ in sheet.numbered()]
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
    """Write a file that `read_history` reads as the same series, packed when its name ends in `.gz`; whole or not at all."""
    columns = [StampStyle().write(series.first_minute, len(series))]
    columns += [cells(values) for values in (series.invocations, series.busy, series.peak)]
    text = "\n".join([",".join(HEADER), *map(",".join, zip(*columns, strict=True)), ""]).encode()
    with whole_file(path) as file:
        file.write(gzip.compress(text, mtime=0) if path.suffix == ".gz" else text)


def cells(values: NDArray[np.float32]) -> list[str]:
    """Each number as short as it can be read back, and nothing where it is unknown."""
    return ["" if text == "nan" else text.removesuffix(".0") for text in values.astype(str).tolist()]


def unpacked(path: Path) -> str:
    """The text of a file, packed or not; no more than `MOST_BYTES` is ever held."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP_MAGIC
        with gzip.open(path, "rb") if packed else path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise HistoryError(f"{path}: there is no such file; check the path") from None
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


def positions(header: Sequence[str], sheet: Sheet) -> dict[str, int]:
    """Where each column stands."""
    names = [name.strip() for name in header]
    for name in HEADER:
        if names.count(name) != 1:
            what = "missing" if name not in names else "there more than once"
            raise sheet.importable(1, f"column {name} is {what}; the header must be {','.join(HEADER)}",
                                   "reads other headers, and JSON")
    return {name: names.index(name) for name in HEADER}


def numbers(cells: Sequence[str], name: str, column: int, sheet: Sheet) -> NDArray[np.float32]:
    """A column as float32, NaN where a cell is empty."""
    try:
        with np.errstate(over="ignore"):
            values = np.array([float(cell) if cell else np.nan for cell in cells]).astype(np.float32)
        lawful = int(((values >= 0) & (values <= GREATEST)).sum()) + cells.count("") == len(values)
    except ValueError:
        lawful = False
    if not lawful or any("_" in cell for cell in cells):  # Python alone reads 1_0 as ten
        for line, row in sheet.numbered():
            complaint = number_problem(row[column])
            if complaint is not None:
                raise sheet.wrong(line, f"{name} is {row[column]!r}; {complaint}")
    return values + np.float32(0)  # a minus zero becomes zero


def number_problem(cell: str) -> str | None:
    """What is wrong with a cell that should be empty or a number from zero up."""
    if not cell:
        return None
    if not NUMBER.fullmatch(cell):
        return "write a number, or leave the cell empty where it is unknown"
    if float(cell) > GREATEST:
        return f"write a number up to {GREATEST:.0e}, or leave the cell empty where it is unknown"
    return "it cannot be below zero" if float(cell) < 0 else None
