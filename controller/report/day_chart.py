"""Charts of a page as SVG without a script: demand and requested units of a pool, one small chart for each day. Pure."""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from controller.report.assembly import PoolReport
from controller.report.period import runs
from forecasting.demand import MINUTES_PER_DAY, instant_of

BIN = 5
"""Minutes per point: the maximum of them is drawn, so that no peak is lost."""

WIDTH, HEIGHT = MINUTES_PER_DAY // BIN, 64
Values = NDArray[np.float64]


def day_charts(pool: PoolReport) -> str:
    """Return the charts of all days of the period on one scale, with their legend, as HTML."""
    demand, requested = binned(pool.demand.peak.astype(np.float64)), binned(pool.requested)
    known = np.concatenate((demand, requested))
    highest = max(1.0, float(np.nanmax(known))) if np.isfinite(known).any() else 1.0
    capacity = "simulated capacity, requested" if pool.mode == "shadow" else "capacity, requested"
    capacity += "" if pool.pings is None else " of the base (without pings)"
    days = "".join(day_chart(instant_of(pool.demand.first_minute + at * BIN), demand[at : at + WIDTH], requested[at : at + WIDTH],
                             highest) for at in range(0, len(demand), WIDTH))
    return (f'<ul class="legend"><li class="demand">demand, maximum of {BIN} min<li class="warm">{capacity}</ul>'
            f'<p class="hint">Each day from 00:00 to 24:00 UTC; the top of every chart is {highest:,.0f} units. Where nothing is '
            f'drawn, nothing is known.</p><div class="days">{days}</div>')


def day_chart(day: datetime, demand: Values, requested: Values, highest: float) -> str:
    """Return the chart of one day with its name and highest values."""
    name = f"{day:%a %-d %b}"
    peaks = f"demand {most(demand)}, capacity {most(requested)}"
    hours = "".join(f'<line x1="{x}" x2="{x}" y1="0" y2="{HEIGHT}"/>' for x in (WIDTH // 4, WIDTH // 2, 3 * WIDTH // 4))
    return (f'<figure><figcaption>{name}<small>{peaks}</small></figcaption>'
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{name}: {peaks}">{hours}'
            f'<path class="area" d="{"".join(areas(demand, highest))}"/>'
            f'<path class="step" d="{"".join(step_lines(requested, highest))}"/></svg>'
            f'<p class="hours"><span>00</span><span>06</span><span>12</span><span>18</span><span>24</span></p></figure>')


def binned(minutes: Values) -> Values:
    """Return the maximum of each `BIN` minutes, NaN where none is known."""
    padded = np.append(minutes, np.full(-len(minutes) % BIN, np.nan)).reshape(-1, BIN)
    filled = np.where(np.isnan(padded), -np.inf, padded).max(axis=1)
    return np.where(np.isneginf(filled), np.nan, filled)


def most(values: Values) -> str:
    """Return the highest known value as text."""
    return f"up to {np.nanmax(values):,.0f}" if np.isfinite(values).any() else "unknown"


def areas(values: Values, highest: float) -> Iterator[str]:
    """Yield a closed path for each run of known values."""
    for start, end in runs(~np.isnan(values)):
        yield f"M{start} {HEIGHT}{steps(values, start, end, highest)}V{HEIGHT}Z"


def step_lines(values: Values, highest: float) -> Iterator[str]:
    """Yield a stepped line for each run of known values."""
    for start, end in runs(~np.isnan(values)):
        yield f"M{start} {height(values[start], highest)}{steps(values, start, end, highest)}"


def steps(values: Values, start: int, end: int, highest: float) -> str:
    """Return the values of [start, end) as steps of a path."""
    parts, at = [], start
    while at < end:
        same = at
        while same < end and values[same] == values[at]:
            same += 1
        parts.append(f"V{height(values[at], highest)}H{same}")
        at = same
    return "".join(parts)


def height(value: float, highest: float) -> str:
    """Return the place of a value, with 1 free above the highest."""
    return f"{HEIGHT - (HEIGHT - 1) * value / highest:.1f}".removesuffix(".0")
