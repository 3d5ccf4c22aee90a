"""`stoker status`: warm capacity and plans of a running daemon."""

import urllib.parse
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from config.model.shown import Shown, amount_text, shown_as
from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import fetch
from controller.cli.formatting import blackout_text, format_value, line_with_effect, moment, next_hours, use_display
from controller.cli.options import url_option
from controller.cli.output import WIDE, Form, console_of, console_of_lines, is_data, output_option, rendered
from controller.decision.costs.sentences import bill_sentence

if TYPE_CHECKING:
    from rich.console import Console


@click.command()
@click.argument("pool", required=False, shell_complete=pool_names)
@click.option("--watch", "is_watched", is_flag=True, help="Repeat every 5 s until Ctrl-C; not on a terminal: each new state.")
@url_option
@output_option
def command(pool: str | None, is_watched: bool, url: str, form: Form) -> None:
    """Show capacity and targets of all pools of a running daemon. With POOL, show one pool with its reasons.

    \b
    Examples:
      stoker status
      stoker status chat
      stoker status --watch
      stoker status -o json | jq '.pools[] | select(.error) | .name'
    """  # noqa: D301  (click reads the control character)
    path = "/status" if pool is None else f"/v1/pools/{urllib.parse.quote(pool, safe='')}"
    if not is_watched:
        click.echo(text_of(fetch(url, path), pool is None, form), nl=False, color=True)
        return
    from threading import Event

    from controller.cli.operate.watch import watch

    console = console_of(form)
    height = console.height if console.is_terminal and not is_data(form) else None
    watch(lambda: fetch(url, path), lambda body: text_of(body, pool is None, form), Event().wait, height)


def text_of(body: dict[str, Any], is_all: bool, form: Form) -> str:
    """Return the state of all pools or of one, as text or data."""
    if is_data(form):
        return rendered("status" if is_all else "pool", body, form)
    use_display(Shown.of(body["display"]))
    console = console_of_lines(form)
    with console.capture() as captured:
        if is_all:
            show_all(body, console)
        else:
            for line in lines_of(body):
                console.print(line, markup=False, soft_wrap=True)
    return captured.get()


class Column(NamedTuple):
    """A column of the table. `drop`: in a narrow terminal, columns with a higher value are removed first; 0 is never removed."""

    heading: str
    drop: int
    cell: Callable[[dict[str, Any]], str]


def figure(key: str, form: str) -> Callable[[dict[str, Any]], str]:
    """Return a function from a pool to one of its figures; a dash where it is unknown or of the other kind."""
    return lambda pool: format_value(pool.get(key), form)


def amount(key: str) -> Callable[[dict[str, Any]], str]:
    """Return a function from a pool to one of its amounts, in the displayed currency."""
    return lambda pool: amount_text(pool.get(key))


def target(pool: dict[str, Any]) -> str:
    """Return the target of the base, and of a pool with layers also that of the pings."""
    units = format_value(pool["target"], "d")
    return units if "pings" not in pool else f"{units} + {format_value(pool['pings']['target'], 'd')}"


def error_of(pool: dict[str, Any]) -> str | None:
    """Return the error of a pool, else that of its pings."""
    above: str | None = (pool.get("pings") or {}).get("error")
    return pool["error"] or (None if above is None else f"pings: {above}")


COLUMNS = (
    Column("pool", 0, lambda pool: str(pool["name"])),
    Column("mode", 3, lambda pool: str(pool["mode"])),
    Column("actual\nrequested", 0, figure("actual_requested", "d")),
    Column("actual\nready", 1, figure("actual_ready", "d")),
    Column("simulated\nrequested", 0, figure("simulated_requested", "d")),
    Column("simulated\nready", 2, figure("simulated_ready", "d")),
    Column("actual\npinged", 1, lambda pool: format_value((pool.get("pings") or {}).get("actual_ready"), "d")),
    Column("simulated\npinged", 1, lambda pool: format_value((pool.get("pings") or {}).get("simulated_ready"), "d")),
    Column("by others", 2, figure("kept_by_others", "d")),
    Column("busy", 9, figure("busy", ".1f")),
    Column("peak", 5, figure("peak", ".0f")),
    Column("target", 0, target),
    Column("data age", 6, lambda pool: format_value(pool["data_age_seconds"], ".0f", " s")),
    Column("actual bill\ntoday, USD", 7, amount("actual_bill_today_usd")),
    Column("simulated bill\ntoday, USD", 7, amount("simulated_bill_today_usd")),
    Column("actual bill\nmonth, USD", 4, amount("actual_bill_month_usd")),
    Column("simulated bill\nmonth, USD", 4, amount("simulated_bill_month_usd")),
    Column("last decision", 2, lambda pool: error_of(pool) or (pool["decision"] or {}).get("text") or "-"),
)
OPTIONAL = ("by others", "simulated", "actual bill", "actual\npinged")
"""Starts of the headings of columns that are included only when a pool has such a figure."""
GAP, LEAST_TEXT = 2, 20
"""Gap between columns, and minimum width of the last column, which takes the remaining width."""


