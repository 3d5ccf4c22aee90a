"""The report in a real browser: its script runs to the end and draws both charts, in light, in dark and on a phone."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from controller.outcome import Outcome
from controller.report.page import page
from tests.controller.report.outcomes import DAILY, outcome_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--virtual-time-budget=3000", "--enable-logging=stderr")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.mark.parametrize("extra", [(), ("--blink-settings=preferredColorScheme=0",), ("--window-size=390,844",)],
                         ids=["light", "dark", "phone"])
def test_both_charts_are_drawn_and_nothing_complains(tmp_path, extra):
    gap = np.where((np.arange(len(DAILY)) > 900) & (np.arange(len(DAILY)) < 1100), np.nan, DAILY)
    file = tmp_path / "report.html"
    file.write_text(page(Outcome((outcome_of(DAILY, "agent"), outcome_of(gap, "chat")))), encoding="utf-8")
    done = subprocess.run([CHROMIUM, *FLAGS, *extra, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()],
                          capture_output=True, text=True, timeout=60)
    assert "Uncaught" not in done.stderr
    assert "Refused to" not in done.stderr
    for chart in ("curve", "time"):
        assert re.search(rf'<div id="{chart}" class="chart"><div class="uplot', done.stdout)
    assert len(re.findall(r'<div class="hour" data-pool="\d" hidden', done.stdout)) == 1
    assert len(re.findall(r"<canvas width=\"\d{2,}\"", done.stdout)) == 2
