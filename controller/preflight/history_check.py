"""Warnings and errors about a recorded history: impossible rows, and a history without any known minute."""

from collections.abc import Sequence

import numpy as np

from adapters.demand.history_file import Doubt, History, HistoryError

MOST_NAMED, MOST_RUNS = 3, 10
"""Impossible rows with a line each, and line ranges that are listed for the rest."""


def check_known(history: History, start: int = 0) -> None:
    """Raise `HistoryError` if no row from `start` on is known: every figure would be zero without any data."""
    if history.series.known[start:].any():
        return
    path, doubts = history.path, history.doubts
    if doubts:
        raise HistoryError(f"{path}:{doubts[0].line}: {doubts[0].what}. No row is known, and {len(doubts)} are impossible "
                           f"({lines_of(doubts)}): export the metrics again, with empty cells for unknown values")
    rows = len(history.series) - start
    raise HistoryError(f"{path}: avg_concurrency or max_concurrency is empty in all {rows} rows, so that demand is unknown: "
                       "export both metrics, see docs/backtest.md")


def warnings_of(history: History) -> list[str]:
    """Return a line for each of the first impossible rows, and one for the rest."""
    first = [f"{history.path}:{line}: {what}; the row counts as unknown" for line, what in history.doubts[:MOST_NAMED]]
    rest = history.doubts[MOST_NAMED:]
    return first + ([f"{history.path}: {len(rest)} more rows count as unknown, {lines_of(rest)}"] if rest else [])


def lines_of(doubts: Sequence[Doubt]) -> str:
    """Return the line numbers of rows, consecutive ones as a range."""
    lines = np.array([doubt.line for doubt in doubts])
    runs = np.split(lines, np.flatnonzero(np.diff(lines) != 1) + 1)
    ranges = [f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:MOST_RUNS]]
    return f"lines {', '.join(ranges)}" + (f" and more up to {lines[-1]}" if len(runs) > MOST_RUNS else "")
