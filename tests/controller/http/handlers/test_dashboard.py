"""The dashboard as it is served, and in a real browser: at one, fifty and two thousand pools."""

import asyncio
import contextlib
import json
import re
from datetime import timedelta

import aiohttp
import pytest

from adapters.runtime.clock import ManualClock
from controller.daemon.daemon import Daemon
from controller.decision.planning.pool_state.state import PoolState
from controller.http.handlers.dashboard import LIBRARY, OWN_FILES, asset
from controller.overrides.parsing import parse_override
from controller.store.managed_capacity import Held, Orphan
from tests.browser import CHROMIUM, chromium
from tests.builders import NOON, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import ticking
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)
HOSTILE = '<img src=x onerror="document.title=1">'
browsed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened")


class Serving:
    def __init__(self, service, source, clock, providers):
        self.service, self.source, self.clock, self.url = service, source, clock, service.url
        self.providers = providers

    @property
    def components(self):
        return self.service.runtime.components

    async def minute(self):
        await self.clock.advance(MINUTE)
        await asyncio.wait_for(self.service.runtime.tick.run(), PATIENCE_SECONDS)


@contextlib.asynccontextmanager
async def serving(folder, names, history=timedelta(hours=2)):
    """A service on fakes; pool number n has n + 1 units in flight."""
    clock = ManualClock(NOON)
    source = FakeSource({name: steady(at + 1) for at, name in enumerate(names)}, history=history)
    pools = [pool_policy(name=name, max=10_000) for name in names]
    providers = FakeProviders([(source, tuple(names))], clock)
    service = Daemon(policy_of(pools), providers, clock, folder, port=0)
    async with ticking(service, 60):
        here = Serving(service, source, clock, providers)
        await here.minute()
        yield here


@contextlib.asynccontextmanager
async def shown(folder, names, history=timedelta(hours=2), **more):
    """The page in a browser, once it shows pools."""
    async with serving(folder, names, history) as here, chromium() as page:
        await page.open(here.url + "/", **more)
        await page.until("document.querySelectorAll('table.pools tbody tr').length > 0")
        yield here, page


def pool_names(count):
    return [f"agent-{at:04}" for at in range(count)]


NAMES = "[...document.querySelectorAll('table.pools tbody th a')].map((link) => link.textContent)"


async def test_the_page_may_load_and_run_only_what_the_daemon_serves(tmp_path):
    async with serving(tmp_path, ["a"]) as here, aiohttp.ClientSession() as session, session.get(here.url + "/") as answer:
        body = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
        named = re.findall(r'(?:src|href)="(/[^"]+)"', body)
        found = {}
        for path in named:
            async with session.get(here.url + path) as part:
                found[path] = part.status

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert set(found.values()) == {200}
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=|https?://", body)


@pytest.mark.parametrize("name", [each for each in OWN_FILES if not each.endswith(".svg")])
def test_no_part_of_the_page_names_another_host_or_writes_html(name):
    text = asset(name).body.decode()

    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


async def test_a_file_that_the_browser_has_is_not_sent_again(tmp_path):
    async with serving(tmp_path, ["a"]) as here, aiohttp.ClientSession() as session:
        for path in ("/", *(f"/assets/{name}" for name in (*OWN_FILES, *LIBRARY)), "/status"):
            async with session.get(here.url + path) as first:
                tag = first.headers["ETag"]
            async with session.get(here.url + path, headers={"If-None-Match": tag}) as again:
                assert (path, again.status, await again.read()) == (path, 304, b"")
        await here.minute()
        async with session.get(here.url + "/status", headers={"If-None-Match": tag}) as after:
            assert after.status == 200


@pytest.mark.parametrize("path", ["/assets/nothing.js", "/assets/..%2Fapp.py", "/assets/dashboard.html%00"])
async def test_only_the_assets_are_served(tmp_path, path):
    async with serving(tmp_path, ["a"]) as here, aiohttp.ClientSession() as session, session.get(here.url + path) as answer:
        assert (answer.status, "error" in await answer.json()) == (404, True)


async def test_history_returns_demand_and_capacity_per_minute(tmp_path):
    async with serving(tmp_path, ["a", "b"]) as here, aiohttp.ClientSession() as session:
        for _ in range(4):
            await here.minute()
        async with session.get(here.url + "/v1/pools/b/history?hours=1") as answer:
            told = json.loads(await answer.read())
        for query in ("hours=0", "hours=x", "hour=1", "hours=99"):
            async with session.get(f"{here.url}/v1/pools/b/history?{query}") as wrong:
                assert wrong.status == 400
        async with session.get(here.url + "/v1/pools/nobody/history") as missing:
            assert missing.status == 404

    assert {len(told[key]) for key in ("peak", "busy", "actual_requested", "actual_ready")} == {60}
    assert set(told["peak"][:55]) == {2.0}
    assert told["peak"][-1] is None
    assert told["actual_requested"][0] is None
    assert (told["actual_requested"][-1], told["actual_ready"][-1]) == (2.0, 2.0)


