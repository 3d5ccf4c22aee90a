"""A pool with layers on the page: base and pings are two figures, and no text adds them."""

import pytest

from adapters.ports.errors import Unreachable
from tests.browser import CHROMIUM, chromium
from tests.services import layers, measures, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened")
TILES = """Object.fromEntries([...document.querySelectorAll('#pool-facts > div')].map((each) => [
    each.children[0].innerText, [...each.children[1].children].map((part) => part.innerText)]))"""
PANEL = """document.querySelector('#decisions li') && !document.getElementById('pings').hidden &&
    document.querySelector('#legend li')"""


async def test_the_overview_has_the_pings_beside_the_base(tmp_path):
    async with layers(tmp_path) as here, chromium() as page:
        await here.ticks(4)
        await page.open(here.service.url + "/")
        await page.until("document.querySelector('#active-rows .ready small')?.innerText")
        ready, note = await page.text("#active-rows .ready .main"), await page.text("#active-rows .ready small")
        panel = await page.text("#active-panel")
        assert page.complaints == []

    assert (ready, note) == ("1", "of 1 requested · 5 of 5 by pings")
    assert "1 of 1 requested units ready, above them 5 of 5 by pings" in panel


async def test_the_panel_of_a_pool_shows_both_layers_with_their_reasons(tmp_path):
    async with layers(tmp_path) as here, chromium() as page:
        measures(here.levers["a:pings"])
        await here.ticks(4)
        await page.open(here.service.url + "/#/pools/a", width=1200, height=1900)
        await page.until(PANEL)
        tiles, tags = await page.js(TILES), await page.text("#pool-tags")
        base, above, legend = await page.text("#wants"), await page.text("#pings"), await page.text("#legend")
        link = await page.js("document.getElementById('pings-link').getAttribute('href')")
        both = [await page.text(f"#legend [data-line=both] {part}") for part in ("span", "b")]
        words, account = await page.text("#chart-words"), await page.text("#account")
        assert page.complaints == []

    assert tiles["Actual ready, base"] == ["1", "of 1 requested"]
    assert tiles["Actual ready, pings"] == ["5", "of 5 requested"]
    assert tiles["Pings held all units"] == ["1.25 s", "since the start of the daemon; about 3.5 requests"]
    assert (tiles["Target, base"][0], tiles["Target, pings"]) == ("1", ["5", "for 5 in total"])
    assert "Lambda provisioned concurrency, above it Lambda pings" in tags
    assert base == "Base: 1 unit, already requested"
    assert above.startswith("Pings above the base")
    assert "5 units, already requested" in above
    assert "5 - 1 of the base = 4, + 1 that may have stopped unseen" in above
    assert "Actual ready, base" in legend
    assert "Rules are those of the base." in words
    assert both == ["Actual ready, base + pings", "6"]
    assert "Pings above the base: $0.0" in account
    assert link == "/v1/decisions?pool=a%3Apings"


async def test_pings_in_shadow_mode_are_simulated(tmp_path):
    async with layers(tmp_path, mode="shadow") as here, chromium() as page:
        await here.ticks(4)
        await page.open(here.service.url + "/#/pools/a")
        await page.until(PANEL)
        tiles, line = await page.js(TILES), await page.text("#legend [data-line=both] span")
        await page.js("document.getElementById('minutes').open = true")
        await page.until("document.querySelectorAll('#minute-rows tr').length > 2")
        heads = await page.js("[...document.querySelectorAll('#minute-rows tr')[0].children].map((each) => each.innerText)")
        cells = await page.js("[...document.querySelectorAll('#minute-rows tr')[1].children].map((each) => each.innerText)")
        assert page.complaints == []

    assert line == "Simulated ready, base + pings"
    assert dict(zip(heads, cells, strict=True)) | {"UTC": ""} == {
        "UTC": "", "In flight (peak)": cells[1], "Busy (average)": cells[2], "Requested (actual, base)": "0",
        "Ready (actual, base)": "0", "Requested (simulated, base)": "1", "Ready (simulated, base)": "1",
        "Ready (actual, pings)": "0", "Ready (simulated, pings)": "5"}
    assert (tiles["Actual ready, pings"][0], tiles["Simulated ready, pings"][0]) == ("0", "5")
    assert tiles["Simulated target, pings"][0] == "5"


async def test_an_error_of_the_pings_is_a_problem_of_the_pool(tmp_path):
    async with layers(tmp_path) as here, chromium() as page:
        await here.ticks(4)
        here.levers["a:pings"].failing["read"] = Unreachable("no answer at all")
        await here.ticks(30)
        await page.open(here.service.url + "/")
        await page.until("document.querySelector('#active-rows tr')")
        assert "1 with problems" in await page.text("#headline")
        assert "pings: no answer at all" in await page.text("#active-rows")
        await page.js("location.hash = '#/pools/a'")
        await page.until("!document.getElementById('pool-error').hidden")
        assert await page.text("#pool-error") == "pings: no answer at all"


async def test_a_pool_with_one_lever_has_no_word_about_pings(tmp_path):
    async with serving(tmp_path) as here, chromium() as page:
        await here.ticks(2)
        await page.open(here.service.url + "/#/pools/a")
        await page.until("document.querySelector('#decisions li') && document.querySelector('#legend li')")
        assert "ping" not in (await page.text("#pool"))
        assert page.complaints == []
