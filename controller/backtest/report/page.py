"""Report as one HTML file with text, tables and chart data.

Pure, except that it reads its own parts, which ship with this module.
"""

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from config.model.shown import shown_as
from controller.backtest.report import frontier_section
from controller.backtest.report.figures import charts, widest
from controller.backtest.report.frame import frame, pings_text
from controller.backtest.report.text import (
    LABELS,
    NOTES,
    count,
    headline,
    hits,
    price_of_waiting,
    price_text,
    share,
    spread_text,
    verdict,
    wins,
)
from controller.backtest.report.worst_hour import Minute, WorstHour, worst_hour
from controller.backtest.result import STOKER, Outcome, PoolOutcome, monthly, strategies
from controller.decision.costs.assumptions import common_text, periods_text, zeros_text
from controller.decision.costs.bill import Bill, total
from controller.decision.costs.cost_model import PRICES_AS_OF
from controller.decision.costs.sentences import TARGET_TRACKING, WITHOUT_STOKER, dollars

CHARTED = 12
"""Maximum number of pools with charts, highest cost without warm capacity first. It limits the size of the page."""

KINDS = (("idle_usd", "idle", "Idle warm units"), ("ping_usd", "pings", "Pings above the base"),
         ("warm_work_usd", "warm", "Work on warm units"), ("on_demand_work_usd", "demand", "Work on demand"),
         ("init_usd", "init", "Initialisation"), ("request_usd", "requests", "Requests"),
         ("wait_usd", "wait", "Cold-start cost"))
"""Parts of the total: field, style, and name in the legend."""


def page(outcome: Outcome) -> str:
    """Return the page as HTML."""
    drawn = sorted(outcome.pools, key=lambda pool: -pool.nothing.extra_usd)[:CHARTED]
    worst = {pool.name: worst_hour(pool) for pool in drawn}
    data = [charts(pool, worst[pool.name]) for pool in drawn]
    parts = {
        "style": library("uPlot.min.css") + part("report.css"),
        "library": library("uPlot.iife.min.js"),
        "script": part("report.js"),
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "display": escape(json.dumps(shown_as().body())),
        "zone": escape(shown_as().timezone),
        "pools": escape(title(outcome)),
        "frame": "".join(f"<dt>{label}</dt><dd>{escape(text)}</dd>" for label, text in frame(outcome.pools)),
        "headline": escape(headline(outcome)),
        "verdict": escape(f"{verdict(outcome)} {wins(outcome)} {spread_text(outcome.pools)}".strip()),
        "frontier": escape(frontier_section.on_tiles(outcome)),
        "losses": frontier_section.losses(outcome.frontier, outcome.peers),
        "frontiers": "".join(frontier_section.section(pool, at) for at, pool in enumerate(drawn)),
        "tiles": tiles(outcome),
        "legend": legend(outcome),
        "bills": bills(outcome),
        "each": each_pool(outcome),
        "choices": "".join(f'<option value="{at}">{escape(pool.name)}</option>' for at, pool in enumerate(drawn)),
        "hidden": "hidden" if len(drawn) == 1 else "",
        "hours": "".join(hour(pool, worst[pool.name], at) for at, pool in enumerate(drawn)),
        "terms": terms(drawn[0], outcome) if drawn else "",
    }
    return Template(part("report.html")).substitute(parts)


def part(name: str) -> str:
    """Return the text of a file that ships with this module."""
    return (files("controller.backtest.report") / "static" / name).read_text("utf-8")


def library(name: str) -> str:
    """Return the text of a file of the chart library."""
    return (files("controller.assets.uplot") / name).read_text("utf-8")


def title(outcome: Outcome) -> str:
    """Return the names of up to 3 pools, else their number."""
    names = [pool.name for pool in outcome.pools]
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} pools"


def tiles(outcome: Outcome) -> str:
    """Return tiles with cold starts and bills with Stoker, without it, and with target tracking."""
    by_name = strategies(outcome.pools)
    return "".join(tile(name, by_name[name], outcome) for name in (STOKER, WITHOUT_STOKER, TARGET_TRACKING))


