"""Reader of recorded demand in columns of text: exports of consoles, dashboards and spreadsheets."""

import csv
import io
import re
from collections.abc import Sequence
from typing import NamedTuple

from adapters.recording.stamps import NUMBER, STAMP, read_stamps
from adapters.recording.table import Column, NotImportable, Table

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TIME_NAMES = ("timestamp", "time", "date", "datetime", "date time", "date/time", "period", "start", "start time", "period start",
              "bucket", "minute", "time (utc)", "timestamp (utc)", "@timestamp", "_time", "ts", "epoch")
SERIES_NAMES, VALUE_NAMES = ("series", "metric", "name", "label", "series name", "metric name"), ("value", "values")
CONSOLE_ROWS = ("label", "full label", "unit", "id", "statistic", "stat", "period", "region", "account", "account id",
                "metric name", "namespace", "dimensions")
"""First cells of the rows above the data in an export of the CloudWatch console."""
MISSING_CONSOLE_ZONE = "UTC"


class Line(NamedTuple):
    """One row of cells, and the number of its line in the file."""

    number: int
    cells: list[str]


def read_sheet(source: str, text: str, timezone: str | None) -> list[Table]:
    """Return the tables of a text: one, or one per series when each row has one value of one series.

    Raise `NotImportable` when it cannot be read.
    """
    lines, delimiter = lines_of(source, text)
    notes = [] if delimiter == "," else [f"cells are separated by {DELIMITERS[delimiter]}"]
    heads = [line for line in lines[: len(CONSOLE_ROWS)] if line.cells[0].strip().lower() in CONSOLE_ROWS]
    if heads and heads[0] is lines[0] and not is_time(lines[0].cells[0]):
        return [console(source, heads, lines[len(heads):], timezone, notes)]
    header, rows = [cell.strip() for cell in lines[0].cells], lines[1:]
    at = time_column(source, header, rows)
    names = [cell.lower() for cell in header]
    series = next((place for place, name in enumerate(names) if name in SERIES_NAMES), None)
    value = next((place for place, name in enumerate(names) if name in VALUE_NAMES), None)
    if series is not None and value is not None:
        groups: dict[str, list[Line]] = {}
        for row in rows:
            groups.setdefault(row.cells[series].strip(), []).append(Line(row.number, [row.cells[at], row.cells[value]]))
        return [table_of(source, ["", name], members, 0, timezone, None, notes) for name, members in groups.items()]
    return [table_of(source, header, rows, at, timezone, None, notes)]


def lines_of(source: str, text: str) -> tuple[list[Line], str]:
    """Return the rows that are not blank, all with as many cells as the header, and the separator of cells."""
    offset = 0
    declared = re.match(r"sep=(.)\r?\n", text)
    if declared is not None:
        text, offset = text[declared.end():], 1
    delimiter = declared[1] if declared is not None else separator(text)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    lines: list[Line] = []
    try:
        lines += (Line(reader.line_num + offset, cells) for cells in reader if any(cell.strip() for cell in cells))
    except csv.Error as error:
        raise NotImportable(f"{source}:{reader.line_num + offset}: invalid CSV ({error}); close the quotes") from None
    if len(lines) < 2:
        raise NotImportable(f"{source}:1: no rows below the header; a recording has a row for each time")
    wide = len(lines[0].cells)
    for line in lines:
        while len(line.cells) > wide and not line.cells[-1].strip():
            line.cells.pop()
        if len(line.cells) != wide:
            raise NotImportable(f"{source}:{line.number}: {len(line.cells)} cells, the header has {wide}; leave unknown cells "
                                "empty, but keep their separators")
    return lines, delimiter


def separator(text: str) -> str:
    """Return the separator of cells: the one that splits the first row into the most cells."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = re.sub(r'"[^"]*"', "", first)
    return max(DELIMITERS, key=outside.count)


def time_column(source: str, header: Sequence[str], rows: Sequence[Line]) -> int:
    """Return the index of the column of times: the one with such a name, or else the first with times."""
    if is_time(header[0]) or all(re.fullmatch(r"[\d.,:\-/TZ +]*", cell) for cell in header):
        raise NotImportable(f"{source}:1: the first row has values and no names; add a row above it, such as "
                            "timestamp,invocations,avg_concurrency,max_concurrency")
    for place, name in enumerate(header):
        if name.lower() in TIME_NAMES:
            return place
    for place in range(len(header)):
        if is_time(rows[0].cells[place]) and not NUMBER.fullmatch(rows[0].cells[place].strip()):
            return place
    raise NotImportable(f"{source}:1: no column has times; name the column of times timestamp (columns: "
                        f"{', '.join(header)[:120]})")


def is_time(cell: str) -> bool:
    """Return whether a cell has the form of an instant."""
    text = cell.strip()
    return STAMP.fullmatch(text) is not None or (NUMBER.fullmatch(text) is not None and len(text.partition(".")[0]) >= 9)


def console(source: str, heads: Sequence[Line], rows: Sequence[Line], timezone: str | None, notes: list[str]) -> Table:
    """Return the table of an export of the CloudWatch console: rows of labels, units and ids above the data."""
    if not rows:
        raise NotImportable(f"{source}:{heads[-1].number}: no rows below the labels; a recording has a row for each time")
    names = {line.cells[0].strip().lower(): [cell.strip() for cell in line.cells] for line in heads}
    columns = range(len(heads[0].cells))
    described = [cells for name, cells in names.items()
                 if name in ("label", "full label", "metric name", "id", "statistic", "stat")]
    header = [" ".join(dict.fromkeys(cells[place] for cells in described)) for place in columns]
    labels = names.get("label") or names.get("metric name") or names.get("full label") or header
    notes = [*notes, "an export of the CloudWatch console"]
    table = table_of(source, labels, rows, 0, timezone, MISSING_CONSOLE_ZONE, notes, header)
    ids = names.get("id", labels)
    full = names.get("full label", labels)
    more = [Column(tuple(dict.fromkeys((each.name, ids[place], full[place]))), each.cells, each.about)
            for place, each in zip(columns[1:], table.columns, strict=True)]
    return Table(table.source, table.place, table.rows, table.times, more, notes=table.notes)


def table_of(source: str, header: Sequence[str], rows: Sequence[Line], at: int, timezone: str | None, default: str | None,
             notes: Sequence[str], about: Sequence[str] | None = None) -> Table:
    """Return the table of `rows`, whose times are in column `at`. `about`: texts that describe the columns."""
    place, numbers = f"{source}:{{}}", [line.number for line in rows]
    stamps = read_stamps([line.cells[at] for line in rows], timezone, default, lambda row: place.format(numbers[row]))
    columns = [Column((name or f"column {column + 1}", str(column + 1)), [line.cells[column] for line in rows],
                      (about or header)[column]) for column, name in enumerate(header) if column != at]
    return Table(source, place, numbers, stamps.times, columns, notes=[*notes, *stamps.notes])
