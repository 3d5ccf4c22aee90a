"""Report in a few lines of plain text, for a notification. Pure."""

from collections.abc import Iterator

from controller.report.assembly import PoolReport, Report
from controller.report.content import gate_text, mode_lines, per_cent, period_text, sentence_of

MOST_CHARACTERS = 2500
"""Maximum length of the text: Slack accepts 3,000 characters in a block, with its own marks."""

REST = "and {} more: run stoker report"


def summary_of(report: Report) -> str:
    """Return the report in at most `MOST_CHARACTERS`: the sums by mode, then one line per pool as long as there is room."""
    head = [f"Weekly report, {period_text(report.period)}", *mode_lines(report), *([gate_text(report)] if report.gated else [])]
    lines, size = head, sum(len(line) + 1 for line in head)
    pools = list(map(pool_line, report.pools))
    for at, line in enumerate(pools):
        rest = REST.format(f"{len(pools) - at} pools")
        if size + len(line) + 1 + len(rest) > MOST_CHARACTERS and at < len(pools):
            lines.append(rest)
            break
        lines.append(line)
        size += len(line) + 1
    return "\n".join(lines)


def pool_line(pool: PoolReport) -> str:
    """Return one pool in one mode as a line."""
    return "; ".join(pool_parts(pool))


def pool_parts(pool: PoolReport) -> Iterator[str]:
    """Yield what the line of a pool says."""
    yield f"- {pool.name} ({pool.mode}): {sentence_of([pool.accounts], pool.mode)}"
    yield f"{per_cent(pool.accounts.known, pool.known.minutes)} of the minutes accounted"
    if pool.gate is not None and not pool.gate.ready:
        yield f"not ready for active: {', '.join(check.key for check in pool.gate.checks if not check.met)}"
    elif pool.gate is not None:
        yield "ready for active"
