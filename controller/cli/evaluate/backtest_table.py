"""Terminal tables of a backtest, with the frame of their figures."""

import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from config.model.duration import format_duration
from controller.backtest.report.frame import frame, peak_of
from controller.backtest.report.text import count, hits, share, spread_text
from controller.backtest.result import STOKER, Outcome, PoolOutcome, monthly, strategies
from controller.cli.evaluate.fitted_table import Column, Line, Row, fitted
from controller.decision.costs.assumptions import periods_text, zeros_text
from controller.decision.costs.bill import Bill, total
from controller.decision.costs.sentences import WITHOUT_STOKER, dollars

IN_FULL = 4
"""Up to this number of pools get a table each; with more pools, each gets a row."""

COLUMNS = (
    Column("cold", "cold starts"), Column("warm", "warm requests", rank=3), Column("bill", "bill"),
    Column("cost", "cold-start cost"), Column("sum", "bill + cold-start cost", rank=2),
    Column("cold", "cold starts per month", per_month=True, rank=1), Column("bill", "bill per month", per_month=True),
    Column("cost", "cold-start cost per month", per_month=True),
    Column("sum", "bill + cold-start cost per month", per_month=True, rank=4),
)
"""Columns of a table of strategies."""

OF_LAYERS = (Column("pinged", "pinged unit-hours", rank=5), Column("pings", "bill of pings", rank=6))
"""Further columns for pools with layers: units that pings keep warm above the base, and the part of the bill for these pings."""

BY_LEVER = (
    Column("cold", "cold starts"), Column("during-pings", "during pings"), Column("bill", "bill"),
    Column("cost", "cold-start cost"), Column("sum", "bill + cold-start cost", rank=2),
    Column("cold", "cold starts per month", per_month=True, rank=3),
    Column("bill", "bill per month", per_month=True), Column("cost", "cold-start cost per month", per_month=True, rank=1),
    Column("sum", "bill + cold-start cost per month", per_month=True, rank=4), Column("keep-alive", "keep-alive", rank=5),
)
"""Columns of a table of levers."""

BY_POOL = (
    Column("requests", "requests", rank=5), Column("peak", "peak", rank=6), Column("known", "known", rank=7),
    Column("keep-alive", "keep-alive", rank=8), Column("cold", "cold starts"),
    Column("cold-without", "cold starts without Stoker", rank=1), Column("bill", "bill"),
    Column("bill-without", "bill without Stoker", rank=2), Column("cost", "cold-start cost", rank=3),
    Column("bill", "bill per month", per_month=True),
    Column("bill-without", "bill per month without Stoker", per_month=True, rank=4),
    Column("cost", "cold-start cost per month", per_month=True, rank=9),
)
"""Columns of a table of pools, of figures with Stoker unless they say otherwise."""

CHEAPEST_FIRST = "The lowest bill + cold-start cost first."
HINDSIGHT = "*: best constant number, calculated with knowledge of the whole period; not usable in advance."
BEST_EFFORT = ("Pings are best effort: a provider may remove a unit at any time. During pings: those of the cold starts that "
               "would happen because a round holds units.")


def show(outcome: Outcome, console: Console, compare: bool) -> None:
    """Print the frame of all pools; a frame and a table of strategies for each pool, or above `IN_FULL` pools a row for each; and
    the strategies of all pools together.
    """
    pools = outcome.pools
    whole = frame(pools)
    if len(pools) > 1:
        write(console, f"{len(pools)} pools", frame_lines(whole, console.width))
    if len(pools) > IN_FULL:
        rows = [pool_row(pool) for pool in pools]
        write(console, "Stoker, by pool", fitted("pool", rows, (*BY_POOL, *of_layers(pools)), console.width))
    for pool in pools if len(pools) <= IN_FULL else ():
        own = frame([pool])
        lines = frame_lines(own if len(pools) == 1 else [row for row in own if row not in whole], console.width)
        write(console, pool.name, [*lines, Line(""), *strategy_lines([pool], console.width), *sentences([pool], console.width)])
    if len(pools) > 1:
        write(console, "all pools", [*strategy_lines(pools, console.width), *sentences(pools, console.width)])
    for pool in pools:
        if pool.levers:
            write(console, f"{pool.name}, the same traffic under each lever",
                  [*lever_lines(pool, console.width), *wrapped([BEST_EFFORT], console.width)])
    write(console, "", wrapped([CHEAPEST_FIRST, *([HINDSIGHT] if compare else [])], console.width))


def write(console: Console, title: str, lines: Iterable[Line]) -> None:
    """Print lines below a title, and an empty line after them."""
    for part in textwrap.wrap(title, console.width):
        console.print(Text(part, style="bold"))
    for line in lines:
        console.print(Text(line.text, style="bold green" if line.emphasis else ""))
    console.print()


