"""Display of a frame in a terminal, or as lines of text without one."""

from collections.abc import Callable
from datetime import timedelta

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from controller.demo.bar_chart import COLD, IDLE, WARM, draw
from controller.demo.frame import Decision, Frame, PoolFrame
from controller.demo.outcome import Outcome

FIGURES_WIDTH = 34
HEADER_LINES, DECISION_LINES, MOST_CHART_LINES = 4, 6, 7
ROOM_FOR_WORDS = 100
PLAIN_EVERY = timedelta(minutes=10)


def picture(frame: Frame, width: int, height: int) -> RenderableType:
    """Return the whole screen, scaled to the size of the terminal."""
    decisions = min(DECISION_LINES, max(1, height - HEADER_LINES - 6 * len(frame.pools)))
    room = (height - HEADER_LINES - decisions - 2) // max(1, len(frame.pools)) - 3  # two lines of border, one of hours
    lines = max(2, min(MOST_CHART_LINES, room))
    panels = [panel(pool, width, lines) for pool in frame.pools]
    return Group(header(frame, width), *panels, decision_lines(frame.decisions, decisions, width))


def header(frame: Frame, width: int) -> RenderableType:
    """Return the header: time, speed, and result so far."""
    speed = f"  {frame.speed:.0f}× real time" if frame.speed >= 1 else ""
    past = f"  {whole(frame.elapsed)} of {whole(frame.lasts)}"
    left = Text.assemble((f"{frame.now:%a %H:%M} UTC", "bold"), past, (speed, "dim"))
    label = "dashboard: " if width >= ROOM_FOR_WORDS else ""
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(no_wrap=True, justify="right")
    line.add_row(left, Text(f"{label}{frame.url}/", "dim"))
    total = frame.total
    verdict = Text.assemble(
        "cold starts ", (f"{total.cold_starts}", "bold green"), " with Stoker, ",
        (f"{total.cold_starts_without}", "bold red"), " without;  cost ", (money(total.cost_usd), "bold green"), " with, ",
        (money(total.cost_without_usd), "bold red"), " without, cold-start cost included")
    verdict.truncate(width, overflow="ellipsis")
    legend = Text.assemble(("█", WARM), " served warm  ", ("█", COLD), " above it  ", ("░", IDLE), " idle warm")
    return Group(line, verdict, legend)


def panel(pool: PoolFrame, width: int, lines: int) -> Panel:
    """Return the chart of one pool, with its figures to the right."""
    row = Table.grid(padding=(0, 1))
    room = max(20, width - FIGURES_WIDTH - 6)
    row.add_column(width=room)
    row.add_column(width=FIGURES_WIDTH, no_wrap=True)
    row.add_row(Group(*draw(pool.points, room, lines)), Group(*figures(pool)[: lines + 1]))
    title = Text.assemble((pool.name, "bold"), f"  {pool.title}")
    return Panel(row, title=title, title_align="left", border_style="dim", width=width)


def figures(pool: PoolFrame) -> list[Text]:
    """Return the figures of a pool, most important first: a small terminal shows fewer lines."""
    out = pool.outcome
    return [
        Text.assemble("in flight ", (f"{pool.peak or 0:.0f}", "bold"), "  warm ", (f"{pool.ready}", "bold cyan"), *warming(pool)),
        Text.assemble("cold starts ", (f"{out.cold_starts}", "green"), " / ", (f"{out.cold_starts_without}", "red"), " without"),
        Text.assemble("cost ", (money(out.cost_usd), "green"), " / ", (money(out.cost_without_usd), "red"), " without"),
        Text(f"pings {out.pings}" if out.pings else f"warm unit minutes {out.warm_minutes:.0f}", "dim"),
        Text(f"requests {out.invocations:.0f}", "dim"),
    ]


def warming(pool: PoolFrame) -> list[tuple[str, str] | str]:
    """Return the requested units that are not ready yet, and the target if it differs from them."""
    pending: list[tuple[str, str] | str] = [(f" → {pool.requested}", "yellow")] if pool.requested > pool.ready else []
    return [*pending, (f" target {pool.target}", "dim")] if pool.target not in (None, pool.requested) else pending


