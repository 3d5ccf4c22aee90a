"""Ten figures and more of each surface of one run with active and shadow pools, against those of the emulator."""

import asyncio
import json
import re
import urllib.request
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import pytest

from controller.cli.evaluate.report import read_report
from controller.report.body import body_of
from tests.browser import CHROMIUM, chromium
from tests.e2e.daemons import stoker
from tests.e2e.mixed_run import ACTIVE, SHADOW, WARM_IDLE, Recorder

pytest.importorskip("boto3")

BILL_SHARE, COUNT_SHARE, LEAST_COUNT = 0.03, 0.05, 1.0
"""Deviation that is allowed for an estimated bill, and for estimated cold starts."""


class Between(NamedTuple):
    """A true figure, as the least and the most that a surface may state."""

    least: float
    most: float

    def holds(self, value: float) -> bool:
        return self.least <= value <= self.most


def exactly(value: float) -> Between:
    return Between(value - 1e-6, value + 1e-6)


def near(value: float, allowed: float, decimals: int = 6) -> Between:
    half = 0.5 * 10**-decimals
    return Between(value - allowed - half, value + allowed + half)


def bill(least: float, most: float, decimals: int = 6) -> Between:
    return Between(near(least, BILL_SHARE * least, decimals).least, near(most, BILL_SHARE * most, decimals).most)


def counted(least: float, most: float, decimals: int = 6) -> Between:
    half = 0.5 * 10**-decimals
    return Between(least - max(LEAST_COUNT, COUNT_SHARE * least) - half, most + max(LEAST_COUNT, COUNT_SHARE * most) + half)


def truth(run, decimals: int = 6) -> dict[tuple[str, str], Between]:
    """The figures of the contract by pool, for surfaces that show bills with `decimals`."""
    out: dict[tuple[str, str], Between] = {}
    for name in (*ACTIVE, SHADOW):
        pool = run.pool(name)
        out[name, "actual_requested"], out[name, "actual_ready"] = map(exactly, run.capacity[name])
        kind = "simulated" if name == SHADOW else "actual"
        cold = run.simulated_cold_starts() if name == SHADOW else run.actual_cold_starts(name)
        least, most = run.simulated_bill() if name == SHADOW else run.bill(name)
        without = run.bill_without(name)
        starts, without_starts = counted(*cold), counted(*run.cold_starts_without(name))
        out[name, f"{kind}_bill_today_usd"] = bill(least, most, decimals)
        out[name, f"{kind}_bill_without_stoker_today_usd"] = bill(*without, decimals)
        out[name, f"{kind}_saved_today_usd"] = Between(
            near(without[0] - most, BILL_SHARE * (without[0] + most), decimals).least,
            near(without[1] - least, BILL_SHARE * (without[1] + least), decimals).most)
        out[name, f"{kind}_cold_starts_today"] = starts
        out[name, f"{kind}_cold_starts_without_stoker_today"] = without_starts
        price = pool.cold_start_cost_usd
        out[name, f"{kind}_cold_start_cost_today_usd"] = Between(price * starts.least, price * starts.most)
        out[name, f"{kind}_usd_per_hour"] = exactly(
            round((run.simulated_units()[-1] if name == SHADOW else run.capacity[name][1]) * pool.memory_mb / 1024 * 3600
                  * WARM_IDLE, 6))
    target = run.would_write()[-1][1]
    out[SHADOW, "simulated_requested"] = out[SHADOW, "simulated_ready"] = exactly(target)
    out[SHADOW, "simulated_usd_per_hour"] = exactly(round(target * run.pool(SHADOW).memory_mb / 1024 * 3600 * WARM_IDLE, 6))
    for name in ACTIVE:
        out[name, "target"] = exactly(run.writes[name][-1][1])
    out[SHADOW, "target"] = exactly(target)
    return out


class Asked(NamedTuple):
    """What each surface showed of one run."""

    run: object
    status: dict
    metrics: str
    table: str
    lines: dict[str, str]
    page: str
    report: dict


async def command(*arguments: str) -> str:
    code, out, _ = await stoker(*arguments, environment={"COLUMNS": "220"})
    assert code == 0
    return out


async def fetched(address: str) -> str:
    return await asyncio.to_thread(lambda: urllib.request.urlopen(address).read().decode())  # noqa: S310


