"""Overrides from the page, and the page as people meet it who do not see it: in a real browser."""

import asyncio
import contextlib
import json
from pathlib import Path

import axe_playwright_python
import pytest

from config.model.prewarm import Prewarm
from tests.browser import CHROMIUM, chromium
from tests.pages import page_of, pool_entry
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened")
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
FOUND = "(message) => message.violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.failureSummary)}`)"
PHONE = {"width": 390, "height": 844}
LOOKS = {"light": {}, "dark": {"dark": True}, "phone": PHONE}
SAID = "document.getElementById('override-said').textContent"


@contextlib.asynccontextmanager
async def pool_page(folder, **look):
    """The page of pool `a`, its form of overrides open."""
    async with serving(folder, prewarm=Prewarm(max_units=20)) as here, chromium() as page:
        await here.ticks(3)
        await page.open(f"{here.service.url}/#/pools/a", **look)
        await page.until("!document.getElementById('pool').hidden && document.querySelector('#chart canvas')")
        await page.js("document.getElementById('steer').open = true")
        yield here, page


async def fill(page, **fields):
    for name, value in ({"end": "10m", "reason": "users <b>come</b>", "by": "ana", "token": TOKEN} | fields).items():
        await page.js(f"(() => {{ const field = document.getElementById('override-{name}'); field.value = {json.dumps(value)};"
                      " field.dispatchEvent(new Event('change')); })()")


async def press_enter(page):
    """As from the keyboard, in the field of the reason."""
    await page.js("document.getElementById('override-reason').focus()")
    await page.key("Enter", 13, "\r")


async def test_overrides_are_set_and_cleared_by_keyboard_and_the_token_stays_in_the_tab(tmp_path):
    async with pool_page(tmp_path) as (here, page):
        await fill(page, kind="prewarm", amount="9")
        await press_enter(page)
        await page.until(f"{SAID}.startsWith('9 of 9 granted, estimated bill $')")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while here.levers["a"].writes[-1] != 9:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for kind, amount, message in (("pin", "4", "pin 4"), ("boost", "x2", "boost x2"), ("boost", "+3", "boost +3"),
                                   ("pause", "", "pause")):
            await fill(page, kind=kind, amount=amount)
            await press_enter(page)
            await page.until(f"{SAID}.startsWith('Override set: {message}')")
        await page.js("document.getElementById('override-clear').focus()")
        await page.key("Enter", 13, "\r")
        await page.until(f"{SAID}.startsWith('Ended: ')")
        assert here.components.active_overrides.of("a", here.clock.now()) == ()

        assert await page.js("JSON.stringify({...sessionStorage})") == json.dumps({"stoker-token": TOKEN}, separators=(",", ":"))
        assert await page.js("localStorage.length + document.cookie.length") == 0
        assert TOKEN not in await page.js("location.href + performance.getEntriesByType('resource').map((each) => each.name)")
        assert page.complaints == []


@pytest.mark.parametrize(("fields", "message"), [
    ({"kind": "pin", "amount": "many"}, "whole number"), ({"kind": "pin", "amount": "4", "end": "8d"}, "at most 7d"),
    ({"kind": "pin", "amount": "4", "token": "wrong-horse-battery"}, "wrong token"),
    ({"kind": "pin", "amount": "4", "token": "ü"}, "token"),
])
async def test_a_refusal_is_shown_and_nothing_is_set(tmp_path, fields, message):
    async with pool_page(tmp_path) as (here, page):
        await fill(page, **fields)
        await press_enter(page)
        await page.until(f"{SAID}.startsWith('Failed: ') && {SAID}.includes({json.dumps(message)})")

        assert await page.js("document.getElementById('override-said').getAttribute('aria-live')") == "polite"
        assert here.components.active_overrides.of("a", here.clock.now()) == ()


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_axe_finds_no_wcag_violation_on_the_list_and_on_a_pool(tmp_path, look):
    async with pool_page(tmp_path, **look) as (here, page):
        await here.ask("POST", "/v1/pools/a/prewarm", TOKEN, json={"units": 9, "for": "10m", "reason": "users"})
        await here.ticks()
        await page.until("!document.getElementById('pool-overrides').hidden")
        await page.js("document.getElementById('minutes').open = true")
        await page.js(AXE.read_text() + "\n;0")
        for address in ("#/pools/a", "#/"):
            await page.js(f"location.hash = '{address}'")
            await page.until(f"document.getElementById('{'pool' if 'pools' in address else 'overview'}').hidden === false")
            assert await page.js(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}}).then({FOUND})") == []
            assert await page.js("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_axe_finds_no_wcag_violation_with_a_pool_of_each_mode(look):
    pools = [pool_entry("chat"), pool_entry("mail", "shadow", error="AccessDenied", kept_by_others=2, kept_by="an alarm")]
    async with page_of(pools) as served, chromium() as page:
        await page.open(f"{served.url}/#/pools/mail", **look)
        await page.until("document.querySelector('#chart canvas') && document.querySelectorAll('#rules tbody tr').length")
        await page.js("document.getElementById('minutes').open = document.getElementById('steer').open = true")
        await page.js("document.querySelector('#legend button').click()")
        await page.js(AXE.read_text() + "\n;0")
        for address in ("#/pools/mail", "#/"):
            await page.js(f"location.hash = '{address}'")
            await page.until(f"document.getElementById('{'pool' if 'pools' in address else 'overview'}').hidden === false")
            assert await page.js(f"axe.run(document, {{runOnly: {json.dumps(RULES)}}}).then({FOUND})") == []
