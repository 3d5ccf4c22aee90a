"""Terminal tables of a backtest."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from config.model.duration import format_duration
from controller.backtest.report.text import hits, share, spread_text
from controller.backtest.result import WITHOUT_STOKER, Outcome, PoolOutcome
from controller.decision.costs.assumptions import assumed_text, common_text, zeros_text
from controller.decision.costs.bill import Bill

HINDSIGHT = " *: best constant number, calculated with knowledge of the whole period; not usable in advance."
IN_FULL = 4
"""Up to this number of pools get a table each; with more pools, each gets a line."""


def show(outcome: Outcome, compare: bool) -> None:
    """Print a table per pool (a line per pool above `IN_FULL` pools), and a total table for two or more pools."""
    console = Console()
    if len(outcome.pools) > IN_FULL:
        console.print(lines(outcome))
        if assumed := common_text(pool.assumed for pool in outcome.pools):
            console.print(f"assumed (not set in the policy): {assumed}", style="dim")
    for pool in outcome.pools if len(outcome.pools) <= IN_FULL else ():
        objective = "" if pool.terms.warm_hit_rate is None else f" (objective: {100 * pool.terms.warm_hit_rate:.6g}% warm)"
        console.print(table(pool.name + objective, pool.stoker, pool.nothing, pool.peers if compare else {}))
        console.print(known_text(pool), style="dim")
        console.print(f"keep-alive {pool.keep_alive.text}", style="dim")
        if text := spread_text([pool]):
            console.print(text, style="dim")
        if pool.assumed:
            console.print(f"assumed (not set in the policy): {assumed_text(pool.assumed)}", style="dim")
    if zeros := zeros_text({pool.name: pool.zeros for pool in outcome.pools}):
        console.print(zeros, style="dim")
    for pool in outcome.pools:
        if pool.levers:
            console.print()
            console.print(levers(pool))
    if len(outcome.pools) > 1:
        console.print(table("all pools", outcome.stoker, outcome.nothing, outcome.peers if compare else {}))
        if text := spread_text(outcome.pools):
            console.print(text, style="dim")
    has_rate = any(pool.terms.warm_hit_rate is not None for pool in outcome.pools)
    price = "the price set in the policy" + (", or 0.05 each for a warm-hit objective" if has_rate else "")
    note = ("Amounts in USD. warm: share of requests without a cold start. bill: provider charges. "
            f"cold-start cost: cold starts at {price}. "
            "extra: bill + cold-start cost - bill without Stoker if it had no cold starts. "
            "ratio: extra / extra without Stoker.")
    console.print()
    console.print(note + (HINDSIGHT if compare else ""), style="dim")


def levers(pool: PoolOutcome) -> Table:
    """Return a table of the same traffic under each lever and without Stoker, cheapest first."""
    out = empty(f"{pool.name}, the same traffic under each lever", "lever")
    out.add_column("keep-alive", justify="right", no_wrap=True)
    rows = [(one.kind, one.stoker, one.nothing, one.keep_alive) for one in pool.levers]
    rows.append((WITHOUT_STOKER, pool.nothing, pool.nothing, pool.keep_alive))
    for name, bill, nothing, keep_alive in sorted(rows, key=lambda row: row[1].total_usd):
        out.add_row(*cells(name, bill, nothing), format_duration(keep_alive.span))
    out.caption = ("Pings are best effort: a provider may remove a unit at any time. "
                   "Ratios compare with `without-stoker` at the same prices.")
    return out


def lines(outcome: Outcome) -> Table:
    """Return a table of Stoker's figures per pool, in the policy's order."""
    out = empty("stoker, by pool", "pool")
    out.add_column("known", justify="right", no_wrap=True)
    out.add_column("keep-alive", justify="right", no_wrap=True)
    for pool in outcome.pools:
        out.add_row(*cells(pool.name, pool.stoker, pool.nothing), share(*counted(pool)), format_duration(pool.keep_alive.span))
    return out


def known_text(pool: PoolOutcome) -> str:
    """Return how many minutes of the history are known."""
    some, minutes = counted(pool)
    return f"{some:,} of {minutes:,} minutes known ({share(some, minutes)})"


def counted(pool: PoolOutcome) -> tuple[int, int]:
    """Return the number of minutes with known demand, and of all minutes, from the start of the accounting."""
    return int(pool.load.counted.sum()), len(pool.load) - pool.load.start


def empty(title: str, first: str) -> Table:
    """Return a table without rows."""
    out = Table(title=title, title_justify="left", title_style="bold",
                box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    out.add_column(first, no_wrap=True)
    for column in ("cold\nstarts", "warm", "bill", "cold-start\ncost", "extra", "ratio"):
        out.add_column(column, justify="right", no_wrap=True)
    return out


def table(title: str, stoker: Bill, nothing: Bill, peers: dict[str, Bill]) -> Table:
    """Return a table of the strategies of one pool, cheapest first."""
    out = empty(title, "strategy")
    bills = {"stoker": stoker, WITHOUT_STOKER: nothing} | {name: bill for name, bill in peers.items() if name != WITHOUT_STOKER}
    for name, bill in sorted(bills.items(), key=lambda item: item[1].extra_usd):
        out.add_row(*cells(name, bill, nothing), style="bold green" if name == "stoker" else "")
    return out


def cells(name: str, bill: Bill, nothing: Bill) -> tuple[str, ...]:
    """Return the cells of one row."""
    relative = bill.relative_to(nothing)
    return (
        name, f"{bill.cold_starts:,}", hits(bill), f"{bill.provider_usd:,.2f}",
        f"{bill.wait_usd:,.2f}", f"{bill.extra_usd:,.2f}", "-" if relative is None else f"{relative:.2f}",
    )
