"""Chart of a demand forecast: the past day with its earlier forecast, and the hours ahead. SVG, or an HTML page with the SVG.

matplotlib (extra `plot`) draws it. Style rules replace its colours, so that one chart fits light and dark themes.
"""

import io
import re
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from controller.forecasts.demand_forecast import ForecastView
from forecasting.demand import Floats, instant_of
from forecasting.protocol import LEVELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOW, MEDIAN, HIGH, TOP = (LEVELS.index(level) for level in (0.1, 0.5, 0.9, 0.99))
SIZE = (11.0, 4.6)
KEPT = {"actual": "kept warm by Stoker", "simulated": "would have been kept warm by Stoker"}
"""Legend of the capacity by kind."""

STYLE = """
:root{--ground:#fbfaf8;--ink:#1d1b18;--soft:#6b655d;--line:#e4dfd7;--demand:#4b5563;--band:#3b7dd8;--warm:#c2410c}
@media(prefers-color-scheme:dark){:root{--ground:#161513;--ink:#efebe4;--soft:#a49d92;--line:#37332d;--demand:#b6bfcc;
--band:#6aa5f2;--warm:#f07f3c}}
svg text,svg .text path,svg .text use{fill:var(--soft)!important}
#ground path{fill:var(--ground)!important}
[id^=demand] path{stroke:var(--demand)!important}
[id^=median] path{stroke:var(--band)!important}
[id^=band] :is(path,use),path[id^=band]{fill:var(--band)!important;stroke:none!important}
[id^=capacity] path{stroke:var(--warm)!important}
#now path{stroke:var(--ink)!important}
#now-word text{fill:var(--ink)!important}
[id^=grid] path{stroke:var(--line)!important}
"""


class NoPlotter(Exception):
    """matplotlib is not installed."""

    def __init__(self) -> None:
        super().__init__("drawing needs matplotlib, which is not installed: install the wheel with the extra plot")


def svg(view: ForecastView) -> str:
    """Return the chart, light or dark by the viewer's theme; equal views give equal bytes. `NoPlotter` without matplotlib."""
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPlotter from None
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "stoker", "font.family": "sans-serif", "font.size": 10}):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_gid("ground")
        draw(figure.add_subplot(), view)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "Stoker", "Title": f"Forecast of {view.pool}"})
    drawing = out.getvalue()
    drawing = drawing[drawing.index("<svg") :]
    return re.sub(r">", f"><style>{STYLE}</style>", drawing, count=1)


def draw(axes: "Axes", view: ForecastView) -> None:
    """Draw past and future on one axis of hours from now."""
    past = np.arange(-len(view.past), 0) / 60
    ahead = np.arange(len(view.ahead.peak)) / 60
    axes.patch.set_visible(False)
    label = "expected: 10 to 90 %"
    for name, hours, band in (("past", past, view.expected.peak), ("ahead", ahead, view.ahead.peak)):
        if len(hours):
            shade(axes, hours, band, name, label)
            label = "_"
    axes.plot(past, view.past.peak, lw=0.9, color="0.3", gid="demand", label="peak demand")
    axes.plot(ahead, view.ahead.peak[:, MEDIAN], lw=1.6, color="C0", gid="median-ahead", label="median ahead")
    if view.capacity is not None:
        axes.step(past, view.capacity, where="post", lw=1.4, color="C1", gid="capacity", label=KEPT[view.kind])
    axes.axvline(0, lw=1, ls=(0, (4, 3)), color="0", gid="now")
    axes.annotate("now", (0, 1), xycoords=("data", "axes fraction"), xytext=(5, -11), textcoords="offset points", gid="now-word")
    axes.set_ylim(0, ceiling(view))
    axes.set_ylabel("units at once")
    dress(axes, view)


def shade(axes: "Axes", hours: NDArray[np.float64], band: Floats, name: str, label: str) -> None:
    """Draw the band from P10 to P90 and, fainter, from P90 to P99."""
    axes.fill_between(hours, band[:, LOW], band[:, HIGH], alpha=0.36, lw=0, color="C0", gid=f"band-{name}", label=label)
    axes.fill_between(hours, band[:, HIGH], band[:, TOP], alpha=0.16, lw=0, color="C0", gid=f"band-top-{name}",
                      label="up to 99 %" if label != "_" else label)


def ceiling(view: ForecastView) -> float:
    """Return the top of the axis: at least the maximum of demand, P90 and capacity, and at most about twice that for the band."""
    shown = [view.past.peak, view.ahead.peak[:, HIGH]] + ([] if view.capacity is None else [view.capacity])
    most = max((float(np.nanmax(what)) for what in shown if np.isfinite(what).any()), default=0.0)
    tops = [band[:, TOP] for band in (view.expected.peak, view.ahead.peak) if np.isfinite(band).any()]
    top = max((float(np.nanquantile(top, 0.98)) for top in tops), default=0.0)
    return max(1.0, 1.08 * most, 1.08 * min(top, 2 * most)) + 0.2


def dress(axes: "Axes", view: ForecastView) -> None:
    """Set ticks at whole hours of UTC, thin grid lines and a legend above the chart."""
    first, end = -len(view.past) / 60, len(view.ahead.peak) / 60
    hour, every = -(view.now_minute % 60) / 60, 1 if end - first <= 12 else 3
    ticks = [hour + at for at in range(int(first) - 2, int(end) + 2) if first <= hour + at <= end
             and (instant_of(view.now_minute).hour + at) % every == 0]
    moments = [instant_of(view.now_minute) + timedelta(minutes=round(tick * 60)) for tick in ticks]
    axes.set_xticks(ticks, [f"{moment:%H:%M}" + (f"\n{moment:%a %d %b}" if moment.hour == 0 or at == 0 else "")
                            for at, moment in enumerate(moments)])
    axes.set_xlim(first, end)
    for at, line in enumerate(axes.get_ygridlines()):
        line.set_gid(f"grid-{at}")
    axes.grid(axis="y", lw=0.6)
    axes.tick_params(length=0)
    for at, spine in enumerate(axes.spines.values()):
        spine.set_visible(at == 2)  # the bottom one
        spine.set_gid(f"grid-spine-{at}")
    handles, labels = axes.get_legend_handles_labels()
    legend = axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=5, frameon=False, borderaxespad=0.2,
                         columnspacing=1.4)
    for shown, handle in zip(legend.legend_handles, handles, strict=True):
        if shown is not None and handle.get_gid():
            shown.set_gid(f"{handle.get_gid()}-legend")


def html(view: ForecastView, sentences: list[str]) -> str:
    """Return a page with the chart and `sentences` below it. The page loads nothing from the network."""
    drawing, title = svg(view), escape(f"Forecast of {view.pool}")
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{title}</title><style>{PAGE}</style><main><h1>{title}</h1>{drawing}{paragraphs}</main></html>\n")


PAGE = """
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:2rem auto;padding:0 1rem}h1{font-size:1.3rem}svg{width:100%;height:auto}p{margin:.3rem 0}
"""