async def page_text(url: str) -> str:
    """The text of the dashboard, in Chromium; empty without one."""
    if CHROMIUM is None:
        return ""
    async with chromium() as page:
        await page.open(f"{url}/", width=1440)
        await page.until(f"document.body.innerText.includes('{SHADOW}')")
        return await page.js("document.body.innerText")


def reported(recorder: Recorder) -> dict:
    """What `stoker report --json` prints just after the last tick: the command itself reads the machine's clock."""
    now = recorder.clock.now() + timedelta(seconds=1)
    return body_of(read_report(recorder.policy.pools, recorder.folder, now - timedelta(hours=12), now))


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> Asked:
    seen: dict[str, object] = {}

    async def ask(recorder: Recorder, url: str) -> None:
        seen["status"] = json.loads(await fetched(f"{url}/status"))
        seen["metrics"] = await fetched(f"{url}/metrics")
        seen["table"] = await command("status", "--url", url)
        seen["lines"] = {name: await command("status", name, "--url", url) for name in (*ACTIVE, SHADOW)}
        seen["page"] = await page_text(url)
        seen["report"] = await asyncio.to_thread(reported, recorder)

    run = asyncio.run(Recorder(tmp_path_factory.mktemp("figures")).record(ask))
    return Asked(run, **seen)


def wrong(shown: dict[tuple[str, str], float], true: dict[tuple[str, str], Between]) -> dict:
    """The figures that are not what the emulator says: shown, and what is allowed. Each must be among the true ones."""
    return {key: (value, true[key]) for key, value in shown.items() if not true[key].holds(value)}


def test_status_shows_the_figures_of_the_emulator(asked):
    true = truth(asked.run)
    shown = {(pool["name"], key): pool[key] for pool in asked.status["pools"] for key in pool if (pool["name"], key) in true}

    assert wrong(shown, true) == {}
    assert shown.keys() == true.keys()
    assert len(shown) >= 30


def test_status_totals_are_those_of_one_mode(asked):
    true, totals = truth(asked.run), asked.status["totals"]

    def total(key: str, names: Iterable[str]) -> Between:
        parts = [true[name, key] for name in names]
        return Between(sum(each.least for each in parts), sum(each.most for each in parts))

    assert (totals["actual"]["pools"], totals["simulated"]["pools"]) == (2, 1)
    for kind, names in (("actual", ACTIVE), ("simulated", (SHADOW,))):
        shown = {key: totals[kind][key] for key in ("ready", "bill_today_usd", "bill_without_stoker_today_usd",
                                                    "cold_starts_today", "cold_starts_without_stoker_today", "saved_today_usd")}
        assert {key: value for key, value in shown.items() if not total(f"{kind}_{key}", names).holds(value)} == {}


def test_what_the_emulator_counted_without_stoker_is_within_the_true_figures(asked):
    for name in (*ACTIVE, SHADOW):
        assert counted(*asked.run.cold_starts_without(name)).holds(asked.run.span(name).cold_starts_without)


def test_metrics_are_the_figures_of_the_emulator(asked):
    names = {"requested_units": "requested", "ready_units": "ready", "usd_per_hour": "usd_per_hour",
             "bill_month_usd": "bill_today_usd", "bill_without_stoker_month_usd": "bill_without_stoker_today_usd",
             "saved_month_usd": "saved_today_usd", "cold_starts_month": "cold_starts_today",
             "cold_starts_without_stoker_month": "cold_starts_without_stoker_today"}
    true, shown = truth(asked.run), {}
    for kind, name, pool, value in re.findall(r'^stoker_(actual|simulated)_(\w+)\{pool="([\w-]+)",mode="\w+"\} (\S+)$',
                                              asked.metrics, re.MULTILINE):
        if name in names:
            shown[pool, f"{kind}_{names[name]}"] = float(value)

    assert wrong(shown, true) == {}
    assert len(shown) >= 20


FIELDS = {
    r"actual requested / ready +(\d+) /": "actual_requested",
    r"actual requested / ready +\d+ / (\d+)": "actual_ready",
    r"simulated requested / ready +(\d+) /": "simulated_requested",
    r"simulated requested / ready +\d+ / (\d+)": "simulated_ready",
    r"\n  target +(\d+)": "target",
    r"KIND USD today / month +([\d.]+) /": "KIND_bill_today_usd",
    r"USD today[^\n]*\n +without Stoker +([\d.]+) /": "KIND_bill_without_stoker_today_usd",
    r"KIND cold starts today +(\d+)": "KIND_cold_starts_today",
    r"cold starts today[^\n]*\n +without Stoker +(\d+)": "KIND_cold_starts_without_stoker_today",
}


