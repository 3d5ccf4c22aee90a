"""Report in a real browser: its script draws both charts in the light theme, the dark theme and on a phone."""

import re
from pathlib import Path

import numpy as np
import pytest

from controller.backtest.report.page import page
from controller.backtest.result import Outcome
from tests.browser import CHROMIUM, chromium
from tests.controller.backtest.report.outcomes import DAILY, LAYERED, outcome_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    """A report of two pools, one with a gap in its history."""
    gap = np.where((np.arange(len(DAILY)) > 900) & (np.arange(len(DAILY)) < 1100), np.nan, DAILY)
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(page(Outcome((outcome_of(DAILY, "agent", frontier=True), outcome_of(gap, "chat")))), encoding="utf-8")
    return file


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}], ids=["light", "dark", "phone"])
async def test_both_charts_are_drawn_without_errors(report, look):
    async with chromium() as tab:
        await tab.open(report.as_uri(), **look)
        await tab.until("document.querySelectorAll('.chart .uplot canvas').length === 2")
        shown = await tab.js("document.documentElement.outerHTML")
        cut = await tab.js("[...document.querySelectorAll('.points')].filter((table) => table.offsetParent && "
                           "table.scrollWidth > table.parentElement.clientWidth + 1).length")

    assert tab.complaints == []
    assert cut == 0  # the table of settings fits, on a phone too
    assert len(re.findall(r'<div class="frontier" data-pool="0">', shown)) == 1
    for chart in ("curve", "time"):
        assert re.search(rf'<div id="{chart}" class="chart"><div class="uplot', shown)
    assert len(re.findall(r'<div class="hour" data-pool="\d" hidden', shown)) == 1
    assert len(re.findall(r"<canvas width=\"\d{2,}\"", shown)) == 2


async def test_the_chart_of_layers_names_both_lines(tmp_path):
    file = tmp_path / "layers.html"
    file.write_text(page(Outcome((outcome_of(DAILY, terms=LAYERED),))), encoding="utf-8")
    async with chromium() as tab:
        await tab.open(file.as_uri())
        await tab.until("document.querySelectorAll('.chart .uplot canvas').length === 2")
        names = await tab.js("[...document.querySelectorAll('#time .u-label')].map((label) => label.textContent).join('|')")

    assert tab.complaints == []
    assert "Stoker, base + pings|Stoker, base ready|Cold starts" in names
