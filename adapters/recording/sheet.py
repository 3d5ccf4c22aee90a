"""Reader of recorded demand in columns of text: exports of consoles, dashboards and spreadsheets."""

import csv
import io
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from adapters.recording.stamps import NUMBER, STAMP, read_stamps
from adapters.recording.table import Column, NotImportable, Table

DAY = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", re.ASCII)
CLOCK = re.compile(r"\d{1,2}:\d\d", re.ASCII)
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
    heads = label_rows(lines)
    if heads:
        return [console(source, heads, lines[len(heads):], timezone, notes)]
    header, rows = with_joined_times([cell.strip() for cell in lines[0].cells], lines[1:], notes)
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
    """Return the rows that are not blank, all with as many cells as the header, and the separator of cells.

    Lines above the header that begin with # are comments.
    """
    offset = 0
    while text.startswith("#"):
        text, offset = text.partition("\n")[2], offset + 1
    declared = re.match(r"sep=(.)\r?\n", text)
    if declared is not None:
        text, offset = text[declared.end():], offset + 1
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


def label_rows(lines: Sequence[Line]) -> list[Line]:
    """Return the rows of labels above the data of an export of the CloudWatch console; none for another file.

    The console writes a row for each attribute of the metrics, also dimensions under their own name, such as FunctionName.
    """
    above = list(takewhile(lambda line: not is_time(line.cells[0]), lines))
    known = [line for line in above if line.cells[0].strip().lower() in CONSOLE_ROWS]
    return above if len(above) > 1 and known else known


def with_joined_times(header: list[str], rows: Sequence[Line], notes: list[str]) -> tuple[list[str], Sequence[Line]]:
    """Return header and rows with a column of dates and a column of times of day joined into the first of the two."""
    names = [name.lower() for name in header]
    if not rows or "date" not in names or "time" not in names:
        return header, rows
    day, clock = names.index("date"), names.index("time")
    if not DAY.fullmatch(rows[0].cells[day].strip()) or not CLOCK.match(rows[0].cells[clock].strip()):
        return header, rows
    notes.append("the columns date and time are joined")
    joined = [Line(row.number, [f"{row.cells[day].strip()} {row.cells[clock].strip()}" if place == day else cell
                                for place, cell in enumerate(row.cells) if place != clock]) for row in rows]
    return ["timestamp" if place == day else name for place, name in enumerate(header) if place != clock], joined


def time_column(source: str, header: Sequence[str], rows: Sequence[Line]) -> int:
    """Return the index of the column of times: one with such a name, or else the first with times.

    Of several columns with such a name, the first whose times need no zone is preferred: Datadog writes local time beside it.
    """
    if is_time(header[0]) or all(re.fullmatch(r"[\d.,:\-/TZ +]*", cell) for cell in header):
        raise NotImportable(f"{source}:1: the first row has values and no names; add a row above it, such as "
                            "timestamp,invocations,avg_concurrency,max_concurrency")
    called = [place for place, name in enumerate(header) if name.lower() in TIME_NAMES]
    exact = [place for place in called if is_exact(rows[0].cells[place].strip())]
    if called:
        return (exact or called)[0]
    for place in range(len(header)):
        if is_time(rows[0].cells[place]) and not NUMBER.fullmatch(rows[0].cells[place].strip()):
            return place
    raise NotImportable(f"{source}:1: no column has times; name the column of times timestamp (columns: "
                        f"{', '.join(header)[:120]})")


def is_time(cell: str) -> bool:
    """Return whether a cell has the form of an instant."""
    text = cell.strip()
    return STAMP.fullmatch(text) is not None or (NUMBER.fullmatch(text) is not None and len(text.partition(".")[0]) >= 9)


def is_exact(text: str) -> bool:
    """Return whether a cell is a number since the epoch, or a time with a zone."""
    stamp = STAMP.fullmatch(text)
    return bool(stamp["zone"].strip()) if stamp is not None else NUMBER.fullmatch(text) is not None and is_time(text)


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