def tile(name: str, parts: Sequence[Bill], outcome: Outcome) -> str:
    """Return one tile. `parts`: the bill of each pool."""
    bill, month = total(parts), monthly(parts)
    waits = f"{count(bill.cold_starts)} <small>cold starts of {count(bill.invocations)} requests</small>"
    paid = f"{dollars(bill.provider_usd)} <small>bill, {dollars(month.bill_usd)} per month</small>"
    whole = f"{dollars(bill.total_usd)} <small>bill + cold-start cost, with cold starts at {price_of_waiting(outcome)}</small>"
    return (f'<section class="tile {"stoker" if name == STOKER else ""}"><h2>{LABELS[name]}</h2>'
            f"<p class=figure>{waits}</p><p class=figure>{paid}</p><p>{whole}</p></section>")


def legend(outcome: Outcome) -> str:
    """Return the kinds of cost that at least one strategy has."""
    each = [total(parts) for parts in strategies(outcome.pools).values()]
    return "".join(f'<li class="{style}">{label}' for field, style, label in KINDS if any(getattr(bill, field) for bill in each))


def bills(outcome: Outcome) -> str:
    """Return a table row per strategy, the lowest bill + cold-start cost first, with that sum as a bar split by kind."""
    rows = strategies(outcome.pools)
    whole = widest([total(parts).total_usd for parts in rows.values()])
    cheapest_first = sorted(rows.items(), key=lambda item: total(item[1]).total_usd)
    return "".join(row(name, parts, outcome, whole) for name, parts in cheapest_first)


def row(name: str, parts: Sequence[Bill], outcome: Outcome, whole: float) -> str:
    """Return the row of one strategy. `parts`: the bill of each pool."""
    bill, month = total(parts), monthly(parts)
    bars = "".join(f'<i class="{style}" style="width:{100 * getattr(bill, field) / whole:.3f}%" title="{label}: '
                   f'{dollars(getattr(bill, field))}"></i>' for field, style, label in KINDS)
    relative = bill.relative_to(outcome.nothing)
    kind = "stoker" if name == STOKER else "bound" if name.endswith("*") else ""
    return (f'<tr class="{kind}"><th scope=row>{LABELS[name]}<small>{NOTES.get(name, "")}</small></th>'
            f"<td class=bar><div>{bars}</div></td><td>{dollars(bill.total_usd)}</td><td>{dollars(bill.provider_usd)}</td>"
            f"<td>{dollars(month.bill_usd)}</td><td>{count(bill.cold_starts)}</td><td>{escape(hits(bill))}</td>"
            f"<td>{'–' if relative is None else f'{relative:.2f}'}</td></tr>")


def each_pool(outcome: Outcome) -> str:
    """Return a table of pools; empty for one pool."""
    if len(outcome.pools) < 2:
        return ""
    three = "".join(f"<th>{LABELS[name]}</th>" for name in (STOKER, WITHOUT_STOKER, TARGET_TRACKING))
    groups = "<th rowspan=2>Pool</th><th colspan=3>Cold starts</th><th colspan=3>Bill</th>"
    head = f"<tr>{groups}</tr><tr>{three}{three}</tr>"
    rows = "".join(pool_row(pool) for pool in outcome.pools)
    losses = frontier_section.lost_by_pool(outcome)
    return f"<section><h2>Pool by pool</h2>{scrolled(head, rows)}<ul class=losses>{losses}</ul></section>"


def pool_row(pool: PoolOutcome) -> str:
    """Return the row of one pool: with Stoker, without it, with target tracking."""
    three = (pool.stoker, pool.nothing, pool.peers[TARGET_TRACKING])
    waits = "".join(f"<td>{count(bill.cold_starts)}</td>" for bill in three)
    paid = "".join(f"<td>{dollars(bill.provider_usd)}</td>" for bill in three)
    return f"<tr><th scope=row>{escape(pool.name)}</th>{waits}{paid}</tr>"