def heading_of(column: Column) -> str:
    """Return the heading of a column, with the displayed currency."""
    return column.heading.replace("USD", shown_as().currency)


def fitting(pools: list[dict[str, Any]], width: int) -> dict[Column, int]:
    """Return the columns that fit, with their widths; all in full for `WIDE`. Columns of a kind of figures are included only
    when a pool has some.
    """
    name, text = COLUMNS[0], COLUMNS[-1]
    columns = [column for column in COLUMNS
               if not column.heading.startswith(OPTIONAL) or any(column.cell(pool) not in ("-", "0") for pool in pools)]
    widths = {column: max([*map(len, heading_of(column).splitlines()), *(len(column.cell(pool)) for pool in pools)])
              for column in columns}
    if width == WIDE:
        return widths
    widths[name], widths[text] = min(widths[name], max(12, width // 3)), LEAST_TEXT
    while (over := sum(widths.values()) + GAP * (len(widths) - 1) - width) > 0 and any(column.drop for column in widths):
        del widths[max(widths, key=lambda column: column.drop)]
    if text in widths:
        widths[text] -= over
    return widths


def show_all(body: dict[str, Any], console: "Console") -> None:
    """Print one line per pool, cut to the console's width."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    columns = fitting(body["pools"], console.width)
    for column, width in columns.items():
        words = column in (COLUMNS[0], COLUMNS[1], COLUMNS[-1])
        table.add_column(heading_of(column), justify="left" if words else "right", no_wrap=True, overflow="ellipsis", width=width)
    for pool in body["pools"]:
        table.add_row(*(column.cell(pool).replace("[", r"\[") for column in columns))
    console.print(table)
    console.print()
    for kind, totals in body["totals"].items():
        if totals["pools"]:
            console.print(totals_text(kind, totals))
    for pool in body["pools"]:
        for override in pool["overrides"]:
            console.print(f"{pool['name']}: {line_with_effect(override)}", markup=False)
        for text in warnings_of(pool):
            console.print(f"{pool['name']}: {text}", markup=False)
    reload = (body.get("policy") or {}).get("last_reload") or {}
    if reload.get("outcome") == "refused":
        console.print(f"the policy was refused at {reload['at']}, the one before stays in use: {reload['text']}", markup=False)
    for orphan in body.get("orphans", ()):
        console.print(f"orphan {orphan['pool']}: {orphan['text']}", markup=False)
    reads = body["metric_reads_usd_per_month"] or 0
    for key, each in body["limits"].items():
        if isinstance(each, dict):
            console.print(f"{key}: {each['used']:g} of {each['limit']:g}")
    as_of, unit = body["as_of"] or "never: no tick has run yet", shown_as().currency
    console.print(f"\nas of {as_of}; metric reads cost {amount_text(reads)} {unit} per month", highlight=False)


def warnings_of(pool: dict[str, Any]) -> list[str]:
    """Return the warnings of a pool: events without effect, and reads that cost more than they save."""
    return [*pool["event_warnings"], *filter(None, [pool.get("metric_reads_slowed")])]


def totals_text(kind: str, totals: dict[str, Any]) -> str:
    """Return the sums over the pools of one mode as a line."""
    pools = f"{totals['pools']} pool{'' if totals['pools'] == 1 else 's'}"
    heading = f"actual, {pools} in active mode" if kind == "actual" else f"simulated, {pools} in shadow mode: nothing was written"
    have = "" if kind == "actual" else "would have "
    pings = totals["pinged_requested"] or totals["pinged_ready"]
    above = f", above them by pings {totals['pinged_requested']} requested, {totals['pinged_ready']} ready" if pings else ""
    unit = shown_as().currency
    bill = f"bill {amount_text(totals['bill_today_usd'])} {unit} today, {amount_text(totals['bill_month_usd'])} {unit} this month"
    return (f"{heading}: {have}{totals['requested']} requested, {totals['ready']} ready{above}; {bill}. "
            f"Today: {sentence_of(kind, totals)}")


def sentence_of(kind: str, totals: dict[str, Any]) -> str:
    """Return what Stoker changed today, in the displayed currency."""
    return bill_sentence(totals["bill_today_usd"], totals["bill_without_stoker_today_usd"], totals["cold_starts_today"],
                         totals["cold_starts_without_stoker_today"], simulated=kind == "simulated")


def lines_of(pool: dict[str, Any]) -> Iterator[str]:
    """Yield one pool with the reasons of its last plan. Labels of what it would have in shadow mode start with `simulated`."""
    pings = pool.get("pings")
    above = "" if pings is None else f", above it {pings['lever']}"
    yield f"{pool['name']}  ({pool['mode']}, {pool['lever']}{above})"
    kind = "simulated" if pool["mode"] == "shadow" else "actual"
    rows = (
        *((f"{each} requested / ready", f"{format_value(pool[f'{each}_requested'])} / {format_value(pool[f'{each}_ready'])}")
          for each in dict.fromkeys(("actual", kind))),
        *((f"  pinged above, {each}", f"{format_value(pings[f'{each}_requested'])} / {format_value(pings[f'{each}_ready'])}")
          for each in dict.fromkeys(("actual", kind)) if pings is not None),
        *((("kept by others", others(pool)),) if pool.get("kept_by_others") else ()),
        ("demand: busy / peak", f"{format_value(pool['busy'], '.1f')} / {format_value(pool['peak'], '.0f')}"),
        ("target", format_value(pool["target"]) if pings is None else f"{target(pool)} by pings"),
        ("data age", format_value(pool["data_age_seconds"], ".0f", " s") + f" ({pool['freshness']})"),
        ("traffic",
         pool["traffic"] + (f", metrics missing since {pool['metrics_missing_since']}" if pool["metrics_missing_since"] else "")),
        ("lead time", format_value(pool["lead_time_seconds"], ".0f", " s")),
        ("keep-alive", pool["keep_alive"]["text"]),
        *((("pings held all units", held),) if (held := blackout_text(pool)) is not None else ()),
        *account_rows(pool, kind),
        (f"next hours ({shown_as().timezone})", next_hours(pool) + (" (without overrides)" if pool["overrides"] else "")),
        ("error", error_of(pool) or "-"),
        *(("override", line_with_effect(override)) for override in pool["overrides"]),
        *(("event", f"{each['name']} ({moment(each['start'])} to {moment(each['end'])}): {each['expected']}")
          for each in pool["events"]),
        *(("warning", text) for text in warnings_of(pool)),
    )
    for name, value in rows:
        yield f"  {name:27} {value}"
    for label, key in (("reasons", "reasons"), ("reasons of pings", "pings_reasons")):
        if key in pool:
            yield f"  {label}"
            for reason in pool[key]:
                yield f"    {reason['code']:18} {reason['text']}"


def account_rows(pool: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    """Yield bill and cold starts of one kind, of today and of the month."""
    def usd(name: str) -> str:
        return amount_text(pool[f"{kind}_{name}_usd"])

    unit, whole = shown_as().currency, usd("bill_projected_month")
    yield f"{kind} {unit} today / month", f"{usd('bill_today')} / {usd('bill_month')} (whole month: {whole})"
    if "pings" in pool:
        today, month = (pool["accounts"][kind][span]["ping_usd"] for span in ("today", "month"))
        yield "  of it pings", f"{amount_text(today, '.4f')} / {amount_text(month, '.4f')}"
    yield "  without Stoker", f"{usd('bill_without_stoker_today')} / {usd('bill_without_stoker_month')}"
    yield f"{kind} cold starts today", ranged(pool, f"{kind}_cold_starts_today", ".0f")
    if during := pool[f"{kind}_cold_starts_during_pings_today"]:
        yield "  of them during pings", format_value(during, ".1f")
    yield "  without Stoker", ranged(pool, f"{kind}_cold_starts_without_stoker_today", ".0f")
    yield "today", pool["sentence"]


def ranged(pool: dict[str, Any], key: str, style: str) -> str:
    """Return a figure with its range over the possible keep-alive values."""
    return format_value(pool[key], style) + between(pool[f"{key}_range"], style)


def between(ends: list[float] | None, style: str) -> str:
    """Return a figure's range over the possible keep-alive values; empty without a range."""
    return "" if ends is None else f" ({ends[0]:{style}} to {ends[1]:{style}} likely)"


def others(pool: dict[str, Any]) -> str:
    """Return the units that other settings keep warm, and their bill."""
    month = pool.get("actual_others_bill_month_usd")
    unit = shown_as().currency
    this_month = "" if month is None else f", {amount_text(month)} {unit} this month"
    hour = amount_text(pool["others_usd_per_hour"], ".4f")
    return f"{pool['kept_by_others']} by {pool['kept_by']}; {hour} {unit} per hour{this_month}"
