"""Figures on the page: actual and simulated apart, money by kind, unknown values, small and large fleets."""

import contextlib
import json
import re

import pytest

from controller.decision.costs.sentences import BASELINE_TEXT, dollars
from controller.http.schemas.decisions import Why
from controller.http.schemas.series import Forecast, History
from controller.http.schemas.status import Status
from tests.browser import CHROMIUM, chromium
from tests.pages import forecast_of, history_of, page_of, pool_entry, record_of, status_of, why_of
from tests.services import serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened")
ROWS = "[...document.querySelectorAll('table.pools tbody tr')]"
PHONE = {"width": 390, "height": 844}
CUT = """[...document.querySelectorAll('table th, table td, .main, small')].filter((each) => each.offsetParent &&
    (each.scrollWidth > each.clientWidth + 1 && getComputedStyle(each).display !== 'inline' ||
     each.getBoundingClientRect().right > innerWidth)).map((each) => each.className + each.innerText)"""
CLAMPED = "[...document.querySelectorAll('.decision .main')].some((each) => each.scrollHeight > each.clientHeight + 2)"
MOVING = "[...document.querySelectorAll('*')].some((each) => parseFloat(getComputedStyle(each).transitionDuration) > 0)"
VISIBLE = "(id) => !document.getElementById(id).hidden"
LONG = "price-watch-" + "of-a-very-long-name-" * 4 + "eu"
RISEN = {"bill_today_usd": 0.90, "bill_without_stoker_today_usd": 0.66}
FALLEN = {"bill_today_usd": 0.42, "bill_without_stoker_today_usd": 0.66, "saved_today_usd": 0.24, "saved_month_usd": 3.25}


@contextlib.asynccontextmanager
async def opened(pools, address="#/", changes=None, **look):
    """The page with these pools, once they are shown."""
    async with page_of(pools, **(changes or {})) as served, chromium() as page:
        await page.open(f"{served.url}/{address}", **look)
        await page.until("document.getElementById('link').textContent === 'Live'")
        if address != "#/":
            await page.until("document.querySelector('#chart canvas') && document.querySelectorAll('#decisions li').length > 0")
        yield served, page
        assert page.complaints == []


def mixed():
    """Three active pools and five in shadow mode."""
    return [*(pool_entry(f"live-{at}") for at in range(3)), *(pool_entry(f"paper-{at}", "shadow") for at in range(5))]


@pytest.mark.parametrize("mode", ["active", "shadow"])
def test_the_bodies_of_these_tests_have_the_keys_of_the_daemon(mode):
    entry = pool_entry("chat", mode)
    for shape, body in ((Status, status_of([entry])), (History, history_of(entry)), (Forecast, forecast_of(entry)),
                        (Why, why_of(record_of(entry)))):
        shape.model_validate(json.loads(json.dumps(body)))


async def test_a_daemon_with_a_pool_of_each_mode_shows_what_the_provider_has_of_both(tmp_path):
    async with serving(tmp_path, each={"b": {"mode": "shadow"}}) as here, chromium() as page:
        await here.ticks(5)
        await page.open(here.service.url + "/")
        await page.until(f"{ROWS}.length === 2")
        active = await page.js("[...document.querySelectorAll('#active-rows .main')].map((each) => each.innerText)")
        shadow = await page.js("[...document.querySelectorAll('#shadow-rows .main')].map((each) => each.innerText)")
        await page.js("location.hash = '#/pools/b'")
        await page.until("document.querySelector('#legend [data-line=simulated] b')?.innerText === '7'")
        chart = await page.text("#legend [data-line=actual] b"), await page.text("#legend [data-line=requested] span")
        await page.until("document.querySelector('#decisions li b')")
        decision = await page.text("#decisions li b")

        assert here.levers["b"].writes == []
        assert page.complaints == []
    assert active[:2] == ["3", "3"]
    assert shadow[:3] == ["7", "7", "0"]
    assert chart == ("0", "Simulated requested")
    assert decision == "would raise 0 → 7"


async def test_each_mode_has_a_headline_of_its_own_and_no_figure_sums_both():
    async with opened(mixed()) as (_, page):
        active, shadow = await page.text("#active-panel"), await page.text("#shadow-panel")
        whole = await page.text("#overview")

    assert active.startswith("Active, 3 pools, today\n")
    assert "Bill +$0.72, 195 fewer cold starts ($0.004 each)" in active
    assert shadow.startswith("Shadow, 5 pools, simulated, today\n")
    assert "Bill would be +$1.20, 325 fewer cold starts ($0.004 each)" in shadow
    assert "With Stoker (simulated)" in shadow
    assert "$2.70" in active
    assert "$4.50" in shadow
    for sum_of_both in ("$7.20", "520", "$5.28", "$1.92"):
        assert sum_of_both not in whole