def frame_lines(rows: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Return the rows of a frame, with the texts below each other."""
    label = max(len(name) for name, _ in rows) + 4
    lines = []
    for name, text in rows:
        parts = textwrap.wrap(text, max(20, width - label), break_on_hyphens=False)
        lines += [Line(f"{f'  {name}' if at == 0 else '':{label}}{part}") for at, part in enumerate(parts)]
    return lines


def wrapped(texts: Iterable[str], width: int) -> list[Line]:
    """Return sentences as lines within a width."""
    return [Line(part) for text in texts for part in textwrap.wrap(text, width, break_on_hyphens=False)]


def sentences(pools: Sequence[PoolOutcome], width: int) -> list[Line]:
    """Return what follows a table: the range of the keep-alive, notices about the histories, and the price of reads."""
    zeros = zeros_text({pool.name: pool.zeros for pool in pools})
    periods = periods_text({pool.name: pool.period for pool in pools})
    return wrapped([text for text in (spread_text(pools), zeros, periods, reads_text(pools)) if text], width)


def reads_text(pools: Sequence[PoolOutcome]) -> str:
    """Return the price of reading the metrics of pools, which is in no bill; empty where reads are free."""
    read = [usd for pool in pools if (usd := pool.read_usd_per_month) is not None]
    return f"Reading metrics: {sum(read):.2f} USD per month at list price, in no bill above." if read else ""


def strategy_lines(pools: Sequence[PoolOutcome], width: int) -> list[Line]:
    """Return the strategies of one or more pools together, the lowest bill + cold-start cost first."""
    rows = ordered([(name, bills, {}) for name, bills in strategies(pools).items()])
    return fitted("strategy", rows, (*COLUMNS, *of_layers(pools)), width)


def of_layers(pools: Sequence[PoolOutcome]) -> tuple[Column, ...]:
    """Return the columns of layers if one of the pools has layers."""
    return OF_LAYERS if any(pool.replay.pinged is not None for pool in pools) else ()


def lever_lines(pool: PoolOutcome, width: int) -> list[Line]:
    """Return the same traffic under each lever, and without Stoker at the pool's own prices."""
    rows = [(one.kind, [one.stoker], {"keep-alive": format_duration(one.keep_alive.span),
                                      "during-pings": f"{one.stoker.cold_starts_during_pings:,}"}) for one in pool.levers]
    if pool.replay.pinged is not None:
        rows.append(("both layers", [pool.stoker], {"keep-alive": format_duration(pool.keep_alive.span),
                                                    "during-pings": f"{pool.stoker.cold_starts_during_pings:,}"}))
    rows.append((WITHOUT_STOKER, [pool.nothing], {"keep-alive": format_duration(pool.keep_alive.span)}))
    return fitted("lever", ordered(rows), BY_LEVER, width)


def ordered(rows: Iterable[tuple[str, Sequence[Bill], dict[str, str]]]) -> list[Row]:
    """Return rows of names, bills and further cells, the lowest bill + cold-start cost first."""
    return [Row(name, period_cells(total(bills)) | more, month_cells(bills), emphasis=name == STOKER)
            for name, bills, more in sorted(rows, key=lambda row: total(row[1]).total_usd)]


def period_cells(bill: Bill) -> dict[str, str]:
    """Return the cells of a bill for the period."""
    return {"cold": f"{bill.cold_starts:,}", "warm": hits(bill), "bill": dollars(bill.provider_usd),
            "cost": dollars(bill.wait_usd), "sum": dollars(bill.total_usd),
            "pinged": f"{bill.pinged_unit_minutes / 60:,.1f}", "pings": dollars(bill.ping_usd)}


def month_cells(bills: Sequence[Bill]) -> dict[str, str]:
    """Return the cells of bills per month."""
    month = monthly(bills)
    return {"cold": f"{month.cold_starts:,.{0 if month.cold_starts >= 10 or not month.cold_starts else 1}f}",
            "bill": dollars(month.bill_usd), "cost": dollars(month.cold_start_cost_usd), "sum": dollars(month.sum_usd)}


def pool_row(pool: PoolOutcome) -> Row:
    """Return the row of one pool in a table of pools."""
    (cells, month), (without, month_without) = ((period_cells(bill), month_cells([bill])) for bill in (pool.stoker, pool.nothing))
    beside = {"cold-without": without["cold"], "bill-without": without["bill"]}
    known = share(int(pool.load.counted.sum()), len(pool.load) - pool.load.start)
    frame_cells = {"requests": count(pool.stoker.invocations), "peak": f"{peak_of(pool):,}", "known": known,
                   "keep-alive": format_duration(pool.keep_alive.span)}
    return Row(pool.name, cells | beside | frame_cells,
               month | {"cold-without": month_without["cold"], "bill-without": month_without["bill"]})
