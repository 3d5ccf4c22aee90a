"""The page of a report in a real browser: light, dark and on a phone it shows everything and is not wider than the screen."""

import pytest

from controller.report.page import page
from tests.browser import CHROMIUM, chromium
from tests.builders import pool_policy
from tests.controller.report.stores import filled, plan, reported

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.mark.parametrize("look", [{"width": 1440}, {"width": 1440, "dark": True}, {"width": 390, "height": 844}],
                         ids=["light", "dark", "phone"])
async def test_the_page_shows_all_and_fits_the_screen(tmp_path, look):
    filled(tmp_path / "stoker.db", plans=[plan()])
    file = tmp_path / "report.html"
    file.write_text(page(reported(tmp_path / "stoker.db", pool_policy(mode="shadow"))), encoding="utf-8")
    async with chromium() as tab:
        await tab.open(file.as_uri(), **look)
        width = await tab.js("document.documentElement.scrollWidth")
        charts = await tab.js("[...document.querySelectorAll('svg')].map(each => each.getBoundingClientRect().width)")
        colours = await tab.js("['.area', '.step'].map(name => getComputedStyle(document.querySelector(name)))"
                               ".map(style => style.fill === 'none' ? style.stroke : style.fill)")
        cut = await tab.js("[...document.querySelectorAll('td')].some(each => each.scrollWidth > each.clientWidth + 1)")

    assert tab.complaints == []
    assert width <= look["width"]
    assert len(charts) == 5
    assert min(charts) > 250
    assert len(set(colours)) == 2
    assert not cut