@pytest.mark.parametrize(("mode", "other"), [("active", "shadow"), ("shadow", "active")])
async def test_a_fleet_of_one_mode_shows_nothing_of_the_other(mode, other):
    async with opened([pool_entry("chat", mode)]) as (_, page):
        shown = {name: await page.js(f"({VISIBLE})('{name}')") for name in
                 (f"{mode}-panel", f"{mode}-pools", f"{other}-panel", f"{other}-pools")}

    assert shown == {f"{mode}-panel": True, f"{mode}-pools": True, f"{other}-panel": False, f"{other}-pools": False}


async def test_the_account_of_a_mode_stays_while_no_pool_has_it_any_more():
    changed = pool_entry("chat", "shadow") | {f"actual_{key.removeprefix('simulated_')}": value for key, value in pool_entry(
        "chat", "shadow").items() if key.startswith(("simulated_bill", "simulated_cold", "simulated_saved", "simulated_others"))}
    async with opened([changed]) as (_, page):
        active = await page.text("#active-panel")
        shadow = await page.text("#shadow-panel")

    assert active.startswith("Active, 0 pools, today\nBill +$0.24, 65 fewer")
    assert shadow.startswith("Shadow, 1 pool, simulated, today\nBill would be +$0.24, 65 fewer")


async def test_the_table_has_the_actual_units_of_a_shadow_pool_beside_the_simulated_ones_in_columns_of_their_own():
    async with opened(mixed()) as (_, page):
        heads = await page.js("[...document.querySelectorAll('#shadow-heads th')].map((head) => head.innerText.trim())")
        active = await page.text("#active-heads")
        row = await page.js("[...document.querySelectorAll('#shadow-rows tr:first-child td')].map((cell) => cell.innerText)")
        styles = await page.js("[...document.querySelectorAll('#shadow-rows tr:first-child .main')].map((each) => "
                               "getComputedStyle(each).fontStyle)")

    assert heads[2:4] == ["Simulated ready", "Actual ready"]
    assert "Simulated cold starts today" in heads
    assert [head.split(" today")[0] for head in heads if "bill" in head.lower()] == ["Simulated bill"]
    assert "imulated" not in active
    assert row[1].split("\n")[:2] == ["46", "of 46, simulated"]
    assert row[2].split("\n")[:2] == ["0", "of 0 requested"]
    assert styles == ["normal", "italic", "normal", "normal", "italic", "italic", "normal"]


async def test_a_shadow_pool_has_actual_and_simulated_units_in_tiles_of_their_own():
    async with opened([pool_entry("chat", "shadow")], "#/pools/chat") as (_, page):
        facts, tags, account = await page.text("#pool-facts"), await page.text("#pool-tags"), await page.text("#account")
        wants, decision = await page.text("#wants"), await page.text("#decisions li b")

    assert "Actual ready\n0\nof 0 requested" in facts
    assert "Simulated ready\n46\nof 46 requested" in facts
    assert "shadow: simulated, nothing is written" in tags
    assert account.startswith("Shadow, simulated, today\nBill would be +$0.24")
    assert wants == "8 units, simulated, not written"
    assert decision == "would raise 4 → 8"


@pytest.mark.parametrize(("changes", "said"), [(RISEN, "Bill +$0.24, 65 fewer"), (FALLEN, "Bill -$0.24 (saved), 65 fewer")])
async def test_saved_is_said_only_of_a_bill_that_fell(changes, said):
    async with opened([pool_entry("chat", **changes)]) as (_, page):
        panel = await page.text("#active-panel")

    assert said in panel
    assert panel.count("saved") == (2 if changes is FALLEN else 0)
    assert ("$3.25 saved" if changes is FALLEN else "$3.25 more than without Stoker") in panel


async def test_a_simulated_bill_is_never_called_saved():
    async with opened([pool_entry("chat", "shadow", **FALLEN)]) as (_, page):
        panel = await page.text("#shadow-panel")

    assert "Bill would be -$0.24" in panel
    assert "$3.25 less than without Stoker" in panel
    assert "saved" not in panel


@pytest.mark.parametrize(("projected", "said"), [(27.0, "$27.00 projected for the month"), (None, "month: projected after 24 h")])
async def test_the_projection_of_the_month_is_beside_the_bill_of_today(projected, said):
    async with opened([pool_entry("chat", bill_projected_month_usd=projected)]) as (_, page):
        cell = await page.text("#active-panel tbody tr:nth-child(2) td.ours")

    assert cell.split("\n") == ["$0.90", said]


