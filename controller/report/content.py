"""Sentences and figures of a report as blocks. Every figure comes from the report. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from config.model.shown import local, time_text
from controller.decision.costs.kinds import Mode
from controller.decision.costs.sentences import BASELINE_TEXT, TARGET_TRACKING, WITHOUT_STOKER, bill_sentence, dollars
from controller.forecasts.capacity_forecast import SCORED_LEVELS
from controller.report.accounts import NAMES_OF, STOKER, Accounts, Outcome
from controller.report.assembly import MODES, Changes, PoolReport, Report, coverage_error
from controller.report.blocks import Block, Chart, Heading, Item, Items, Pairs, Paragraph, Table
from controller.report.period import Known, Period
from forecasting.demand import MINUTES_PER_DAY

MOST_GAPS = 3
"""Number of gaps that are named."""

MOST_NAMED = 10
"""Number of pools that a sentence names."""

MODE_TEXT: dict[Mode, str] = {"shadow": "shadow mode, simulated", "active": "active mode, actual"}


def blocks_of(report: Report) -> Iterator[Block]:
    """Yield the whole report."""
    yield Heading(1, f"Stoker report, {period_text(report.period)}")
    yield from map(Paragraph, mode_lines(report))
    yield Paragraph(reads_text(report.metric_reads_usd_per_month))
    if report.gated:
        yield Paragraph(gate_text(report), strong=True)
    for pool in report.pools:
        yield from pool_blocks(pool)


def mode_lines(report: Report) -> Iterator[str]:
    """Yield a sentence about the sum of all pools in each mode. Figures of different modes are never added."""
    for mode in MODES:
        if pools := [pool for pool in report.pools if pool.mode == mode]:
            number = f"{len(pools)} pool{'' if len(pools) == 1 else 's'}"
            yield f"{number} in {MODE_TEXT[mode]}: {sentence_of([pool.accounts for pool in pools], mode)}."


def sentence_of(accounts: Sequence[Accounts], mode: Mode) -> str:
    """Return what Stoker changed, or would have changed, in the sum of accounts of one mode."""
    if not any(each.counted for each in accounts):
        return "no minute is accounted"
    mine, without = [each.stoker for each in accounts], [each.without for each in accounts]
    return bill_sentence(sum(each.bill_usd for each in mine), sum(each.bill_usd for each in without),
                         sum(each.cold_starts for each in mine), sum(each.cold_starts for each in without),
                         simulated=mode == "shadow")


def gate_text(report: Report) -> str:
    """Return the answer of the gate for all pools in shadow mode."""
    ready = [pool.name for pool in report.gated if pool.gate is not None and pool.gate.ready]
    waiting = [pool.name for pool in report.gated if pool.name not in ready]
    ends = [f"; {name}: {named(pools)}" for name, pools in (("ready", ready), ("not ready", waiting)) if pools]
    return f"Ready for active: {len(ready)} of {len(report.gated)} in shadow mode{''.join(ends)}."


def named(pools: Sequence[str]) -> str:
    """Return names of pools, at most `MOST_NAMED` of them."""
    rest = len(pools) - MOST_NAMED
    return ", ".join(pools[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def reads_text(usd_per_month: float | None) -> str:
    """Return the cost of metric reads. It is part of no bill of a pool."""
    cost = "unknown" if usd_per_month is None else f"{dollars(usd_per_month)} per month at list price"
    return f"Metric reads of the daemon, in no bill below: {cost}."


def pool_blocks(pool: PoolReport) -> Iterator[Block]:
    """Yield the blocks of one pool in one mode."""
    yield Heading(2, f"{pool.name} ({MODE_TEXT[pool.mode]})")
    yield Paragraph(f"{sentence_of([pool.accounts], pool.mode)}.")
    yield Pairs([("Data", data_lines(pool)), ("Changes", changes_lines(pool)), ("Forecast", forecast_lines(pool))])
    if pool.accounts.counted:
        yield outcome_table(pool)
    if items := list(better_baselines(pool)):
        yield Items("Fewer cold starts", items)
    yield Chart(pool)
    if pool.notable:
        yield Items("Decisions worth looking at", [Item(f"{moment(each.at)}  {each.text}", each.command(pool.name))
                                                   for each in pool.notable])
    if pool.gate is not None:
        yield Paragraph(f"{pool.gate.text}.", strong=True)
        yield Items("Criteria", [Item(f"{check.text}: {check.numbers}", met=check.met) for check in pool.gate.checks])


def data_lines(pool: PoolReport) -> list[str]:
    """Return what part of the period has data, and its gaps."""
    accounts, known = pool.accounts, pool.known
    lines = [f"{part_text(accounts.known, known.minutes)} are accounted: capacity and demand are known",
             f"{part_text(known.known, known.minutes)} have known demand{gaps_text(known)}"]
    partial = [f"{day:%b %-d}: {per_cent(accounts.known, MINUTES_PER_DAY)}" for day, accounts in pool.days.items()]
    return [*lines, f"accounted by day: {', '.join(partial)}"]


def gaps_text(known: Known) -> str:
    """Return the longest gaps as the end of a sentence; empty without any."""
    if not known.gaps:
        return ""
    named = [f"{moment(gap.start)} to {moment(gap.end)}" for gap in known.gaps[:MOST_GAPS]]
    rest = len(known.gaps) - len(named)
    return f"; unknown: {', '.join(named)}" + (f" and {rest} shorter gaps" if rest else "")


def changes_lines(pool: PoolReport) -> list[str]:
    """Return the changes of the target, for a pool with layers of each."""
    if pool.pings is None:
        return [changes_text(pool.changes, pool.mode)]
    return [f"{layer}: {changes_text(changes, pool.mode)}" for layer, changes in (("base", pool.changes), ("pings", pool.pings))]


def changes_text(changes: Changes, mode: Mode) -> str:
    """Return the number of changes, and the lowest and highest target."""
    verb = "Stoker would have made" if mode == "shadow" else "Stoker made"
    number = f"{verb} {changes.count:,} change{'' if changes.count == 1 else 's'}"
    if changes.lowest is None:
        return f"{number}; no decision is recorded"
    return f"{number}; lowest target {changes.lowest:,}, highest {changes.highest:,}"


def forecast_lines(pool: PoolReport) -> list[str]:
    """Return for each quantile the share of minutes that it covered, against its nominal share."""
    coverage = pool.coverage
    if not coverage.minutes:
        return ["no forecast has been compared with demand"]
    off = 100 * coverage_error(coverage)
    verdict = "the P90 held" if not off else f"the P90 is off by {off:.2f} points"
    lines = [f"{coverage.minutes:,} min compared with demand: {verdict}"]
    for at, level in enumerate(SCORED_LEVELS):
        low, high = (per_cent(counts[at], coverage.minutes) for counts in (coverage.below, coverage.at_or_below))
        lines.append(f"P{100 * level:g}: demand was below it in {low}, at or below it in {high} (nominal {100 * level:g} %)")
    return lines


def outcome_table(pool: PoolReport) -> Table:
    """Return bill and cold starts with Stoker and with each baseline. Bill, cold-start cost and their sum are separate rows."""
    outcomes = pool.accounts.outcomes
    names = ["Stoker (simulated)" if pool.mode == "shadow" and name == STOKER else NAMES_OF[name] for name in outcomes]
    rows = [
        ("Bill", [dollars(each.bill_usd) for each in outcomes.values()]),
        ("Bill per month", ["-" if each.bill_per_month_usd is None else dollars(each.bill_per_month_usd)
                            for each in outcomes.values()]),
        ("Pings, part of the bill", [dollars(pool.accounts.ping_usd) if name == STOKER and pool.pings is not None else "-"
                                     for name in outcomes]),
        ("Cold starts", [f"{each.cold_starts:,.0f}" for each in outcomes.values()]),
        ("Range of cold starts", [range_text(each) for each in outcomes.values()]),
        ("During pings", [f"{pool.accounts.during_pings:,.0f}" if name == STOKER and pool.accounts.during_pings else "-"
                          for name in outcomes]),
        ("Cold-start cost", [dollars(each.cold_start_cost_usd) for each in outcomes.values()]),
        ("Bill + cold-start cost", [dollars(each.total_usd) for each in outcomes.values()]),
    ]
    return Table(["", *names], [[name, *cells] for name, cells in rows if set(cells) != {"-"}])


def better_baselines(pool: PoolReport) -> Iterator[Item]:
    """Yield each baseline with fewer cold starts than Stoker, with the command that computes the objective that matches it."""
    mine = pool.accounts.stoker
    goals = {TARGET_TRACKING: "--like-target-tracking"}
    if pool.accounts.counted >= MINUTES_PER_DAY:
        a_day = int(pool.accounts.without.cold_starts * MINUTES_PER_DAY / pool.accounts.counted)
        goals[WITHOUT_STOKER] = f"--max-cold-starts-per-day {a_day}"
    for name, goal in goals.items():
        outcome = pool.accounts.outcomes[name]
        fewer, usd = round(mine.cold_starts - outcome.cold_starts), outcome.bill_usd - mine.bill_usd
        if fewer > 0:
            yield Item(f"{BASELINE_TEXT[name]}: {fewer:,} fewer, for {dollars(abs(usd))} {'more' if usd > 0 else 'less'} on the "
                       f"bill. The command computes the objective that matches it, from files that `stoker history` writes",
                       f"stoker tune {pool.name} --policy policy.yaml --history {pool.name}=history/{pool.name}.csv.gz {goal}")


def range_text(outcome: Outcome) -> str:
    """Return the cold starts over the ranges of the keep-alive and of an estimated peak."""
    return "-" if outcome.cold_starts_range is None else "{:,.0f} to {:,.0f}".format(*outcome.cold_starts_range)


def period_text(period: Period) -> str:
    """Return start and end of the period."""
    return f"{moment(period.start)} to {time_text(period.end)}"


def moment(at: datetime) -> str:
    """Return an instant to the minute, in the displayed time zone."""
    return f"{local(at):%Y-%m-%d %H:%M}"


def part_text(part: int, whole: int) -> str:
    """Return minutes out of minutes, with their share."""
    return f"{part:,} of {whole:,} min ({per_cent(part, whole)})"


def per_cent(part: float, whole: float) -> str:
    """Return a share in per cent with one decimal, never rounded to 0 or 100."""
    if whole <= 0 or part <= 0:
        return "0 %"
    if part >= whole:
        return "100 %"
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"
