"""The report as one HTML file: text and tables stand in it, charts are drawn from data that it carries.

Pure but for reading its own parts, which ship beside this module.
"""

import json
from html import escape
from importlib.resources import files
from string import Template

from controller.accounting import Bill
from controller.assumptions import common_text, zeros_text
from controller.economics import PRICES_AS_OF
from controller.outcome import ON_DEMAND, Outcome, PoolOutcome
from controller.report.figures import charts, widest
from controller.report.words import (
    LABELS,
    NOTES,
    STOKER,
    TRACKING,
    count,
    headline,
    hits,
    length,
    price_of_waiting,
    share,
    span,
    spread_text,
    usd,
    verdict,
    wins,
)
from controller.report.worst_hour import Minute, WorstHour, worst_hour

CHARTED = 12
"""Pools whose minutes are carried along and drawn, those with most to lose first: a page of thousands would not open."""

KINDS = (("idle_usd", "idle", "Warm and idle"), ("warm_work_usd", "warm", "Work on warm units"),
         ("on_demand_work_usd", "demand", "Work on demand"), ("init_usd", "init", "Initialisation"),
         ("request_usd", "requests", "Requests"),
         ("wait_usd", "wait", "Waiting, priced"))
"""A bill's parts: field, style, and what the legend calls it."""


def page(outcome: Outcome) -> str:
    """The whole page."""
    drawn = sorted(outcome.pools, key=lambda pool: -pool.nothing.extra_usd)[:CHARTED]
    worst = {pool.name: worst_hour(pool) for pool in drawn}
    data = [charts(pool, worst[pool.name]) for pool in drawn]
    parts = {
        "style": library("uPlot.min.css") + part("report.css"),
        "library": library("uPlot.iife.min.js"),
        "script": part("report.js"),
        "data": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "pools": escape(title(outcome)),
        "span": escape(span(outcome)),
        "length": escape(length(outcome)),
        "headline": escape(headline(outcome)),
        "verdict": escape(f"{verdict(outcome)} {wins(outcome)} {spread_text(outcome.pools)}".strip()),
        "tiles": tiles(outcome),
        "bills": bills(outcome),
        "each": each_pool(outcome),
        "choices": "".join(f'<option value="{at}">{escape(pool.name)}</option>' for at, pool in enumerate(drawn)),
        "hidden": "hidden" if len(drawn) == 1 else "",
        "hours": "".join(hour(pool, worst[pool.name], at) for at, pool in enumerate(drawn)),
        "terms": terms(drawn[0], outcome) if drawn else "",
    }
    return Template(part("report.html")).substitute(parts)


def part(name: str) -> str:
    """A file that ships beside this module."""
    return (files("controller.report") / "static" / name).read_text("utf-8")


def library(name: str) -> str:
    """A file of the library that draws."""
    return (files("controller.uplot") / name).read_text("utf-8")


def title(outcome: Outcome) -> str:
    """The pools, shortly."""
    names = [pool.name for pool in outcome.pools]
    return ", ".join(names) if len(names) <= 3 else f"{len(names)} pools"


def tiles(outcome: Outcome) -> str:
    """Stoker, nothing and target tracking side by side: who waits, and what is paid."""
    shown = ((STOKER, "Stoker", outcome.stoker), (ON_DEMAND, "Nothing kept warm", outcome.nothing),
             (TRACKING, "AWS target tracking", outcome.peers[TRACKING]))
    return "".join(tile(name, label, bill, outcome) for name, label, bill in shown)


def tile(name: str, label: str, bill: Bill, outcome: Outcome) -> str:
    """One of the three."""
    waits = f"{count(bill.cold_starts)} <small>of {count(bill.invocations)} waited</small>"
    paid = f"{usd(bill.provider_usd)} <small>provider bill</small>"
    whole = f"{usd(bill.total_usd)} <small>with waits at {price_of_waiting(outcome)}</small>"
    return (f'<section class="tile {"stoker" if name == STOKER else ""}"><h2>{label}</h2>'
            f"<p class=figure>{waits}</p><p class=figure>{paid}</p><p>{whole}</p></section>")


def bills(outcome: Outcome) -> str:
    """A row for each policy, the cheapest first, its cost as a bar split by kind."""
    rows = {STOKER: outcome.stoker} | outcome.peers
    whole = widest([bill.total_usd for bill in rows.values()])
    return "".join(row(name, bill, outcome, whole) for name, bill in sorted(rows.items(), key=lambda item: item[1].total_usd))


def row(name: str, bill: Bill, outcome: Outcome, whole: float) -> str:
    """One policy."""
    bars = "".join(f'<i class="{style}" style="width:{100 * getattr(bill, field) / whole:.3f}%" title="{label}: '
                   f'{usd(getattr(bill, field))}"></i>' for field, style, label in KINDS)
    relative = bill.relative_to(outcome.nothing)
    kind = "stoker" if name == STOKER else "bound" if name.endswith("*") else ""
    return (f'<tr class="{kind}"><th scope=row>{LABELS[name]}<small>{NOTES.get(name, "")}</small></th>'
            f"<td class=bar><div>{bars}</div></td><td>{usd(bill.total_usd)}</td><td>{usd(bill.provider_usd)}</td>"
            f"<td>{count(bill.cold_starts)}</td><td>{escape(hits(bill))}</td>"
            f"<td>{'–' if relative is None else f'{relative:.2f}'}</td></tr>")