async def test_cold_start_cost_and_metric_reads_are_named_and_in_no_bill():
    async with opened([pool_entry("chat")]) as (_, page):
        rows = await page.js("[...document.querySelectorAll('#active-panel tbody tr')].map((row) => row.innerText)")
        heads = await page.text("#active-panel thead")
        reads = await page.text("#reads")

    assert re.findall(r"\$[\d.]+ cold-start cost", rows[0]) == [f"${each} cold-start cost" for each in ("0.20", "3.45", "1.50")]
    assert re.findall(r"\$[\d.]+$", rows[1].replace("\t", "\n"), re.MULTILINE) == ["$0.90", "$0.66", "$1.20"]
    assert reads == "Metric reads cost $4.03 per month; no bill above includes them."
    assert all(text in heads.replace("\n", " ") for text in BASELINE_TEXT.values())


async def test_a_figure_whose_range_matters_has_it_in_words():
    async with opened([pool_entry("chat", cold_starts_without_stoker_today_range=[60.0, 88.0])]) as (_, page):
        cell = await page.text("#active-panel tbody td:nth-child(3)")
        note = await page.text("#active-rows td.cold small")

    assert cell == "69\nlikely range 60 to 88\n$3.45 cold-start cost"
    assert note == "69 (60 to 88) without Stoker"


async def test_cold_starts_during_pings_are_beside_what_pings_avoided():
    pools = [pool_entry("plain", cold_starts_during_pings_today=0.0),
             pool_entry("pinged", lever="lambda-ping", cold_starts_during_pings_today=3.0)]
    async with opened(pools) as (_, page):
        both = await page.text("#active-panel")
        await page.js("location.hash = '#/pools/pinged'")
        await page.until("document.getElementById('account').innerText.includes('Pings')")
        one = await page.text("#account")
        await page.js("location.hash = '#/pools/plain'")
        await page.until("document.getElementById('account').innerText.includes('Bill')")
        none = await page.text("#account")

    assert "Pings: 3 cold starts while pings held units (included above), 65 avoided." in both
    assert "Pings: 3 cold starts while pings held units" in one
    assert "Pings" not in none


async def test_unknown_values_are_called_unknown_and_not_zero():
    unknown = pool_entry("chat", actual_ready=None, actual_requested=None, actual_phase=None, peak=None, busy=None, next=None,
                         next_missing="not made yet", data_age_seconds=None, lead_time_seconds=None, last_change=None,
                         decision=None)
    async with opened([unknown]) as (_, page):
        cells = await page.js("[...document.querySelectorAll('#active-rows td .main')].map((each) => each.innerText)")
        panel = await page.text("#active-panel")
        await page.js("location.hash = '#/pools/chat'")
        await page.until("document.getElementById('pool-facts').children.length > 0")
        facts = await page.text("#pool-facts")

    assert cells == ["unknown", "unknown", "unknown", "4", "$0.90", "none yet"]
    assert "Now: unknown of unknown requested units ready, unknown busy on average; 1 pool unknown." in panel
    for name in ("In flight", "Actual ready", "Rules would ask for", "Newest demand data", "Lead time"):
        assert f"{name}\nunknown" in facts


async def test_a_pool_shows_its_leading_signals_and_why_one_is_unknown():
    known = {"delay_seconds": 60.0, "error": None, "forecast": 12, "followed": True}
    leads = [known | {"name": "pool planner", "value": 9.0, "age_seconds": 61.0},
             known | {"name": "pool router", "value": 0.0, "age_seconds": 61.0, "forecast": 3, "followed": False},
             {"name": "redis queue", "value": None, "age_seconds": None, "delay_seconds": 60.0, "error": "redis queue: refused",
              "forecast": None, "followed": False}]
    async with opened([pool_entry("chat", leads=leads)], "#/pools/chat") as (served, page):
        facts = await page.text("#pool-facts")
        Status.model_validate(served.status)

    assert "Lead: pool planner\n9\n61 s ago; forecasts 12, followed" in facts
    assert "Lead: pool router\n0\n61 s ago; forecasts 3, not followed" in facts
    assert "Lead: redis queue\nunknown\nredis queue: refused; not followed" in facts


@pytest.mark.parametrize(("count", "look"), [
    (1, {}), (1, PHONE), (8, {}), (8, PHONE), (8, {"width": 768}), (8, {"width": 1024}), (300, {}), (300, PHONE)])
