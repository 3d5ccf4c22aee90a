"""Reader of numbers in files: with a decimal comma or a thousands comma, and with the common texts for unknown values."""

import math
import re
from collections.abc import Callable, Sequence
from functools import partial

from adapters.recording.table import NotImportable

UNKNOWN = ("", "nan", "null", "none", "-", "--", "n/a", "na", "#n/a", "undefined", "no data")
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+", re.ASCII)
DOTTED = re.compile(r"[+-]?\d{1,3}(\.\d{3})+", re.ASCII)
GREATEST = 1e9


def read_numbers(cells: Sequence[object], name: str, comma: str | None, at: Callable[[int], str]) -> list[float]:
    """Return the values of a column, NaN where unknown. `comma`: the result of `comma_of` for its table.

    Raise `NotImportable` for a cell that is not a number from 0 to `GREATEST`.
    """
    plain = None if comma else plain_numbers(cells)
    return plain or [one_number(cell, name, comma, partial(at, row)) for row, cell in enumerate(cells)]


def plain_numbers(cells: Sequence[object]) -> list[float] | None:
    """Return the values of a column of plain numbers and empty cells; None for other columns. The fast path for most columns."""
    try:
        values = [math.nan if cell is None or cell == "" else float(str(cell)) for cell in cells]
    except ValueError:
        return None
    in_range = all(0 <= value <= GREATEST or cell in ("", None) for value, cell in zip(values, cells, strict=True))
    return values if in_range and not any(isinstance(cell, str) and "_" in cell for cell in cells) else None


def one_number(cell: object, name: str, comma: str | None, at: Callable[[], str]) -> float:
    """Return the value of one cell, NaN where unknown."""
    text = "" if cell is None else str(cell).strip()
    if text.lower() in UNKNOWN:
        return math.nan
    plain = text
    if comma == "decimal" and ("," in text or DOTTED.fullmatch(text)):
        plain = text.replace(".", "").replace(",", ".")
    elif comma == "decimal" and "." in text and isinstance(cell, str):
        raise NotImportable(f"{at()}: {name} is {text!r}, while other numbers have a decimal comma; use one format")
    elif comma == "thousands":
        plain = text.replace(",", "")
    elif THOUSANDS.fullmatch(text) and "," in text:
        raise NotImportable(f"{at()}: {name} is {text!r}, which can be {text.replace(',', '')} or {text.replace(',', '.')}; "
                            "write it without the comma")
    if not PLAIN.fullmatch(plain):
        raise NotImportable(f"{at()}: {name} is {text!r}; write a plain number without a unit, or leave the cell empty if the "
                            "value is unknown")
    value = float(plain)
    if value < 0:
        raise NotImportable(f"{at()}: {name} is {text}; it cannot be below 0")
    if value > GREATEST:
        raise NotImportable(f"{at()}: {name} is {text}; write a number up to {GREATEST:.0e}")
    return value


def comma_of(columns: Sequence[Sequence[object]], at: Callable[[int], str]) -> str | None:
    """Return the meaning of commas in the numbers of a table: "decimal" or "thousands"; None if no number determines it."""
    row_of: dict[str, int] = {}
    for cells in columns:
        for row, cell in enumerate(cells):
            text = cell.strip() if isinstance(cell, str) and "," in cell else ""
            if not text:
                continue
            thousands, decimal = THOUSANDS.fullmatch(text), DECIMAL_COMMA.fullmatch(text)
            if thousands and not decimal:
                row_of.setdefault("thousands", row)
            elif decimal and (not thousands or text.lstrip("+-").startswith("0")):
                row_of.setdefault("decimal", row)
    if len(row_of) > 1:
        raise NotImportable(f"{at(max(row_of.values()))}: some numbers have a decimal comma and some a thousands comma; "
                            "use one format")
    return next(iter(row_of), None)