def each_pool(outcome: Outcome) -> str:
    """A table of pools, when there are several."""
    if len(outcome.pools) < 2:
        return ""
    three = "<th>Stoker</th><th>nothing</th><th>tracking</th>"
    groups = "<th rowspan=2>Pool</th><th colspan=3>Cold starts</th><th colspan=3>Provider bill</th>"
    head = f"<tr>{groups}</tr><tr>{three}{three}</tr>"
    rows = "".join(pool_row(pool) for pool in outcome.pools)
    return f"<section><h2>Pool by pool</h2>{scrolled(head, rows)}</section>"


def pool_row(pool: PoolOutcome) -> str:
    """One pool under Stoker, nothing and target tracking."""
    three = (pool.stoker, pool.nothing, pool.peers[TRACKING])
    waits = "".join(f"<td>{count(bill.cold_starts)}</td>" for bill in three)
    paid = "".join(f"<td>{usd(bill.provider_usd)}</td>" for bill in three)
    return f"<tr><th scope=row>{escape(pool.name)}</th>{waits}{paid}</tr>"


def scrolled(head: str, rows: str, style: str = "") -> str:
    """A table that scrolls sideways within itself on a narrow screen."""
    return f'<div class=scroll><table class="{style}"><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def hour(pool: PoolOutcome, worst: WorstHour | None, at: int) -> str:
    """The worst hour of a pool, in words and minutes."""
    if worst is None:
        return f"<div class=hour data-pool={at}><p>No request of {escape(pool.name)} would have waited under Stoker.</p></div>"
    told = "".join(f"<li>{escape(sentence)}</li>" for sentence in worst.sentences)
    names = ("UTC", "Demand", "Ready", "Requested", "Cold starts", "What was planned, and why")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
    table = scrolled(head, "".join(minute_row(minute) for minute in worst.minutes), "minutes")
    return (f"<div class=hour data-pool={at}><h3>{escape(worst.title)}</h3><ul>{told}</ul>"
            f"<details><summary>Its minutes</summary>{table}</details></div>")


def minute_row(minute: Minute) -> str:
    """One minute of the worst hour."""
    demand = "unknown" if minute.demand is None else minute.demand
    cells = (minute.at, demand, minute.ready, minute.requested, minute.cold or "", escape(minute.why))
    return f'<tr class="{"cold" if minute.cold else ""}">' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def billed(step: int) -> str:
    """For what time warm capacity is billed."""
    if not step:
        return "Warm capacity is billed while it is ready."
    return f"Warm capacity is billed from the request, the time of each unit rounded up to whole steps of {step} min."


def terms(pool: PoolOutcome, outcome: Outcome) -> str:
    """What the figures take for granted."""
    it, unknown = pool.terms, sum(int((~one.load.known)[one.load.start :].sum()) for one in outcome.pools)
    minutes = sum(len(one.load) - one.load.start for one in outcome.pools)
    idle, busy, demand = (usd(price * 60) for price in (it.idle, it.warm_busy, it.on_demand))
    prices = f"{idle} to keep warm, {busy} more at work, {demand} at work on demand"
    source = f"price table of {PRICES_AS_OF:%-d %B %Y}, unless the policy says otherwise"
    timing = f"Every policy sees metrics {it.metric_delay} min late and has what it asks for {it.lead_time} min later"
    whose = "as the policy says" if it.warm_hit_rate is None else "for comparison only: the policy asks for a share instead"
    said = [
        f"Prices per unit-hour for {escape(pool.name)}: {prices} ({source}).",
        f"A cold start takes {it.init_seconds:g} s, billed as work, and counts {usd(it.cold_start_cost_usd)}, {whose}.",
        f"{timing}; an on-demand unit stays warm after use for {escape(pool.keep_alive.text)}.",
        "Ratio: cost beyond serving all of it on demand without a cold start, as a multiple of the same with nothing kept warm.",
        billed(it.billing_step),
    ]
    if assumed := common_text(one.assumed for one in outcome.pools):
        said.append(f"Assumed, as the policy does not say: {escape(assumed)}.")
    if zeros := zeros_text({one.name: one.zeros for one in outcome.pools}):
        said.append(f"{escape(zeros[0].upper() + zeros[1:])}.")
    for doubted in (one for one in outcome.pools if one.doubts):
        first, rows = doubted.doubts[0], count(len(doubted.doubts))
        said.append(f"Rows of {escape(doubted.name)} that cannot be right and count as unknown: {rows}. The first is line "
                    f"{first.line}: {escape(first.what)}.")
    if unknown:
        said.append(f"{count(unknown)} of {count(minutes)} minutes ({share(unknown, minutes)}) are unknown and not counted.")
    return "".join(f"<li>{sentence}</li>" for sentence in said)
