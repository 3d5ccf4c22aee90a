"""Report as one HTML file without scripts, in the style of the report of a backtest.

Pure, except that it reads the style sheets, which ship with the program.
"""

from html import escape
from importlib.resources import files
from string import Template

from controller.report.assembly import Report
from controller.report.blocks import Block, Chart, Heading, Item, Items, Pairs, Paragraph
from controller.report.content import blocks_of
from controller.report.day_chart import day_charts

MOST_CHARTED = 20
"""Maximum number of pools with charts. It limits the size of the page."""


def page(report: Report) -> str:
    """Return the page as HTML."""
    title, *blocks = blocks_of(report)
    charted = {id(pool) for pool in report.pools[:MOST_CHARTED]}
    parts, is_open = [], False
    for block in blocks:
        if isinstance(block, Heading):
            parts.append("</section><section>" if is_open else "<section>")
            is_open = True
        if not isinstance(block, Chart) or id(block.pool) in charted:
            parts.append(block_html(block))
    parts.append("</section>" if is_open else "")
    heading = title.text if isinstance(title, Heading) else ""
    return Template(part("controller.report", "page.html")).substitute(
        style=part("controller.backtest.report", "report.css") + part("controller.report", "page.css"), title=escape(heading),
        content="".join(parts))


def part(package: str, name: str) -> str:
    """Return the text of a file that ships with `package`."""
    return (files(package) / "static" / name).read_text("utf-8")


def block_html(block: Block) -> str:
    """Return a block as HTML."""
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Paragraph):
        return f"<p class={'answer' if block.strong else 'plain'}>{escape(block.text)}</p>"
    if isinstance(block, Pairs):
        rows = "".join(f"<dt>{escape(name)}</dt>" + "".join(f"<dd>{escape(line)}</dd>" for line in lines)
                       for name, lines in block.rows)
        return f"<dl>{rows}</dl>"
    if isinstance(block, Items):
        return f"<h3>{escape(block.name)}</h3><ul class=items>{''.join(map(item_html, block.items))}</ul>"
    if isinstance(block, Chart):
        return f"<h3>Demand and capacity by day</h3>{day_charts(block.pool)}"
    head = "".join(f"<th>{escape(name)}</th>" for name in block.head)
    rows = "".join(f"<tr><th scope=row>{escape(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
                   for name, *cells in block.rows)
    return f"<div class=scroll><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"


def item_html(item: Item) -> str:
    """Return an item of a list. A criterion has a sign in addition to its colour."""
    kind = {True: "met", False: "failed", None: ""}[item.met]
    sign = {True: "✓ met: ", False: "✗ not met: ", None: ""}[item.met]
    command = "" if item.command is None else f"<code>{escape(item.command)}</code>"
    return f'<li class="{kind}">{sign}{escape(item.text)}{command}</li>'
