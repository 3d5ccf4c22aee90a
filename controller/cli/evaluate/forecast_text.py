"""Text of a forecast for the terminal."""

import numpy as np
from rich.console import Console
from rich.table import Table

from config.model.shown import local, shown_as, time_text
from controller.forecasts.demand_forecast import MEDIAN, ForecastView
from forecasting.demand import Floats, instant_of
from forecasting.protocol import LEVELS

BARS = "▁▂▃▄▅▆▇█"
GAP = "·"
SHOWN = ("0.5", "0.9", "0.99")
ROWS = 12


def sparkline(values: Floats, width: int, most: float) -> str:
    """Return one bar per interval (`width` intervals) for its maximum; a dot where it is unknown."""
    bars = ""
    for part in np.array_split(np.asarray(values, np.float64), min(width, len(values))):
        known = part[np.isfinite(part)]
        bars += BARS[min(int(known.max() / max(most, 1e-9) * len(BARS)), len(BARS) - 1)] if len(known) else GAP
    return bars


def sentences(view: ForecastView) -> list[str]:
    """Return sentences about the accuracy of the last 24 hours' forecasts."""
    texts = [] if view.doubt is None else [view.doubt]
    judged = view.past_accuracy
    at = LEVELS.index(0.9)
    if np.isfinite(judged.coverage.below[at]):
        below, within = (f"{100 * share[at]:.1f} %" for share in (judged.coverage.below, judged.coverage.at_or_below))
        texts.append(f"P90 coverage over the last 24 h, forecast {view.lead} min ahead: {below} of minutes below P90, "
                    f"{within} at or below it (target: 90 % between the two).")
    if np.isfinite(judged.error_over_naive):
        texts.append(f"Mean absolute error of the median relative to a naive forecast (the value {view.lead} min earlier): "
                    f"{judged.error_over_naive:.2f}.")
    return texts


def show(view: ForecastView) -> None:
    """Print a sparkline, a table of the next hours, and the accuracy."""
    console = Console(highlight=False)
    now = instant_of(view.now_minute)
    shown = (view.past.peak, view.ahead.peak[:, MEDIAN])
    most = max((float(np.nanmax(values)) for values in shown if np.isfinite(values).any()), default=1)
    console.print(f"[bold]{view.pool}[/] as of {time_text(now)}: peak demand of the last {len(view.past) / 60:.0f} hours")
    console.print(f"{sparkline(view.past.peak, 72, most)}[blue]│{sparkline(view.ahead.peak[:, MEDIAN], 24, most)}[/] "
                  f"highest bar: {most:.0f}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in (shown_as().timezone, *(f"{float(level):.0%}" for level in SHOWN), "busy 50%"):
        table.add_column(column, justify="right")
    at = [LEVELS.index(float(level)) for level in SHOWN]
    for rows in np.array_split(np.arange(len(view.ahead.peak)), min(ROWS, len(view.ahead.peak))):
        highest = (number_text(values) for values in peak_of(view.ahead.peak[rows][:, at]))
        table.add_row(f"{local(instant_of(view.now_minute + int(rows[0]))):%H:%M}", *highest,
                      number_text(peak_of(view.ahead.busy[rows][:, [MEDIAN]])[0], 1))
    console.print("Forecast: maximum of each interval, P50, P90 and P99 of concurrent demand in units", soft_wrap=True)
    console.print(table)
    for sentence in sentences(view):
        console.print(sentence, style="dim", soft_wrap=True)


def peak_of(rows: Floats) -> Floats:
    """Return the maximum of each column; NaN where it is unknown."""
    most: Floats = np.fmax.reduce(rows, axis=0)
    return most


def number_text(value: float, digits: int = 0) -> str:
    """Return a number with `digits` decimals, or a question mark if it is unknown."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "?"