def test_the_terminal_shows_the_figures_of_the_emulator(asked):
    true, shown = truth(asked.run, decimals=2), {}
    for name, text in asked.lines.items():
        kind = "simulated" if name == SHADOW else "actual"
        for pattern, key in FIELDS.items():
            found = re.search(pattern.replace("KIND", kind), text)
            if found is not None:
                shown[name, key.replace("KIND", kind)] = float(found[1])

    assert wrong(shown, true) == {}
    assert len(shown) == 9 * 3 - 2 * len(ACTIVE)


STARTS_AND_BILL = r" .*? (\d+) (\d+)(?: \([\d to]+\))? without Stoker \$([\d.]+) \$([\d.]+) without Stoker"
ACCOUNTS = ("cold_starts_today", "cold_starts_without_stoker_today", "bill_today_usd", "bill_without_stoker_today_usd")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
def test_the_page_shows_the_figures_of_the_emulator(asked):
    true, text, shown = truth(asked.run, decimals=2), " ".join(asked.page.split()), {}
    units = {"active": (r"(\d+) of (\d+) requested", ("actual_ready", "actual_requested")),
             "shadow": (r"(\d+) of (\d+), simulated (\d+) of (\d+) requested",
                        ("simulated_ready", "simulated_requested", "actual_ready", "actual_requested"))}
    for name in (*ACTIVE, SHADOW):
        mode, kind = ("shadow", "simulated") if name == SHADOW else ("active", "actual")
        pattern, keys = units[mode]
        found = re.search(f"{name} {mode} .*? {pattern}{STARTS_AND_BILL}", text)
        shown |= {(name, key): float(value)
                  for key, value in zip((*keys, *(f"{kind}_{each}" for each in ACCOUNTS)), found.groups(), strict=True)}

    assert wrong(shown, true) == {}
    assert len(shown) == 20


def test_the_report_shows_the_figures_of_the_emulator(asked):
    true, shown = truth(asked.run), {}
    for pool in asked.report["pools"]:
        kind = "simulated" if pool["name"] == SHADOW else "actual"
        for key in ("bill_usd", "bill_without_stoker_usd", "saved_usd", "cold_starts", "cold_starts_without_stoker",
                    "cold_start_cost_usd"):
            today = key.replace("_usd", "_today_usd") if key.endswith("_usd") else f"{key}_today"
            shown[pool["name"], f"{kind}_{today}"] = pool[f"{kind}_{key}"]

    assert wrong(shown, true) == {}
    assert len(shown) == 18
    for pool in asked.report["pools"]:
        kind = "simulated" if pool["name"] == SHADOW else "actual"
        changes = asked.run.would_write() if pool["name"] == SHADOW else asked.run.writes[pool["name"]]
        assert pool[f"{kind}_changes"] == len(changes)
        assert pool[f"{kind}_highest_target"] == max(units for _, units in changes)


def test_no_figure_of_a_pool_is_of_the_other_kind(asked):
    pools = {pool["name"]: pool for pool in asked.status["pools"]}
    capacity = {"actual_requested", "actual_ready", "actual_phase"}

    assert {key for key in pools[SHADOW] if key.startswith("actual_")} == capacity
    assert not {key for name in ACTIVE for key in pools[name] if key.startswith("simulated_")}
    assert not re.search(r'^stoker_simulated_\w+\{pool="(?!chat)', asked.metrics, re.MULTILINE)


def test_the_last_write_is_one_that_the_provider_accepted(asked):
    pools = {pool["name"]: pool for pool in asked.status["pools"]}

    assert pools[SHADOW]["last_write"] is None
    assert asked.run.writes[SHADOW] == []
    for name in ACTIVE:
        assert pools[name]["last_write"][:16] == asked.run.writes[name][-1][0].isoformat()[:16]


def test_the_log_has_the_writes_that_the_emulator_accepted_and_no_other(asked):
    lines = [line for line in asked.run.log if line["event"] == "decision" and line["action"] == "write"]

    assert {line["pool"] for line in lines} == {*ACTIVE}
    for name in ACTIVE:
        assert [line["target"] for line in lines if line["pool"] == name][: len(asked.run.writes[name])] \
            == [units for _, units in asked.run.writes[name]]
    assert all("mode" in line for line in asked.run.log if "pool" in line)