@browsed
async def test_one_pool_opens_by_keyboard_and_shows_its_chart_and_decisions(tmp_path):
    async with shown(tmp_path, ["chat"]) as (_, page):
        await page.js("document.querySelector('#active-rows a').focus()")
        await page.key("Enter", 13, "\r")
        await page.until("!document.getElementById('pool').hidden && document.querySelector('#chart canvas')")
        await page.until("document.querySelectorAll('#decisions li time').length > 0")
        assert await page.js("document.activeElement.id") == "pool-name"
        assert "raised 0 → 1" in await page.js("document.getElementById('decisions').innerText")
        assert await page.js("document.querySelectorAll('#reasons > li').length") >= 1
        assert "Chart of chat" in await page.js("document.getElementById('chart').getAttribute('aria-label')")
        assert await page.js("document.getElementById('minutes').open = true")
        await page.until("document.querySelectorAll('#minute-rows tr').length === 61")
        await page.js("history.back()")
        await page.until("!document.getElementById('overview').hidden && document.getElementById('pool').hidden")
        assert page.complaints == []


@browsed
async def test_fifty_pools_are_sorted_filtered_and_updated(tmp_path):
    async with shown(tmp_path, [*pool_names(49), HOSTILE]) as (here, page):
        click = "document.querySelector('#active-heads [data-key={}] button').click()"
        await page.js(click.format("peak"))
        assert (await page.js(NAMES))[:2] == [HOSTILE, "agent-0048"]
        assert await page.js("document.querySelector('#active-heads [data-key=peak]').getAttribute('aria-sort')") == "descending"
        await page.js(click.format("peak"))
        assert (await page.js(NAMES))[0] == "agent-0000"
        await page.js(click.format("name"))
        assert (await page.js(NAMES))[:2] == [HOSTILE, "agent-0000"]

        await page.js("document.getElementById('search').focus()")
        await page.write("AGENT 004")
        await page.until(f"{NAMES}.length === 10")
        assert "10 of 50" in await page.js("document.getElementById('found').textContent")
        await page.js("document.getElementById('search').value = ''")

        here.source.traffic["agent-0000"] = steady(77)
        for _ in range(3):
            await here.minute()
        await page.until("document.querySelector('#active-rows').innerText.includes('77')")
        assert await page.js("document.activeElement.id") == "search"
        assert await page.js("document.title") == "Stoker"
        assert await page.js("document.querySelectorAll('#active-rows img').length") == 0
        assert page.complaints == []


@browsed
async def test_forecast_and_plan_are_drawn_when_available(tmp_path):
    async with shown(tmp_path, ["chat"], history=timedelta(days=3)) as (here, page):
        await page.js("location.hash = '#/pools/chat'")
        await page.until("document.getElementById('chart-words').textContent.includes('The band is the forecast made')", 60)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while here.components.forecasts.rotation.capacity_forecast("chat", here.clock.now()).pairs is None:
                await here.clock.advance(timedelta(seconds=5))
                await asyncio.sleep(0.2)
        await here.minute()
        await page.until("document.getElementById('pool-facts').textContent.includes('up to 1')")
        await page.js("location.hash = '#/'")
        await page.until("document.querySelector('td.next path').getAttribute('d')?.startsWith('M0 24V')")
        assert page.complaints == []


@browsed
async def test_the_address_of_an_unknown_pool_shows_a_message(tmp_path):
    async with shown(tmp_path, ["chat"]) as (_, page):
        await page.js("location.hash = '#/pools/chat'")
        await page.until("document.querySelector('#chart canvas')")
        await page.js("location.hash = '#/pools/' + encodeURIComponent('<b>nobody</b>')")
        await page.until("document.getElementById('pool-error').textContent.includes('no pool called <b>nobody</b>')")
        assert await page.js("document.getElementById('chart').offsetHeight") == 0
        await page.js("location.hash = '#/pools/chat'")
        await page.until("document.getElementById('chart').offsetHeight > 0 && document.getElementById('pool-error').hidden")
        assert page.complaints == []


