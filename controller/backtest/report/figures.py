"""Chart data of a report, as plain values. Pure."""

from collections.abc import Sequence

import numpy as np

from controller.backtest.report import frontier_section
from controller.backtest.report.text import LABELS
from controller.backtest.report.worst_hour import WorstHour, base_ready, counted_cold
from controller.backtest.result import STOKER, PoolOutcome
from controller.decision.costs import baselines
from controller.decision.costs.bill import Units
from controller.decision.costs.sentences import TARGET_TRACKING
from forecasting.combined import CombinedForecaster
from forecasting.demand import DemandSeries
from forecasting.protocol import LEVELS

AHEAD = 60
"""Lead of the forecast band in minutes."""

BAND = (0.1, 0.5, 0.95)
DIGITS = 3


def charts(pool: PoolOutcome, worst: WorstHour | None) -> dict[str, object]:
    """Return the chart data of one pool: its minutes, and cost vs. cold starts."""
    both, cold = counted_cold(pool, pool.replay.target, pool.replay.pinged)
    tracked, _ = counted_cold(pool, baselines.target_tracking(pool.load, pool.terms))
    return {
        "name": pool.name,
        "first": pool.demand.first_minute * 60,
        "start": pool.load.start,
        "worst": None if worst is None else worst.first,
        "demand": [int(peak) if known else None for peak, known in zip(pool.load.peak, pool.load.known, strict=True)],
        "ready": steps(base_ready(pool)),
        "both": None if pool.replay.pinged is None else steps(both),
        "tracked": steps(tracked),
        "cold": sparse(cold),
        "band": band(pool.demand),
        "curve": curve(pool),
    }


def steps(values: Units) -> list[list[int]]:
    """Return a step function as [row, value] at each change."""
    changes = np.flatnonzero(np.diff(values, prepend=values[:1] - 1 if len(values) else 0))
    return [[int(row), int(values[row])] for row in changes]


def sparse(values: Units) -> list[list[int]]:
    """Return [row, value] for each non-zero value."""
    return [[int(row), int(values[row])] for row in np.flatnonzero(values)]


def band(demand: DemandSeries) -> dict[str, object] | None:
    """Return P10, P50 and P95 of every 15th minute, forecast 1 h earlier; None without enough history.

    The forecaster reads minute by minute; each row uses only data that is at least 1 h older.
    """
    forecast = CombinedForecaster(1).follow(demand.peak[None], demand.busy[None], demand.first_minute, (AHEAD,)).peak[0, :, 0]
    rows = np.arange(0, len(demand) - AHEAD, 15)
    at = [LEVELS.index(level) for level in BAND]
    picked = forecast[rows][:, at]
    if not np.isfinite(picked).any():
        return None
    lines = [[None if np.isnan(value) else round(float(value), 1) for value in column] for column in picked.T]
    return {"rows": (rows + AHEAD).tolist(), "low": lines[0], "middle": lines[1], "high": lines[2]}


def curve(pool: PoolOutcome) -> dict[str, object]:
    """Return every strategy as a point (cold starts, bill), and constant capacities as a line."""
    bills = {STOKER: pool.stoker} | pool.peers
    line = [(bill.cold_starts, bill.provider_usd, level) for level, bill in baselines.constants(pool.load, pool.terms)]
    return {
        "constants": [[cold, cents(usd), level] for cold, usd, level in sorted(line)],
        "policies": [[name, LABELS[name], bill.cold_starts, cents(bill.provider_usd)] for name, bill in bills.items()],
        "tracking": TARGET_TRACKING,
        "frontier": [[cold, cents(usd), *rest] for cold, usd, *rest in frontier_section.line(pool)],
    }


def cents(amount: float) -> float:
    """Return USD rounded to the digits a chart needs."""
    return float(f"{amount:.{DIGITS + 2}g}")


def widest(values: Sequence[float]) -> float:
    """Return the maximum of the positive values; 1 without any, so that it can be a divisor."""
    return max([value for value in values if value > 0], default=1.0)
