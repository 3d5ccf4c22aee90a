"""A small chart in characters: demand as columns, warm capacity as a shaded background. Each meaning has its own character, so
that the chart can be read without colours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.style import Style
from rich.text import Text

BLOCKS = " ▁▂▃▄▅▆▇█"
SERVED, ABOVE, SHADE = "█", "x", "░"
WARM, COLD, IDLE, AXIS = Style(color="green"), Style(color="red", bold=True), Style(color="cyan", dim=True), Style(dim=True)
HOUR_MARK = 15


@dataclass(frozen=True, slots=True)
class Point:
    """One minute: the peak demand, and the ready warm units. `peak` is None when unknown."""

    at: datetime
    peak: float | None
    ready: int


def draw(points: Sequence[Point], width: int, height: int, axis: bool = True) -> list[Text]:
    """Return `height` lines of `width` columns, the newest minute at the right, and with `axis` the times (UTC) below.

    Demand up to the ready units is drawn as blocks, demand above them as `ABOVE`, and idle ready units are shaded.
    """
    shown = list(points[-width:])
    ceiling = max([1.0, *(max(point.peak or 0, point.ready) for point in shown)])
    lines = []
    for row in reversed(range(height)):
        line = Text(" " * (width - len(shown)))
        for point in shown:
            line.append(*cell(point, row, height / ceiling))
        lines.append(line)
    return [*lines, hours(shown, width)] if axis else lines


def cell(point: Point, row: int, scale: float) -> tuple[str, Style]:
    """Return the character of one column in `row`, with `scale` rows per unit."""
    demand = (point.peak or 0) * scale - row
    warm = point.ready * scale - row
    if demand <= 0:
        return (SHADE, IDLE) if warm >= 0.5 else (" ", IDLE)
    if (point.peak or 0) > point.ready and min(demand, 1) > warm:
        return ABOVE, COLD
    return BLOCKS[min(8, max(1, round(demand * 8)))], WARM


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
