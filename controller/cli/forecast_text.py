"""A forecast in words and in a terminal."""

import numpy as np
from rich.console import Console
from rich.table import Table

from controller.forecast_view import MEDIAN, ForecastView
from forecasting.demand import Floats, instant_of
from forecasting.protocol import LEVELS

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
SHOWN = ("0.5", "0.9", "0.99")
ROWS = 12


def sparkline(values: Floats, width: int, most: float) -> str:
    """The most of each of `width` stretches as a bar; a dot where nothing is known."""
    said = ""
    for part in np.array_split(np.asarray(values, np.float64), min(width, len(values))):
        known = part[np.isfinite(part)]
        said += BARS[min(int(known.max() / max(most, 1e-9) * len(BARS)), len(BARS) - 1)] if len(known) else GAP
    return said


def sentences(view: ForecastView) -> list[str]:
    """How far the picture can be trusted, in plain words."""
    said = [] if view.doubt is None else [view.doubt]
    judged = view.judgement
    at = LEVELS.index(0.9)
    if np.isfinite(judged.coverage.below[at]):
        below, within = (f"{100 * share[at]:.1f} %" for share in (judged.coverage.below, judged.coverage.at_or_below))
        said.append(f"Of the past day's minutes, {within} stayed at or below the 90 % line drawn {view.lead} minutes before, "
                    f"{below} below it; 90 % should lie between the two.")
    if np.isfinite(judged.error_over_naive):
        said.append(f"The middle of the forecast erred {judged.error_over_naive:.2f} times as much as "
                    f"'as it was {view.lead} minutes ago'.")
    return said


def show(view: ForecastView) -> None:
    """A line of bars, a table of the hours ahead, and how far to trust it."""
    console = Console(highlight=False)
    now = instant_of(view.now_minute)
    shown = (view.past.peak, view.ahead.peak[:, MEDIAN])
    most = max((float(np.nanmax(what)) for what in shown if np.isfinite(what).any()), default=1)
    console.print(f"[bold]{view.pool}[/] as of {now:%Y-%m-%d %H:%M} UTC: peak demand, the last {len(view.past) / 60:.0f} hours")
    console.print(f"{sparkline(view.past.peak, 72, most)}[blue]│{sparkline(view.ahead.peak[:, MEDIAN], 24, most)}[/] "
                  f"the highest bar is {most:.0f}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("UTC", *(f"{float(level):.0%}" for level in SHOWN), "busy 50%"):
        table.add_column(column, justify="right")
    at = [LEVELS.index(float(level)) for level in SHOWN]
    for rows in np.array_split(np.arange(len(view.ahead.peak)), min(ROWS, len(view.ahead.peak))):
        highest = (number(what) for what in peak_of(view.ahead.peak[rows][:, at]))
        table.add_row(f"{instant_of(view.now_minute + int(rows[0])):%H:%M}", *highest,
                      number(peak_of(view.ahead.busy[rows][:, [MEDIAN]])[0], 1))
    console.print("Ahead, the highest of each stretch: units at once that demand stays within at 50, 90 and 99 %", soft_wrap=True)
    console.print(table)
    for sentence in sentences(view):
        console.print(sentence, style="dim", soft_wrap=True)


def peak_of(rows: Floats) -> Floats:
    """The most of each column; NaN where nothing is known."""
    most: Floats = np.fmax.reduce(rows, axis=0)
    return most


def number(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "?"
