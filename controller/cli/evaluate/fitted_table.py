"""Tables of figures that fit a terminal: as many columns as its width allows, and no figure is cut or wrapped. Pure."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

GAP = 2
"""Spaces between two columns."""

SPANS = ("period", "per month")


class Column(NamedTuple):
    """Column of a table: the key of its cells in `Row.period`, or in `Row.month` for figures `per_month`, and its heading.

    A column that is not `required` is left out where it does not fit; the one with the highest `rank` first.
    """

    key: str
    heading: str
    per_month: bool = False
    rank: int = 0

    @property
    def required(self) -> bool:
        """Whether a table without the column makes no sense."""
        return self.rank == 0


class Row(NamedTuple):
    """Row of a table: its name, and its cells by the key of their column."""

    name: str
    period: Mapping[str, str]
    month: Mapping[str, str]
    emphasis: bool = False

    def cell(self, column: Column) -> str:
        """Return the cell of a column."""
        return (self.month if column.per_month else self.period).get(column.key, "")


class Line(NamedTuple):
    """Line of text. `emphasis`: whether it belongs to an emphasised row."""

    text: str
    emphasis: bool = False


def fitted(first: str, rows: Sequence[Row], columns: Sequence[Column], width: int) -> list[Line]:
    """Return a table within `width` characters. If its required columns do not fit beside the names, each name gets a line of its
    own, and each row one line for the period and one for the month. `first`: heading of the names.
    """
    label = max(map(len, [first, *(row.name for row in rows)]))
    chosen = _chosen(label, rows, columns, width)
    if chosen is not None:
        return [*_head(first, label, rows, chosen), *_body(label, rows, chosen)]
    halves = [row._replace(name=f"  {span}", period=cells, month={}) for row in rows
              for span, cells in zip(SPANS, (row.period, row.month), strict=True)]
    label, columns = max(map(len, [first, *(row.name for row in halves)])), [each for each in columns if not each.per_month]
    chosen = _chosen(label, halves, columns, width) or [column for column in columns if column.required]
    lines, body = _head(first, label, halves, chosen), _body(label, halves, chosen)
    for at, row in enumerate(rows):
        lines += [Line(part, row.emphasis) for part in textwrap.wrap(row.name, width)] + body[2 * at : 2 * at + 2]
    return lines


def _chosen(label: int, rows: Sequence[Row], columns: Sequence[Column], width: int) -> list[Column] | None:
    """Return the columns that fit beside a label, those of low rank first; None if the required ones do not fit."""
    left = width - label - sum(_wide(rows, column) for column in columns if column.required)
    if left < 0:
        return None
    kept = {column for column in columns if column.required}
    for column in sorted((column for column in columns if not column.required), key=lambda column: column.rank):
        if (wide := _wide(rows, column)) <= left:
            kept.add(column)
            left -= wide
    return [column for column in columns if column in kept]


def _wide(rows: Sequence[Row], column: Column) -> int:
    """Return the width of a column with the gap before it."""
    return GAP + max(map(len, [*column.heading.split(), *(row.cell(column) for row in rows)]))


def _body(label: int, rows: Sequence[Row], columns: Sequence[Column]) -> list[Line]:
    """Return a line per row."""
    wide = {column: _wide(rows, column) for column in columns}
    texts = [row.name.ljust(label) + "".join(row.cell(column).rjust(wide[column]) for column in columns) for row in rows]
    return [Line(text.rstrip(), row.emphasis) for text, row in zip(texts, rows, strict=True)]


def _head(first: str, label: int, rows: Sequence[Row], columns: Sequence[Column]) -> list[Line]:
    """Return the headings, each in as many lines as its column requires, and a rule."""
    wide = {column: _wide(rows, column) for column in columns}
    parts = {column: textwrap.wrap(column.heading, wide[column] - GAP, break_on_hyphens=False) for column in columns}
    height = max(map(len, parts.values()))
    lines = []
    for at in range(height):
        cells = "".join(([""] * (height - len(parts[column])) + parts[column])[at].rjust(wide[column]) for column in columns)
        lines.append(Line(f"{first if at == height - 1 else '':{label}}{cells}".rstrip()))
    return [*lines, Line("─" * (label + sum(wide.values())))]
