"""Report in a real browser: its script draws both charts in the light theme, the dark theme and on a phone."""

import re

import numpy as np
import pytest

from controller.backtest.report.page import page
from controller.backtest.result import Outcome
from tests.browser import CHROMIUM, chromium
from tests.controller.backtest.report.outcomes import DAILY, outcome_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"width": 390, "height": 844}], ids=["light", "dark", "phone"])
async def test_both_charts_are_drawn_without_errors(tmp_path, look):
    gap = np.where((np.arange(len(DAILY)) > 900) & (np.arange(len(DAILY)) < 1100), np.nan, DAILY)
    file = tmp_path / "report.html"
    file.write_text(page(Outcome((outcome_of(DAILY, "agent"), outcome_of(gap, "chat")))), encoding="utf-8")
    async with chromium() as tab:
        await tab.open(file.as_uri(), **look)
        await tab.until("document.querySelectorAll('.chart .uplot canvas').length === 2")
        shown = await tab.js("document.documentElement.outerHTML")

    assert tab.complaints == []
    for chart in ("curve", "time"):
        assert re.search(rf'<div id="{chart}" class="chart"><div class="uplot', shown)
    assert len(re.findall(r'<div class="hour" data-pool="\d" hidden', shown)) == 1
    assert len(re.findall(r"<canvas width=\"\d{2,}\"", shown)) == 2