async def test_no_table_is_cut_and_the_page_does_not_scroll_sideways(count, look):
    change = {"at": "2026-03-02T11:00:00+00:00", "action": "hold", "target": 8, "text": "the reason of a change is long; " * 9}
    pools = [pool_entry(f"{LONG}-{at}", "shadow" if at % 2 else "active", kept_by_others=at, kept_by="x", last_change=change,
                        error="AccessDenied: " + "a-very-long-resource-name/" * 6 if at == 2 else None) for at in range(count)]
    async with opened(pools, **look) as (_, page):
        shown = await page.js(f"{ROWS}.length")
        assert shown == min(50, (count + 1) // 2) + min(50, count // 2)
        assert await page.js("document.documentElement.scrollWidth <= innerWidth")
        cut = await page.js(CUT)
        assert cut == []
        assert await page.js(f"{ROWS}[0].querySelectorAll('td').length") == 6
        clamped = await page.js(CLAMPED)
        assert not (look is PHONE and clamped)
        hidden = await page.js(f"[...{ROWS}[0].querySelectorAll('td')].filter((cell) => !cell.offsetParent).length")
        assert hidden == 0
        assert await page.js("document.getElementById('active-pages').hidden") == (count < 300)


async def test_an_empty_fleet_an_empty_search_and_a_start_are_stated():
    async with opened([]) as (served, page):
        assert await page.text("#headline") == "The policy has no pools"
        assert await page.js("document.getElementById('tools').hidden")
        served.status = {**served.status, "pools": [pool_entry("chat")]}
        await page.until("document.getElementById('headline').innerText === '1 pool, no problems'")
        await page.js("(() => { const field = document.getElementById('search'); field.value = 'mail'; "
                      "field.dispatchEvent(new Event('input')); })()")
        assert await page.js("!document.getElementById('none').hidden && document.getElementById('active-pools').hidden")
        served.status = {**served.status, "as_of": None, "pools": []}
        await page.until("document.getElementById('headline').innerText === 'Starting: reading history'")


@pytest.mark.parametrize("address", ["#/", "#/pools/chat"])
async def test_every_time_is_labelled_utc(address):
    override = {"kind": "pin", "order": "pin 9", "units": 9, "factor": None, "since": None, "until": "2026-03-02T14:01:00+00:00",
                "by": "ana", "reason": "launch", "steps": [], "effect": "pinned at 9; held at 8: ceiling 8"}
    async with opened([pool_entry("chat", overrides=[override])], address) as (_, page):
        text = await page.js("document.body.innerText")
        orders = await page.js("document.getElementById('pool-overrides').innerText")

    assert [line for line in text.splitlines() if re.search(r"\d\d:\d\d", line) and "UTC" not in line] == []
    assert len(re.findall(r"\d\d:\d\d UTC", text)) >= 3
    if address != "#/":
        assert orders == "pin 9 until 14:01 UTC, by ana: launch\nEffect: pinned at 9; held at 8: ceiling 8"


@pytest.mark.parametrize("amount", [0, 4e-7, 0.00012, 0.00096, 0.0042, 0.05, 0.0994, 0.0996, 0.24, -0.24, -0.0042, 1234.567])
async def test_the_page_writes_money_as_every_other_surface(amount):
    async with opened([pool_entry("chat")]) as (_, page):
        assert await page.js(f"import('/assets/words.js').then((words) => words.dollars({amount!r}))") == dollars(amount)


async def test_reasons_have_the_target_before_and_after_and_the_five_heaviest_rules_are_listed():
    async with opened([pool_entry("chat")], "#/pools/chat") as (_, page):
        reasons = await page.text("#reasons")
        changed = await page.text("#changed")
        rows = await page.js("[...document.querySelectorAll('#rules tbody tr')].map((row) => row.innerText.split('\\t'))")

    assert reasons == "weighted ensemble of 2 rules 9.6, rounded up: 10 proposed\nceiling 8 ceiling, 10 → 8"
    assert rows[0] == ["P90 of the last 7 days = 20", "20", "20.0 %"]
    assert [row[0] for row in rows[1:5]] == [f"P{90 + at} of the last 7 days = {20 + at}" for at in range(1, 5)]
    assert changed == ("Changed since the decision of 11:51 UTC, target 7\ndemand: peak 5 at 11:48 -> 6 at 11:57 UTC\n"
                       "target 7 -> 8")
    assert rows[5:] == [["2 other rules, mean by weight", "25.4", "10.7 %"]]


@pytest.mark.parametrize("still", [True, False])
async def test_nothing_moves_for_people_who_want_no_motion(still):
    async with opened([pool_entry("chat")], still=still) as (_, page):
        moving = await page.js(MOVING)

    assert moving is not still


async def test_the_page_shows_the_currency_and_the_time_zone_of_the_policy():
    shown = {"display": {"timezone": "Asia/Kolkata", "currency": "EUR", "units_per_usd": 2.0}}
    async with opened([pool_entry("chat") | {"actual_bill_today_usd": 1.25}], changes=shown) as (_, page):
        text = await page.js("document.body.innerText")

        assert "Asia/Kolkata" in await page.js("document.getElementById('now').textContent")
        assert "EUR\u00a02.50" in text
        assert "17:30" in await page.js("document.getElementById('now').textContent")  # noon in UTC
