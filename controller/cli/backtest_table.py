"""The figures of a backtest on the terminal."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from controller.accounting import Bill
from controller.outcome import ON_DEMAND, Outcome
from controller.report.words import hits


def show(outcome: Outcome, compare: bool) -> None:
    """A table for each pool, and one for all when there are several."""
    console = Console()
    for pool in outcome.pools:
        console.print(table(pool.name, pool.stoker, pool.nothing, pool.peers if compare else {}))
    if len(outcome.pools) > 1:
        console.print(table("all pools", outcome.stoker, outcome.nothing, outcome.peers if compare else {}))
    note = ("USD. Bill: what the provider charges. Wait: cold starts at the price the policy gives them. "
            "Extra: both, beyond the bill of serving all on demand with no cold start; ratio 1 is doing nothing.")
    console.print()
    console.print(note + (" * has hindsight." if compare else ""), style="dim")


def table(title: str, stoker: Bill, nothing: Bill, peers: dict[str, Bill]) -> Table:
    """Policies of one pool, the cheapest first."""
    out = Table(title=title, title_justify="left", title_style="bold",
                box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    out.add_column("policy", no_wrap=True)
    for column in ("cold starts", "warm", "bill", "wait", "extra", "ratio"):
        out.add_column(column, justify="right", no_wrap=True)
    bills = {"stoker": stoker, ON_DEMAND: nothing} | {name: bill for name, bill in peers.items() if name != ON_DEMAND}
    for name, bill in sorted(bills.items(), key=lambda item: item[1].extra_usd):
        out.add_row(*cells(name, bill, nothing), style="bold green" if name == "stoker" else "")
    return out


def cells(name: str, bill: Bill, nothing: Bill) -> tuple[str, ...]:
    """One row."""
    relative = bill.relative_to(nothing)
    return (
        name, f"{bill.cold_starts:,}", hits(bill), f"{bill.provider_usd:,.2f}",
        f"{bill.wait_usd:,.2f}", f"{bill.extra_usd:,.2f}", "-" if relative is None else f"{relative:.2f}",
    )
