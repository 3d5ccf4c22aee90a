"""What must be said of a recorded history before figures are made of it: rows that cannot be right, and that nothing is known."""

from collections.abc import Sequence

import numpy as np

from adapters.demand.history_file import Doubt, History, HistoryError

MOST_NAMED, MOST_RUNS = 3, 10
"""Rows that are named one by one, and ranges of lines that are listed of the rest."""


def check_known(history: History, start: int = 0) -> None:
    """Raise `HistoryError` if no row from `start` on is known: every figure would be a zero that nothing supports."""
    if history.series.known[start:].any():
        return
    path, doubts = history.path, history.doubts
    if doubts:
        raise HistoryError(f"{path}:{doubts[0].line}: {doubts[0].what}. No row is known, and {len(doubts)} cannot be right "
                           f"({lines_of(doubts)}): export the metrics again, with empty cells for what is unknown")
    rows = len(history.series) - start
    raise HistoryError(f"{path}: avg_concurrency or max_concurrency is empty in all {rows} rows, so that demand is unknown: "
                       "export both metrics, see docs/backtest.md")


def warnings_of(history: History) -> list[str]:
    """Return a line for each of the first rows that cannot be right, and one for the rest."""
    first = [f"{history.path}:{line}: {what}; the row counts as unknown" for line, what in history.doubts[:MOST_NAMED]]
    left = history.doubts[MOST_NAMED:]
    return first + ([f"{history.path}: {len(left)} more rows count as unknown, {lines_of(left)}"] if left else [])


def lines_of(doubts: Sequence[Doubt]) -> str:
    """Return the lines of rows, those that follow one another as a range."""
    lines = np.array([doubt.line for doubt in doubts])
    runs = np.split(lines, np.flatnonzero(np.diff(lines) != 1) + 1)
    said = [f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:MOST_RUNS]]
    return f"lines {', '.join(said)}" + (f" and on to {lines[-1]}" if len(runs) > MOST_RUNS else "")
