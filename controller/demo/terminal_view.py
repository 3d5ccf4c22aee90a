"""Display of a frame in a terminal of any size from 40 columns on. Nothing is cut within a word or a number."""

from dataclasses import replace

from rich.console import Group, RenderableType
from rich.text import Text

from controller.decision.costs.sentences import dollars
from controller.demo.bar_chart import ABOVE, COLD, IDLE, SERVED, SHADE, WARM, draw
from controller.demo.frame import Decision, Frame, PoolFrame
from controller.demo.result_text import SANDBOX, bill_change, whole

FIGURES_WIDTH, GAP = 36, 2
SIDE_BY_SIDE = 70
"""Width from which the figures of a pool are beside its chart."""

AROUND = 2
"""Lines of a pool besides its chart: the title, and the times or the figures."""

MOST_DECISIONS, DECISION_SHARE, MOST_CHART_LINES, LEAST_CHART_LINES = 8, 6, 10, 2
"""Decisions are shown in at most one line of `DECISION_SHARE` of the terminal, and at least in one."""


def picture(frame: Frame, width: int, height: int) -> RenderableType:
    """Return the whole screen, at most `height - 1` lines of `width` columns."""
    head, beside = header(frame, width), width >= SIDE_BY_SIDE
    decisions = min(MOST_DECISIONS, max(1, height // DECISION_SHARE - 2)) if beside else 2
    room = height - 1 - len(head) - decisions
    pools, least = frame.pools, AROUND + LEAST_CHART_LINES
    if len(pools) * least > room:
        room -= 1  # for the number of hidden pools
        pools = pools[: max(1, room // least)]
    hidden = len(frame.pools) - len(pools)
    lines = max(LEAST_CHART_LINES, min(MOST_CHART_LINES, room // max(1, len(pools)) - AROUND))
    blocks = [line for pool in pools for line in (wide_block if beside else narrow_block)(pool, width, lines)]
    more = [Text(f"{hidden} more: enlarge the terminal", "dim")] if hidden else []
    return Group(*head, *blocks, *more, *(decision_lines if beside else newest_decision)(frame.decisions, decisions, width))


def header(frame: Frame, width: int) -> list[Text]:
    """Return the lines above the pools: time and address, the result so far, and the legend."""
    time = [f"{frame.now:%a %H:%M} UTC", f"{whole(frame.elapsed)} of {whole(frame.lasts)}"]
    time += [f"{frame.speed:.0f}× real time"] if frame.speed >= 1 else []
    address = f"{frame.url}/"
    if width < SIDE_BY_SIDE:
        lines = [*wrapped(time[:2], width), *wrapped([address, SANDBOX], width)]
        legend = legend_text("warm", "above it", "idle")
    else:
        while len("  ".join([*time, address])) > width and len(time) > 1:
            del time[-1]
        left = "  ".join(time)
        lines = [Text.assemble((left, "bold"), " " * (width - len(left) - len(address)), (address, "dim"))]
        legend = legend_text("served warm", "above it", "idle warm").append(f"   {SANDBOX}", "dim")
    return [*lines, *wrapped(bill_change(frame.total).split(" "), width, " "), legend]


def legend_text(warm: str, above: str, idle: str) -> Text:
    """Return the meaning of each character of the charts."""
    return Text.assemble((SERVED, WARM), f" {warm}  ", (ABOVE, COLD), f" {above}  ", (SHADE, IDLE), f" {idle}")


def wide_block(pool: PoolFrame, width: int, lines: int) -> list[Text]:
    """Return the title of a pool, and its chart with the figures to the right."""
    chart = draw(pool.points, width - FIGURES_WIDTH - GAP, lines)
    words = figures(pool)[: len(chart)]
    words += [Text("")] * (len(chart) - len(words))
    return [title(pool, width), *(Text.assemble(line, " " * GAP, clip(figure, FIGURES_WIDTH))
                                  for line, figure in zip(chart, words, strict=True))]


def narrow_block(pool: PoolFrame, width: int, lines: int) -> list[Text]:
    """Return the title of a pool, one line of figures, and its chart below."""
    figure = Text.assemble((f"{pool.peak or 0:.0f}", "bold"), " in flight, ", (f"{pool.ready}", "bold cyan"), " ready, ",
                           (f"{pool.outcome.cold_starts:,}", "green"), " cold starts")
    if len(figure) > width:
        figure = figure[: -len(" starts")]
    return [title(replace(pool, title=""), width), clip(figure, width), *draw(pool.points, width, lines, axis=False)]


def title(pool: PoolFrame, width: int) -> Text:
    """Return the name, the mode and the traffic of a pool in a line across the terminal."""
    named = clip(Text.assemble("── ", (pool.name, "bold"), f" ({pool.mode}) {pool.title and f' {pool.title} '}"), width)
    return named.append("─" * (width - len(named)), "dim")


def figures(pool: PoolFrame) -> list[Text]:
    """Return the figures of a pool, most important first: a small terminal shows fewer lines."""
    out = pool.outcome
    target = "" if pool.target is None else f", target {pool.target}"
    return [
        Text.assemble("in flight ", (f"{pool.peak or 0:.0f}", "bold"), target),
        Text.assemble("ready ", (f"{pool.ready}", "bold cyan"), f" of {pool.requested} requested"),
        Text.assemble("cold starts ", (f"{out.cold_starts:,}", "green"), ", without ", (f"{out.cold_starts_without:,}", "red")),
        Text.assemble("bill ", (dollars(out.bill_usd), "bold"), ", without ", dollars(out.bill_without_usd)),
        Text(f"pings {out.pings:,}" if out.pings else f"warm unit minutes {out.warm_minutes:,.0f}", "dim"),
        Text(f"requests {out.invocations:,.0f}", "dim"),
        Text("cold-start cost (not in the bill):", "dim"),
        Text(f"  {dollars(out.cold_start_cost_usd)}, without {dollars(out.cold_start_cost_without_usd)}", "dim"),
    ]


def decision_lines(decisions: tuple[Decision, ...], lines: int, width: int) -> list[Text]:
    """Return the last decisions, one line each, the newest last."""
    return [clip(Text.assemble((f"{each.at:%H:%M} ", "dim"), (each.pool, "bold"), f" {each.text}"), width)
            for each in decisions[-lines:]]


def newest_decision(decisions: tuple[Decision, ...], lines: int, width: int) -> list[Text]:
    """Return the newest decision in as many lines as given, without the words that do not fit."""
    if not decisions:
        return []
    newest = decisions[-1]
    text = wrapped(f"{newest.at:%H:%M} {newest.pool} {newest.text}".split(" "), width, " ", "")
    return text if len(text) <= lines else [*text[: lines - 1], clip(text[lines - 1].append(" " * width), width)]


def clip(text: Text, width: int) -> Text:
    """Return a text that fits into one line; a longer one ends after a whole word, with an ellipsis."""
    if len(text) <= width:
        return text
    end = text.plain.rfind(" ", 0, width - 1)
    kept = text[: end if end > 0 else width - 2]
    kept.rstrip()
    return kept.append(" …")


def wrapped(words: list[str], width: int, gap: str = "  ", style: str = "bold") -> list[Text]:
    """Return words in as many lines as they need; none is cut unless it is longer than a line."""
    lines = [""]
    for word in words:
        longer = f"{lines[-1]}{gap}{word}" if lines[-1] else word
        if len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return [Text(line, style) for line in lines]