def scrolled(head: str, rows: str, style: str = "") -> str:
    """Return a table that scrolls horizontally on a narrow screen."""
    return f'<div class=scroll><table class="{style}"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def hour(pool: PoolOutcome, worst: WorstHour | None, at: int) -> str:
    """Return the worst hour of a pool as sentences and a table of minutes."""
    if worst is None:
        return f"<div class=hour data-pool={at}><p>With Stoker {escape(pool.name)} would have had no cold starts.</p></div>"
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in worst.sentences)
    units = ("Ready", "Requested") if pool.replay.pinged is None else ("Base ready", "Base requested", "Pinged")
    names = (shown_as().timezone, "Demand", *units, "Cold starts",
             f"Reasons of the {'plan' if len(units) == 2 else 'plan of the base'}")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
    table = scrolled(head, "".join(minute_row(minute) for minute in worst.minutes), "minutes")
    return (f"<div class=hour data-pool={at}><h3>{escape(worst.title)}</h3><ul>{items}</ul>"
            f"<details><summary>Its minutes</summary>{table}</details></div>")


def minute_row(minute: Minute) -> str:
    """Return the row of one minute."""
    demand = "unknown" if minute.demand is None else minute.demand
    above = () if minute.pinged is None else (minute.pinged,)
    cells = (minute.at, demand, minute.ready, minute.requested, *above, minute.cold or "", escape(minute.why))
    return f'<tr class="{"cold" if minute.cold else ""}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def billed(step: int) -> str:
    """Return a sentence about the billed time of warm capacity."""
    if not step:
        return "Warm capacity is billed while it is ready."
    return f"Warm capacity is billed from the request, the time of each unit rounded up to whole steps of {step} min."


def terms(pool: PoolOutcome, outcome: Outcome) -> str:
    """Return the assumptions behind the figures as list items."""
    own, unknown = pool.terms, sum(int((~one.load.known)[one.load.start :].sum()) for one in outcome.pools)
    minutes = sum(len(one.load) - one.load.start for one in outcome.pools)
    idle, busy, demand = (dollars(price * 60) for price in (own.idle, own.warm_busy, own.on_demand))
    prices = f"{idle} for a warm unit, {busy} more while it is busy, {demand} for a busy on-demand unit"
    source = f"price table of {PRICES_AS_OF:%-d %B %Y}, unless set in the policy"
    timing = f"Every strategy reads metrics with a delay of {own.metric_delay} min and has a lead time of {own.lead_time} min"
    whose = "set in the policy" if own.warm_hit_rate is None else "for comparison only: the objective is a warm-hit rate"
    if own.top is not None:
        prices += f", {dollars(own.top.idle * 60)} for a unit that pings keep warm above the base"
    items = [
        f"Prices per unit-hour for {escape(pool.name)}: {prices} ({source}).",
        f"A cold start takes {own.init_seconds:g} s, billed as work.",
        f"Cold-start cost: {price_text(own)}, {whose}.",
        f"{timing}; an on-demand unit stays warm after use for {escape(pool.keep_alive.text)}.",
        "Extra: bill + cold-start cost - bill without Stoker if it had no cold starts. Ratio: extra / extra without Stoker.",
        billed(own.billing_step),
    ]
    if pings := pings_text([pool]):
        items.append(f"Pings: {escape(pings)}.")
    if assumed := common_text(one.assumed for one in outcome.pools):
        items.append(f"Assumed (not set in the policy): {escape(assumed)}.")
    if zeros := zeros_text({one.name: one.zeros for one in outcome.pools}):
        items.append(f"{escape(zeros[0].upper() + zeros[1:])}.")
    if periods := periods_text({one.name: one.period for one in outcome.pools}):
        items.append(f"{escape(periods[0].upper() + periods[1:])}.")
    for doubted in (one for one in outcome.pools if one.doubts):
        first, rows = doubted.doubts[0], count(len(doubted.doubts))
        items.append(f"Rows of {escape(doubted.name)} with contradictory values, counted as unknown: {rows}. The first is line "
                    f"{first.line}: {escape(first.what)}.")
    if unknown:
        items.append(f"{count(unknown)} of {count(minutes)} minutes ({share(unknown, minutes)}) are unknown and not counted.")
    return "".join(f"<li>{sentence}</li>" for sentence in items)
