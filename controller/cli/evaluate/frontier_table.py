"""Terminal output of a frontier: a table of settings, a chart in characters, and the sentences that compare it with baselines."""

from collections.abc import Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from controller.backtest.frontier import Frontier, Point
from controller.backtest.report.frontier_text import CAPTION, cell_text, frontier_sentences, step_text
from controller.backtest.report.text import LABELS, count
from controller.backtest.result import Outcome
from controller.cli.evaluate.scatter_chart import Mark, scatter
from controller.decision.costs.bill import Bill
from controller.decision.costs.sentences import TARGET_TRACKING, WITHOUT_STOKER

OWN, OWN_STYLE = "S", "bold green"
CHARACTERS = "123456789abcdefghijklmnopqrstuvwxyz"
CHART_WIDTH, CHART_HEIGHT = 100, 12
BASELINE_MARKS = {TARGET_TRACKING: "T", WITHOUT_STOKER: "W"}


def show(outcome: Outcome, console: Console, in_full: int, detailed: bool) -> None:
    """Print the frontiers of the pools (only that of all pools above `in_full` pools), with table and chart if `detailed`."""
    each = [(pool.name, pool.frontier, pool.peers) for pool in outcome.pools] if len(outcome.pools) <= in_full else []
    if len(outcome.pools) > 1:
        each.append(("all pools", outcome.frontier, outcome.peers))
    for name, frontier, peers in each:
        if frontier is not None:
            console.print()
            console.print(section(name, frontier, peers, detailed, console.width))


def section(name: str, frontier: Frontier, peers: Mapping[str, Bill], detailed: bool, width: int) -> RenderableType:
    """Return what is printed of one frontier."""
    title = Text(f"{name}: cold starts against bill", style="bold")
    sentences = [Text(sentence) for sentence in frontier_sentences(frontier, peers)]
    if not detailed:
        return Group(title, *sentences)
    shown = {BASELINE_MARKS[key]: key for key in BASELINE_MARKS if key in peers}
    marks = [Mark(symbol, peers[key].cold_starts, peers[key].provider_usd) for symbol, key in shown.items()]
    marks += [Mark(symbol, point.cold_starts, point.bill_usd, OWN_STYLE if symbol == OWN else "")
              for symbol, point in sorted(symbols(frontier).items())]
    legend = ", ".join([f"{OWN}: Stoker with the policy's setting", "1, 2, ...: Stoker with other settings",
                        *(f"{symbol}: {LABELS[key]}" for symbol, key in shown.items())])
    return Group(title, table(frontier), Text(CAPTION, style="dim"), Text(),
                 *scatter(marks, min(width, CHART_WIDTH), CHART_HEIGHT), Text(f"{legend}.", style="dim"), Text(), *sentences)


def symbols(frontier: Frontier) -> dict[str, Point]:
    """Return the points by the character that stands for each in table and chart."""
    return {OWN if point.factor == 1 else CHARACTERS[at]: point for at, point in enumerate(frontier.points)}


def table(frontier: Frontier) -> Table:
    """Return the points as a table, by rising price of a cold start."""
    out = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    out.add_column("", no_wrap=True)
    out.add_column("setting", no_wrap=True)
    for column in ("cold\nstarts", "bill\n(USD)", "USD per cold\nstart avoided"):
        out.add_column(column, justify="right", no_wrap=True)
    for symbol, point in symbols(frontier).items():
        cells = (symbol, cell_text(point), count(point.cold_starts), f"{point.bill_usd:,.2f}", step_text(frontier, point))
        out.add_row(*cells, style=OWN_STYLE if symbol == OWN else "")
    return out
