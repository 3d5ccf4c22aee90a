"""A small chart in block characters: demand as columns, warm capacity as a shaded background."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.style import Style
from rich.text import Text

BLOCKS = " ▁▂▃▄▅▆▇█"
WARM, COLD, IDLE, AXIS = Style(color="green"), Style(color="red", bold=True), Style(color="cyan", dim=True), Style(dim=True)
HOUR_MARK = 15


@dataclass(frozen=True, slots=True)
class Point:
    """One minute: the peak demand, and the ready warm units. `peak` is None when unknown."""

    at: datetime
    peak: float | None
    ready: int


def draw(points: Sequence[Point], width: int, height: int, top: float | None = None) -> list[Text]:
    """Return `height` lines of `width` columns, the newest minute at the right, and a time axis below.

    Demand up to the ready units is green, demand above is red, and idle ready units are shaded.
    """
    shown = list(points[-width:])
    ceiling = top or max([1.0, *(max(point.peak or 0, point.ready) for point in shown)])
    lines = []
    for row in reversed(range(height)):
        line = Text(" " * (width - len(shown)))
        for point in shown:
            line.append(*cell(point, row, height / ceiling))
        lines.append(line)
    lines.append(hours(shown, width))
    return lines


def cell(point: Point, row: int, scale: float) -> tuple[str, Style]:
    """Return the character of one column in `row`, with `scale` rows per unit."""
    demand = (point.peak or 0) * scale - row
    warm = point.ready * scale - row
    if demand <= 0:
        return ("░", IDLE) if warm >= 0.5 else (" ", IDLE)
    block = BLOCKS[min(8, max(1, round(demand * 8)))]
    over = (point.peak or 0) > point.ready and min(demand, 1) > warm
    return block, COLD if over else WARM


def hours(shown: Sequence[Point], width: int) -> Text:
    """Return the time axis: a time at each quarter of an hour, where there is room."""
    line = [" "] * width
    left = width - len(shown)
    free = 0
    for column, point in enumerate(shown, start=left):
        if point.at.minute % HOUR_MARK == 0 and column >= free and column + 5 <= width:
            line[column : column + 5] = f"{point.at:%H:%M}"
            free = column + 7
    return Text("".join(line), AXIS)


def gap(before: Point, now: datetime) -> list[Point]:
    """Return points for minutes without a frame, so that the axis has no gaps."""
    missing = int((now - before.at) / timedelta(minutes=1)) - 1
    return [Point(before.at + timedelta(minutes=step), None, before.ready) for step in range(1, missing + 1)]
