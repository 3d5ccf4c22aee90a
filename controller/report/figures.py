"""What the charts of a report draw, as plain values. Pure."""

from collections.abc import Sequence

import numpy as np

from controller import peers
from controller.accounting import Units
from controller.outcome import PoolOutcome
from controller.report.words import LABELS, STOKER, TRACKING
from controller.report.worst_hour import WorstHour, counted_cold
from forecasting.combined import CombinedForecaster
from forecasting.demand import DemandSeries
from forecasting.protocol import LEVELS

AHEAD = 60
"""Minutes before a minute at which its forecast band was made."""

BAND = (0.1, 0.5, 0.95)
DIGITS = 3


def charts(pool: PoolOutcome, worst: WorstHour | None) -> dict[str, object]:
    """One pool's charts: its minutes, and the curve of cost against cold starts."""
    ready, cold = counted_cold(pool, pool.replay.target)
    tracked, _ = counted_cold(pool, peers.target_tracking(pool.load, pool.terms))
    return {
        "name": pool.name,
        "first": pool.demand.first_minute * 60,
        "start": pool.load.start,
        "worst": None if worst is None else worst.first,
        "demand": [int(peak) if known else None for peak, known in zip(pool.load.peak, pool.load.known, strict=True)],
        "ready": steps(ready),
        "tracked": steps(tracked),
        "cold": sparse(cold),
        "band": band(pool.demand),
        "curve": curve(pool),
    }


def steps(values: Units) -> list[list[int]]:
    """A step function as [row, value] wherever it changes: small, and exact."""
    changes = np.flatnonzero(np.diff(values, prepend=values[:1] - 1 if len(values) else 0))
    return [[int(row), int(values[row])] for row in changes]


def sparse(values: Units) -> list[list[int]]:
    """[row, value] wherever there is one."""
    return [[int(row), int(values[row])] for row in np.flatnonzero(values)]


def band(demand: DemandSeries) -> dict[str, object] | None:
    """What was forecast of each quarter of an hour an hour before it: low, middle and high; None while too little was known.

    The forecaster is fed minute by minute and each row uses nothing newer than an hour before.
    """
    said = CombinedForecaster(1).follow(demand.peak[None], demand.busy[None], demand.first_minute, (AHEAD,)).peak[0, :, 0]
    rows = np.arange(0, len(demand) - AHEAD, 15)
    at = [LEVELS.index(level) for level in BAND]
    picked = said[rows][:, at]
    if not np.isfinite(picked).any():
        return None
    lines = [[None if np.isnan(value) else round(float(value), 1) for value in column] for column in picked.T]
    return {"rows": (rows + AHEAD).tolist(), "low": lines[0], "middle": lines[1], "high": lines[2]}


def curve(pool: PoolOutcome) -> dict[str, object]:
    """Every policy as a point of waits and dollars, and the constants as a line."""
    bills = {STOKER: pool.stoker} | pool.peers
    line = [(bill.cold_starts, bill.provider_usd, level) for level, bill in peers.constants(pool.load, pool.terms)]
    return {
        "constants": [[cold, cents(usd), level] for cold, usd, level in sorted(line)],
        "policies": [[name, LABELS[name], bill.cold_starts, cents(bill.provider_usd)] for name, bill in bills.items()],
        "tracking": TRACKING,
    }


def cents(amount: float) -> float:
    """Dollars, with enough digits to be drawn."""
    return float(f"{amount:.{DIGITS + 2}g}")


def widest(values: Sequence[float]) -> float:
    """The greatest of some amounts; 1 when there is none above zero, to divide by."""
    return max([value for value in values if value > 0], default=1.0)