@browsed
async def test_overrides_are_shown_with_end_and_reason(tmp_path):
    async with shown(tmp_path, ["chat", "mail"]) as (here, page):
        order = {"kind": "pin", "units": 9, "for": "2h", "reason": "launch <b>day</b>", "by": "ana"}
        await here.components.active_overrides.add("chat", parse_override(order, here.clock.now()))
        await here.minute()
        await page.until("document.querySelector('#active-rows').innerText.includes('pin')")
        await page.js("location.hash = '#/pools/chat'")
        await page.until("!document.getElementById('pool-overrides').hidden")
        told = await page.js("document.getElementById('pool-overrides').textContent")
        assert "by ana: launch <b>day</b>" in told
        assert "until 14:01" in told
        await page.until("document.getElementById('wants').textContent.startsWith('9 units')")
        assert page.complaints == []


@browsed
async def test_two_thousand_pools_do_not_freeze_the_page(tmp_path):
    async with shown(tmp_path, pool_names(2000)) as (here, page):
        assert len(await page.js(NAMES)) == 50
        assert "1 to 50 of 2,000" in await page.js("document.getElementById('active-page').textContent")
        taken = await page.js("""(() => {
            const begun = performance.now();
            for (const key of ['name', 'peak', 'cost', 'ready'])
                document.querySelector(`#active-heads [data-key=${key}] button`).click();
            document.getElementById('search').value = '1999';
            document.getElementById('search').dispatchEvent(new Event('input'));
            return performance.now() - begun;
        })()""")
        assert await page.js(NAMES) == ["agent-1999"]
        assert here.components.fleet.reconcilers["agent-1999"].capacity is None  # a tick reads so many; and unknown is no zero
        assert await page.js("document.querySelector('td.ready').innerText.split(/\\s+/).join(' ')") == "unknown"
        assert taken < 3000
        await page.js("document.getElementById('search').value = ''; "
                      "document.getElementById('search').dispatchEvent(new Event('input'))")
        await page.js("document.getElementById('active-after').click()")
        assert "51 to 100 of 2,000" in await page.js("document.getElementById('active-page').textContent")
        await page.js("location.hash = '#/pools/agent-1234'")
        await page.until("document.querySelector('#chart canvas')")
        assert page.complaints == []


@browsed
@pytest.mark.parametrize("look", [{"dark": True}, {"width": 390, "height": 844}], ids=["dark", "phone"])
async def test_nothing_overflows_in_dark_mode_or_on_a_phone(tmp_path, look):
    async with shown(tmp_path, pool_names(3), **look) as (_, page):
        for address in ("#/", "#/pools/agent-0001"):
            await page.js(f"location.hash = '{address}'")
            await page.until("document.querySelector('#pool').hidden || document.querySelector('#chart canvas')")
            assert await page.js("document.documentElement.scrollWidth <= innerWidth")
        light = await page.js("matchMedia('(prefers-color-scheme: light)').matches")
        ground = await page.js("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(251, 250, 248)") == light
        assert page.complaints == []


@browsed
async def test_the_page_reports_a_daemon_that_does_not_answer(tmp_path):
    async with chromium() as page:
        async with serving(tmp_path, ["a"]) as here:
            await page.open(here.url + "/")
            await page.until("document.getElementById('link').textContent === 'Live'")
        await page.until("document.getElementById('link').textContent === 'No answer from the daemon'")
        said = await page.text("#notice")
        assert re.fullmatch(r"The daemon has not answered since \d\d:\d\d:\d\d UTC: this page shows the data of .*", said)
        assert said.endswith(" Mon, Mar 2 12:01 UTC.")


@browsed
async def test_orphans_and_external_units_are_shown(tmp_path):
    async with serving(tmp_path, ["chat"]) as here, chromium() as page:
        gone = Orphan("old", pool_policy().lever, PoolState(written=7), NOON)
        here.components.fleet.orphans.held = Held(orphans=(gone,))
        here.providers.levers["chat"].others = 3
        for _ in range(11):
            await here.minute()
        await page.open(here.url + "/")
        await page.until("document.querySelectorAll('table.pools tbody tr').length > 0")
        said = await page.js("document.getElementById('orphans').innerText")
        row = await page.js("document.querySelector('#active-rows tr').innerText")
        await page.js("document.querySelector('#active-rows a').click()")
        await page.until("document.getElementById('pool-facts').innerText.includes('Kept by others')")
        facts = await page.js("document.getElementById('pool-facts').innerText")
        here.components.fleet.orphans.held = Held()
        await here.minute()
        await page.js("history.back()")
        await page.until("document.getElementById('orphans').hidden")

    assert "Orphan old: 7 units that Stoker set" in said
    assert "3 by others" in row
    assert "the minimum of revision a-1" in facts
