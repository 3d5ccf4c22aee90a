"""Chart in characters: each mark is one character at its cold starts (across, compressed) and its bill (upwards)."""

from collections.abc import Sequence
from math import asinh
from typing import NamedTuple

from rich.text import Text

CAPTION = "cold starts (compressed scale)"
AXIS, CORNER, UPRIGHT = "─", "└", "│"
TICKS = (0, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000, 100_000_000)


class Mark(NamedTuple):
    """A character at a number of cold starts and a bill in USD."""

    symbol: str
    cold_starts: float
    bill_usd: float
    style: str = ""


def scatter(marks: Sequence[Mark], width: int, height: int) -> list[Text]:
    """Return the lines of a chart; of marks in one place the last one is shown."""
    bills = [mark.bill_usd for mark in marks]
    low, high = min(bills), max(bills)
    labels = {0: f"{low:,.2f}", height - 1: f"{high:,.2f}"}
    margin = max(len(label) for label in labels.values()) + 2
    across = max(10, width - margin - 2)
    places = across_of([mark.cold_starts for mark in marks], across)
    cells = {}
    for mark, column in zip(marks, places, strict=True):
        row = round((mark.bill_usd - low) / (high - low) * (height - 1)) if high > low else 0
        cells[row, column] = mark
    lines = [Text("bill (USD)", style="dim")]
    for row in reversed(range(height)):
        line = Text(f"{labels.get(row, ''):>{margin - 2}} {UPRIGHT}", style="dim")
        for column in range(across):
            mark_at = cells.get((row, column))
            line.append(*(" ", "") if mark_at is None else (mark_at.symbol, f"not dim {mark_at.style}"))
        line.rstrip()
        lines.append(line)
    lines.append(Text(f"{' ' * (margin - 1)}{CORNER}{AXIS * across}", style="dim"))
    lines.append(Text(" " * margin + ticks([mark.cold_starts for mark in marks], across), style="dim"))
    lines.append(Text(f"{' ' * min(margin, max(0, width - len(CAPTION)))}{CAPTION}", style="dim"))
    return lines


def compressed(cold_starts: float) -> float:
    """Return the place of a number of cold starts: linear below about 5, logarithmic above."""
    return asinh(cold_starts / 5)


def across_of(values: Sequence[float], width: int, within: Sequence[float] | None = None) -> list[int]:
    """Return the column of each value on an axis that spans the values, or those of `within`."""
    ends = [compressed(value) for value in (values if within is None else within)]
    low, high = min(ends), max(ends)
    return [round((compressed(value) - low) / (high - low) * (width - 1)) if high > low else 0 for value in values]


def ticks(values: Sequence[float], width: int) -> str:
    """Return the labels of the axis: round numbers within its range, and its ends."""
    low, high = min(values), max(values)
    line = [" "] * width
    inner = [tick for tick in TICKS if low < tick < high]
    for value in [low, high, *inner] if high > low else [low]:
        label = f"{value:,.0f}"
        column = across_of([value], width, [low, high])[0]
        start = max(0, min(column - len(label) // 2, width - len(label)))
        if all(char == " " for char in line[max(0, start - 2) : start + len(label) + 2]):
            line[start : start + len(label)] = label
    return "".join(line).rstrip()
