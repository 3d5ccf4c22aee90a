"""Report as plain text for a terminal or an e-mail, and as Markdown for a pull request or a chat. Pure."""

import re
import textwrap
from collections.abc import Iterator, Sequence

from controller.report.assembly import Report
from controller.report.blocks import Block, Chart, Heading, Item, Items, Pairs, Paragraph, Table
from controller.report.content import blocks_of

WIDTH = 80
INDENT = "  "
UNIT = re.compile(r"(?<=\d) (?=%|USD|min\b|points\b|\d\d:\d\d)|(?<=[A-Z][a-z]{2}) (?=\d{1,2}:)|(?<=\d:) (?=\d)")
"""Space that no line ends with: between a number and its unit, and within an instant."""

MARKS = {True: "[x] ", False: "[ ] ", None: ""}


def text_of(report: Report, width: int = WIDTH) -> str:
    """Return the report as lines of at most `width` characters. A command or a name that is longer stays on one line."""
    return "\n".join(line for block in blocks_of(report) for line in block_text(block, width)).strip() + "\n"


def block_text(block: Block, width: int) -> Iterator[str]:
    """Yield the lines of a block, after an empty line."""
    if isinstance(block, Chart):
        return
    yield ""
    if isinstance(block, Heading):
        yield from filled(block.text, width)
        yield ("=" if block.level == 1 else "-") * min(width, len(block.text))
    elif isinstance(block, Paragraph):
        yield from filled(block.text, width)
    elif isinstance(block, Pairs):
        column = max(len(name) for name, _ in block.rows) + 2
        for name, lines in block.rows:
            for at, line in enumerate(lines):
                yield from filled(line, width, INDENT + f"{name if at == 0 else '':{column}}", INDENT + " " * column)
    elif isinstance(block, Table):
        yield from table_text(block)
    else:
        yield f"{INDENT}{block.name}"
        for item in block.items:
            yield from filled(item.text, width, f"{INDENT * 2}{MARKS[item.met]}", INDENT * 4)
            if item.command is not None:
                yield f"{INDENT * 4}{item.command}"


def filled(text: str, width: int, first: str = "", rest: str = "") -> list[str]:
    """Return `text` as lines of at most `width` characters; no word is cut."""
    lines = textwrap.wrap(UNIT.sub("\N{NO-BREAK SPACE}", text), width, initial_indent=first, subsequent_indent=rest,
                          break_long_words=False, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines]


def table_text(table: Table) -> Iterator[str]:
    """Yield a table, figures right-aligned. Long names of columns take several lines."""
    columns = list(zip(*table.rows, strict=True))
    heads = [textwrap.wrap(name, max(18, *map(len, column)), break_on_hyphens=False) or [""]
             for name, column in zip(table.head, columns, strict=True)]
    tall = max(map(len, heads))
    rows = [*zip(*([""] * (tall - len(head)) + head for head in heads), strict=True), *table.rows]
    widths = [max(len(row[at]) for row in rows) for at in range(len(table.head))]
    for row in rows:
        yield INDENT + "  ".join(f"{cell:{'<' if at == 0 else '>'}{widths[at]}}" for at, cell in enumerate(row)).rstrip()


def markdown_of(report: Report) -> str:
    """Return the report as Markdown."""
    return "\n\n".join(part for block in blocks_of(report) if (part := block_markdown(block))) + "\n"


def block_markdown(block: Block) -> str:
    """Return a block as Markdown; empty for a chart."""
    if isinstance(block, Heading):
        return f"{'#' * (block.level + 1)} {escaped(block.text)}"
    if isinstance(block, Paragraph):
        return f"**{escaped(block.text)}**" if block.strong else escaped(block.text)
    if isinstance(block, Pairs):
        return "\n".join(f"- {name}: {escaped('; '.join(lines))}" for name, lines in block.rows)
    if isinstance(block, Table):
        return "\n".join((table_row(block.head), table_row(["---", *["---:"] * (len(block.head) - 1)]),
                          *(table_row([escaped(cell) for cell in row]) for row in block.rows)))
    if isinstance(block, Items):
        return "\n".join((f"{block.name}:\n", *(f"- {item_markdown(item)}" for item in block.items)))
    return ""


def item_markdown(item: Item) -> str:
    """Return an item of a list: a check box for a criterion, and the command as code."""
    return MARKS[item.met] + escaped(item.text) + ("" if item.command is None else f": `{item.command}`")


def table_row(cells: Sequence[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return `text` with the characters escaped that Markdown would read as formatting or HTML."""
    for character in "\\`*_|<>[]#":
        text = text.replace(character, f"\\{character}")
    return text
