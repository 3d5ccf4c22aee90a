"""Blocks of which a report consists, so that text, Markdown and page have the same content. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from controller.report.assembly import PoolReport


class Heading(NamedTuple):
    """A heading of level 1 to 3."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """A paragraph; a `strong` one is the answer to a question."""

    text: str
    strong: bool = False


class Pairs(NamedTuple):
    """Names with one or more lines of text each."""

    rows: Sequence[tuple[str, Sequence[str]]]


class Table(NamedTuple):
    """Rows with a name and figures. The first column of `head` has no name."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Item(NamedTuple):
    """An item of a list, with the command that explains it. `met`: whether a criterion is met; None for other items."""

    text: str
    command: str | None = None
    met: bool | None = None


class Items(NamedTuple):
    """A list under a name."""

    name: str
    items: Sequence[Item]


class Chart(NamedTuple):
    """Demand and capacity by day, on a page only."""

    pool: PoolReport


Block = Heading | Paragraph | Pairs | Table | Items | Chart