def decision_lines(decisions: tuple[Decision, ...], lines: int, width: int) -> RenderableType:
    """Return the last decisions, one line each, the newest last."""
    texts = [Text.assemble((f"{each.at:%H:%M} ", "dim"), (each.pool, "bold"), f" {each.text}") for each in decisions[-lines:]]
    for text in texts:
        text.truncate(width, overflow="ellipsis")
    return Group(*texts)


def as_line(frame: Frame) -> str:
    """Return a frame as one line, for logs and pipes."""
    pools = "; ".join(f"{pool.name} {pool.peak or 0:.0f} in flight, {pool.ready} warm"
                      + (f" of {pool.requested}" if pool.requested != pool.ready else "") for pool in frame.pools)
    total = frame.total
    return (f"{frame.now:%a %H:%M}  {pools}; cold starts {total.cold_starts}, without Stoker {total.cold_starts_without}; "
            f"saved {money(total.saved_usd)}")


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
            self._write(f"{each.at:%a %H:%M}  {each.pool}: {each.text}")
            self._newest = each
        if frame.elapsed >= self._next:
            self._next += PLAIN_EVERY
            self._write(as_line(frame))


def summary(frame: Frame, console: Console) -> None:
    """Print the result of the demo as a table and a sentence."""
    table = Table(title=f"{whole(frame.elapsed)} of traffic", title_justify="left", box=None, pad_edge=False)
    table.add_column("pool", no_wrap=True, min_width=15)
    for column in ("requests", "cold starts", "without Stoker", "cost", "without Stoker", "saved"):
        table.add_column(column, justify="right")
    rows = [(pool.name, pool.outcome) for pool in frame.pools]
    if len(rows) > 1:
        rows.append(("all", frame.total))
    for name, out in rows:
        table.add_row(name, f"{out.invocations:.0f}", f"{out.cold_starts}", f"{out.cold_starts_without}", money(out.cost_usd),
                      money(out.cost_without_usd), money(out.saved_usd), style="bold" if name == "all" else "")
    console.print(table)
    console.print(sentence(frame.total))


def sentence(out: Outcome) -> str:
    """Return the outcome as a sentence."""
    if not out.cold_starts_without:
        return "No cold starts in this traffic, with or without Stoker."
    share = out.avoided / out.cold_starts_without
    relation = "less" if out.saved_usd >= 0 else "more"
    return (f"{out.avoided} of {out.cold_starts_without} cold starts avoided ({share:.0%}); the cost was "
            f"{money(abs(out.saved_usd))} {relation} than without Stoker. Cost = bill at list price + cold-start cost set in the "
            "policy.")


def money(usd: float) -> str:
    """Return USD as text, with 4 digits for amounts below 0.1."""
    sign = "-" if usd < 0 else ""
    return f"{sign}${abs(usd):,.2f}" if abs(usd) >= 0.1 or not usd else f"{sign}${abs(usd):.4f}"


def whole(span: timedelta) -> str:
    """Return a duration in hours and minutes."""
    hours, minutes = divmod(int(span.total_seconds() // 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def outcome_json(frame: Frame) -> dict[str, object]:
    """Return the result as JSON values: simulated time, average speed, and the outcome of each pool and of all pools."""
    return {
        "ended_at": frame.now.isoformat(timespec="seconds"),
        "simulated_seconds": round(frame.elapsed.total_seconds()),
        "speed": round(frame.speed, 1),
        "pools": {pool.name: plainly(pool.outcome) for pool in frame.pools},
        "total": plainly(frame.total),
    }


def plainly(out: Outcome) -> dict[str, float]:
    """Return an outcome as numbers, USD with 4 digits."""
    return {
        "minutes": out.minutes, "invocations": round(out.invocations), "cold_starts": out.cold_starts,
        "cold_starts_without": out.cold_starts_without, "warm_unit_minutes": round(out.warm_minutes, 1),
        "cost_usd": round(out.cost_usd, 4), "cost_without_usd": round(out.cost_without_usd, 4),
        "saved_usd": round(out.saved_usd, 4), "pings": out.pings,
    }
