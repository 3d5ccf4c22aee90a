"""Result of a demo as lines of text, as a table, and as JSON. Bill and cold-start cost are apart everywhere."""

from collections.abc import Callable
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from controller.decision.costs.sentences import BASELINE_TEXT, WITHOUT_STOKER, bill_sentence, dollars
from controller.demo.frame import Decision, Frame
from controller.demo.outcome import Outcome

PLAIN_EVERY = timedelta(minutes=10)
SANDBOX = "sandbox figures"
WITH_COST = 66
"""Width from which the summary has room for requests and the cold-start cost."""


def bill_change(out: Outcome) -> str:
    """Return what Stoker changed so far, in the standard sentence."""
    text = bill_sentence(out.bill_usd, out.bill_without_usd, out.cold_starts, out.cold_starts_without)
    return f"vs. {BASELINE_TEXT[WITHOUT_STOKER]}: {text}"


def as_line(frame: Frame) -> str:
    """Return a frame as one line, for logs and pipes."""
    pools = "; ".join(f"{pool.name} {pool.peak or 0:.0f} in flight, {pool.ready} of {pool.requested} ready"
                      for pool in frame.pools)
    return f"{frame.now:%a %H:%M} UTC  {pools}; {bill_change(frame.total)}"


class PlainLines:
    """Writer of one line per decision, and of a summary line every 10 simulated minutes."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._newest: Decision | None = None
        self._started = False
        self._next = timedelta(0)

    def show(self, frame: Frame) -> None:
        """Write what is new since the last frame."""
        if not self._started:
            self._started = True
            self._write(f"dashboard: {frame.url}/ (status and API: {frame.url}/status)")
        fresh = list(frame.decisions)
        if self._newest in fresh:
            fresh = fresh[fresh.index(self._newest) + 1 :]
        for each in fresh:
            self._write(f"{each.at:%a %H:%M} UTC  {each.pool}: {each.text}")
            self._newest = each
        if frame.elapsed >= self._next:
            self._next += PLAIN_EVERY
            self._write(as_line(frame))


def summary(frame: Frame, console: Console) -> None:
    """Print the result of the demo as a table, two lines for each pool, and as sentences."""
    wide = console.width >= WITH_COST
    table = Table(box=None, pad_edge=False, padding=(0, 2 if wide else 1, 0, 0))
    table.add_column("pool", no_wrap=True)
    for heading in ("requests", "cold starts", "bill", "cold-start cost") if wide else ("cold starts", "bill"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = [(pool.name, pool.outcome) for pool in frame.pools]
    for name, out in [*rows, ("all", frame.total)] if len(rows) > 1 else rows:
        ours = (f"{out.invocations:,.0f}", f"{out.cold_starts:,}", dollars(out.bill_usd), dollars(out.cold_start_cost_usd))
        other = ("", f"{out.cold_starts_without:,}", dollars(out.bill_without_usd), dollars(out.cold_start_cost_without_usd))
        for title, cells, style in ((name, ours, "bold"), ("  without Stoker", other, "")):
            table.add_row(title, *(cells if wide else cells[1:3]), style=style)
    console.print(f"{whole(frame.elapsed)} of traffic; pools in active mode, emulated cloud ({SANDBOX})", highlight=False)
    console.print(table)
    for text in filter(None, [*sentences(frame.total), frame.price_curve]):
        console.print(text, highlight=False)


def sentences(out: Outcome) -> list[str]:
    """Return the outcome as sentences: bill and cold starts, then the cold-start cost."""
    if not out.cold_starts_without:
        return ["No cold starts in this traffic, with or without Stoker."]
    cost = f"Cold-start cost {dollars(out.cold_start_cost_usd)}, without Stoker {dollars(out.cold_start_cost_without_usd)}"
    return [f"{bill_change(out)}.", f"{cost}: the policy's own price of cold starts, no part of the bill."]


def whole(span: timedelta) -> str:
    """Return a duration in hours and minutes."""
    hours, minutes = divmod(int(span.total_seconds() // 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def outcome_json(frame: Frame) -> dict[str, object]:
    """Return the result as JSON values: simulated time, average speed, and the outcome of each pool and of all pools."""
    return {
        "figures": "sandbox", "mode": "active",
        "ended_at": frame.now.isoformat(timespec="seconds"),
        "simulated_seconds": round(frame.elapsed.total_seconds()),
        "speed": round(frame.speed, 1),
        "pools": {pool.name: plainly(pool.outcome) for pool in frame.pools},
        "total": plainly(frame.total),
        "price_curve": frame.price_curve or None,
    }


def plainly(out: Outcome) -> dict[str, float]:
    """Return an outcome as numbers, USD with 4 digits."""
    return {
        "minutes": out.minutes, "invocations": round(out.invocations), "cold_starts": out.cold_starts,
        "cold_starts_without_stoker": out.cold_starts_without, "warm_unit_minutes": round(out.warm_minutes, 1),
        "bill_usd": round(out.bill_usd, 4), "bill_without_stoker_usd": round(out.bill_without_usd, 4),
        "saved_usd": round(out.saved_usd, 4), "cold_start_cost_usd": round(out.cold_start_cost_usd, 4),
        "cold_start_cost_without_stoker_usd": round(out.cold_start_cost_without_usd, 4), "pings": out.pings,
    }
