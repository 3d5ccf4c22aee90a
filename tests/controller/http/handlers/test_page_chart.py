"""The chart of a pool: its legend, the colours of its lines, and what decides beside the forecast."""

import contextlib
import itertools
import re

import numpy as np
import pytest

from controller.http.handlers.dashboard import asset
from tests.browser import CHROMIUM, chromium
from tests.pages import page_of, pool_entry

browsed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: the page was not opened")
LINES = ("actual", "simulated", "requested", "rules", "forecast")
AREAS = ("demand", "band")
VISION = {
    "full": np.eye(3),
    "no red": np.array([[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]]),
    "no green": np.array([[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]]),
    "no blue": np.array([[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]]),
}
"""Colours as people see them who lack a receptor: linear RGB (Machado, Oliveira and Fernandes 2009, severity 1)."""
DISTINCT = 25.0
"""Least distance of two lines in CIELAB; about 2 is just noticeable."""
OTHERS = ["Rules would ask for", "In flight (peak)", "Forecast P50", "Forecast P10 to P99"]
NAMES = "[...document.querySelectorAll('#legend button span')].map((each) => each.innerText)"
DIFFERENCE = {"start": "2026-03-02T12:30:00+00:00", "end": "2026-03-02T13:00:00+00:00", "units": 12, "peak_below": {"0.99": 11.0},
              "text": "12:30 to 13:00 UTC: the rules ask for 12, above the forecast's P99 of 11 concurrent units."}


@contextlib.asynccontextmanager
async def drawn(mode="active", differences=(), changes=None, **look):
    """The page of a pool whose forecast is drawn."""
    async with page_of([pool_entry("chat", mode, **(changes or {}))]) as served, chromium() as page:
        served.differences = differences
        await page.open(f"{served.url}/#/pools/chat", **look)
        await page.until("document.querySelector('#chart canvas') && document.getElementById('decides').innerText")
        yield served, page
        assert page.complaints == []


def value(key):
    return f"document.querySelector('#legend [data-line={key}] b').innerText"


def colours(scheme):
    """The colours of the page in one scheme, linear RGB by name."""
    css = asset("dashboard.css").body.decode()
    light, dark = (dict(re.findall(r"--(\w+):#(\w{6})", part)) for part in re.findall(r":root\{(.*?)\}", css, re.DOTALL)[:2])
    found = light | dark if scheme == "dark" else light
    out = {}
    for name, code in found.items():
        part = np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)]) / 255
        out[name] = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return out


def lab(linear):
    """CIELAB of linear RGB."""
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
    x, y, z = np.cbrt(to_xyz @ np.clip(linear, 1e-4, 1) / np.array([0.95047, 1, 1.08883]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one, other):
    """WCAG contrast of two colours."""
    low, high = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ each) + 0.05 for each in (one, other))
    return high / low


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_any_two_lines_differ_in_colour_for_everybody(scheme, vision):
    seen = {name: lab(VISION[vision] @ colours(scheme)[name]) for name in LINES}

    close = {pair: round(float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])), 1) for pair in itertools.combinations(LINES, 2)}
    assert min(close.values()) >= DISTINCT, close


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_line_stands_out_from_the_card(scheme):
    found = colours(scheme)

    assert {name: contrast(found[name], found["card"]) >= 3 for name in LINES + AREAS} == dict.fromkeys(LINES + AREAS, True)


@browsed
@pytest.mark.parametrize("dark", [False, True])
async def test_each_entry_of_the_legend_has_a_colour_and_a_dash_of_its_own(dark):
    async with drawn("shadow", dark=dark) as (_, page):
        looks = await page.js("[...document.querySelectorAll('#legend svg')].map((each) => getComputedStyle(each).color + "
                              "each.firstChild.tagName + (each.firstChild.getAttribute('stroke-dasharray') ?? ''))")
        colours = await page.js("[...document.querySelectorAll('#legend svg.line')].map((each) => getComputedStyle(each).color)")

    assert len(set(looks)) == len(looks) == 7
    assert len(set(colours)) == len(colours) == 5


@browsed
@pytest.mark.parametrize(("mode", "capacity"), [
    ("active", ["Actual ready", "Actual requested"]),
    ("shadow", ["Actual ready", "Simulated ready", "Simulated requested"]),
])
async def test_actual_and_simulated_capacity_are_lines_with_names_of_their_own(mode, capacity):
    async with drawn(mode) as (_, page):
        assert await page.js(NAMES) == [*capacity, *OTHERS]
        assert await page.js(value("actual")) == ("7" if mode == "active" else "0")
        if mode == "shadow":
            assert await page.js(value("simulated")) == "46"
        described = await page.js("document.getElementById('chart').getAttribute('aria-label')")
        await page.js("document.getElementById('minutes').open = true")
        await page.until("document.querySelectorAll('#minute-rows tr').length === 61")
        heads = await page.js("[...document.querySelectorAll('#minute-rows th[scope=col]')].map((each) => each.innerText)")

    assert ("Simulated ready: 46." in described) == (mode == "shadow")
    kinds = ["actual", "simulated"] if mode == "shadow" else ["actual"]
    assert heads[3:] == [f"{name} ({kind})" for kind in kinds for name in ("Requested", "Ready")]


@browsed
async def test_the_legend_shows_the_values_under_the_mouse_and_the_newest_without_it():
    async with drawn() as (_, page):
        assert await page.text("#legend .at") == "Newest known values, 12:00 UTC"
        assert await page.js(value("rules")) == "8"
        assert await page.js(value("band")) == "1 to 11"
        await page.js("scrollTo(0, 0)")
        box = await page.js("((box) => [box.left, box.top, box.width, box.height])"
                            "(document.querySelector('.u-over').getBoundingClientRect())")
        await page.point(box[0] + box[2] * 0.25, box[1] + box[3] / 2)
        await page.until("document.querySelector('#legend .at').innerText.startsWith('At the cursor')")
        past, ahead_of_now = await page.text("#legend .at"), await page.js(value("rules"))
        await page.point(box[0] + box[2] * 0.6, box[1] + box[3] / 2)
        await page.until(f"document.querySelector('#legend .at').innerText !== {past!r}")
        future = await page.js(value("actual"))
        planned = await page.js(value("rules"))
        await page.point(2, 2)
        await page.until("document.querySelector('#legend .at').innerText.startsWith('Newest')")

    assert re.fullmatch(r"At the cursor, Mon, Mar 2 0[89]:\d\d UTC", past)
    assert (ahead_of_now, future) == ("–", "–")
    assert planned in ("5", "12", "unknown")


@browsed
async def test_the_keyboard_moves_the_cursor_and_the_values_are_announced():
    async with drawn() as (_, page):
        await page.js("document.getElementById('chart').focus()")
        for key, code in (("ArrowLeft", 37), ("PageUp", 33), ("ArrowRight", 39)):
            await page.key(key, code)
        await page.until("document.getElementById('chart-readout').textContent.startsWith('At the cursor, Mon, Mar 2 11:45 UTC')")
        told = await page.js("document.getElementById('chart-readout').textContent")
        await page.key("Escape", 27)
        await page.until("document.querySelector('#legend .at').innerText.startsWith('Newest')")

    assert "Actual ready 7" in told
    assert "Forecast P10 to P99 1 to 11" in told


@browsed
async def test_an_entry_of_the_legend_hides_its_line_by_keyboard_and_keeps_it_hidden():
    ink = "document.querySelector('#chart canvas').toDataURL()"
    async with drawn() as (served, page):
        before = await page.js(ink)
        await page.js("document.querySelector('#legend [data-line=actual]').focus()")
        await page.key(" ", 32, " ")
        await page.until("document.querySelector('#legend [data-line=actual]').getAttribute('aria-pressed') === 'false'")
        await page.until(f"{ink} !== {before!r}")
        await page.js("document.querySelector('[data-hours=\"2\"]').click()")
        await page.until("document.querySelector('[data-hours=\"2\"]').getAttribute('aria-pressed') === 'true'")
        served.status = {**served.status, "as_of": "2026-03-02T12:01:00+00:00"}
        await page.until("document.getElementById('now').innerText.includes('12:01')")
        kept = await page.js("document.querySelector('#legend [data-line=actual]').getAttribute('aria-pressed')")

    assert kept == "false"


@browsed
async def test_the_page_states_what_decides_and_why_rules_and_forecast_differ():
    async with drawn(differences=[DIFFERENCE]) as (_, page):
        decides, differences = await page.text("#decides"), await page.text("#differences")
        words = await page.text("#chart-words")

    assert decides.startswith("The rules decide")
    assert decides.endswith("The target now is 8; if demand matched the forecast, the rules would ask for 8 now and up to 12 "
                            "from 12:30 UTC on.")
    assert differences == DIFFERENCE["text"]
    assert "between the forecast" not in words
    assert "P99 coverage over 24 h: 98 % (target 99 %)" in words


@browsed
async def test_many_differences_are_shown_in_part_and_the_others_on_request():
    spans = [DIFFERENCE | {"text": f"1{at}:00 to 1{at}:15 UTC: the rules ask for {at}"} for at in range(5)]
    async with drawn(differences=spans) as (_, page):
        closed = await page.text("#differences")
        await page.js("document.querySelector('#differences summary').click()")
        opened = await page.text("#differences")

    assert closed.splitlines() == [spans[0]["text"], spans[1]["text"], "3 more spans"]
    assert opened.splitlines()[3:] == [each["text"] for each in spans[2:]]


@browsed
async def test_the_page_states_that_rules_and_forecast_agree():
    async with drawn(changes={"next": [[0, 8], [30, 10]]}) as (_, page):
        words = await page.text("#chart-words")
        hidden = await page.js("document.getElementById('differences').hidden")

    assert "the rules would ask for units between the forecast's P50 and P99" in words
    assert hidden


@browsed
@pytest.mark.parametrize("dark", [False, True])
async def test_the_chart_fits_a_phone(dark):
    async with drawn("shadow", [DIFFERENCE], width=390, height=844, dark=dark) as (_, page):
        await page.js("document.getElementById('minutes').open = true")
        assert await page.js("document.documentElement.scrollWidth <= innerWidth")
        assert await page.js("[...document.querySelectorAll('#legend button, .bills td, .bills th')].every((each) => "
                             "each.getBoundingClientRect().right <= innerWidth && each.scrollWidth <= each.clientWidth + 1)")
