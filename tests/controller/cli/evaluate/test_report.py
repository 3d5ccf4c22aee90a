"""`stoker report` as from a terminal, beside a running daemon and after it stopped."""

import json
import re

import pytest
from click.testing import CliRunner

from adapters.runtime.clock import SystemClock
from controller.cli import main
from controller.fleet.selection import kept
from controller.fleet.selection.inventory import Inventory
from controller.store.state_store import Store
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.controller.fleet.selection.test_inventory import KEY, survey
from tests.controller.report.stores import DAY, GOOD, filled, plan
from tests.services import serving, typed

POLICY = """\
version: 1
pools:
  - name: {name}
    lever: {{kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}}
    max: 50
"""


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr(SystemClock, "now", lambda self: NOON)


@pytest.fixture
def stoker(tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(name="agent"))

    def run(*arguments, since="4d"):
        chosen = ("--policy", str(policy), "--state-dir", str(tmp_path / "state"), "--since", since)
        return CliRunner(env={"COLUMNS": "80"}).invoke(main, ["report", *chosen, *arguments])
    return run


@pytest.fixture
def store(tmp_path):
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "stoker.db"


def test_it_prints_text_markdown_or_json_with_the_same_answer(stoker, store):
    filled(store, plans=[plan()])
    text, markdown, body = stoker(), stoker("--markdown"), stoker("--json")

    assert (text.exit_code, markdown.exit_code, body.exit_code) == (0, 0, 0)
    for printed in (text.output, markdown.output):
        assert "Ready for active: yes, because all 7 criteria are met" in " ".join(printed.split())
    assert json.loads(body.output)["ready_for_active"] is True
    assert "| Bill | $4.00 | $3.04 | $5.60 |" in markdown.output


def test_the_gate_exits_with_3_when_a_pool_is_not_ready_and_with_0_when_all_are(stoker, store):
    filled(store, accounts={**GOOD, "bill_usd": 9.0})
    assert stoker("--gate").exit_code == 3
    assert stoker().exit_code == 0
    store.unlink()
    filled(store)
    assert stoker("--gate").exit_code == 0


def test_the_page_is_written_beside_what_is_printed(stoker, store, tmp_path):
    filled(store, plans=[plan()])
    result = stoker("--html", str(tmp_path / "report.html"))
    assert result.output.startswith("Stoker report, 2026-02-26 00:00 to 2026-03-02 12:00 UTC\n")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(("since", "start"), [("1d", "2026-03-01"), ("36h", "2026-03-01"), ("2026-02-27", "2026-02-27"),
                                              ("2026-02-27T06:30:00Z", "2026-02-27"), ("14d", "2026-02-16")])
def test_it_starts_at_the_midnight_before(stoker, store, since, start):
    filled(store)
    assert json.loads(stoker("--json", since=since).output)["start"] == f"{start}T00:00:00+00:00"


@pytest.mark.parametrize("since", ["15d", "0", "2026-03-03", "yesterday", "-1d", "2025-12-01"])
def test_another_start_is_wrong_input(stoker, store, since):
    filled(store)
    result = stoker(since=since)
    assert result.exit_code == 2
    assert f"--since {since}: write a duration up to 14d, such as 7d, or a date, such as 2026-02-23" in result.output


def test_only_the_pools_that_are_named_are_reported_and_judged(tmp_path, stoker, store):
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(name="agent") + POLICY.format(name="new").partition("pools:\n")[2].replace("agent", "other"))
    filled(store)
    assert [pool["name"] for pool in json.loads(stoker("--json").output)["pools"]] == ["agent", "new"]
    assert [pool["name"] for pool in json.loads(stoker("--json", "agent").output)["pools"]] == ["agent"]
    assert (stoker("--gate").exit_code, stoker("agent", "--gate").exit_code) == (3, 0)

    unknown = stoker("agnt")
    assert (unknown.exit_code, f"{policy} has no pool agnt: it has agent, new" in unknown.output) == (2, True)


def test_a_missing_store_and_two_formats_are_errors(stoker):
    missing = stoker()
    assert (missing.exit_code, "does not exist: give the --state-dir that the daemon uses" in missing.output) == (1, True)
    assert stoker("--markdown", "--json").exit_code == 2


async def test_each_command_shows_exactly_the_decision_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(SystemClock, "now", lambda self: NOON + DAY / 24)
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(name="a"))
    async with serving(tmp_path, mode="shadow") as here:
        here.source.traffic["a"] = lambda minute: max(3, 4 * (minute - minute_of(NOON)))
        await here.ticks(12)
        printed = await typed("report", "--policy", str(policy), "--state-dir", str(tmp_path), "--since", "1d", "--json")
        entries = json.loads(printed.output)["pools"][0]["decisions"]
        explained = [json.loads((await here.stoker(*each["command"].split()[1:], "--json")).output) for each in entries]
        recorded = {each["at"] for each in here.service.runtime.store.store.decisions("a")}

    assert len(entries) == 3
    for entry, answer in zip(entries, explained, strict=True):
        assert entry["at"] in recorded
        assert answer["record"]["at"] == entry["at"]
        if (moved := re.fullmatch(r"target (\d+) to (\d+)", entry["text"])) is not None:
            assert (answer["record"]["simulated_requested"], answer["record"]["target"]) == (int(moved[1]), int(moved[2]))


def test_the_report_of_a_day_without_data_names_the_gap(stoker, store):
    filled(store)
    text = " ".join(stoker(since="8d").output.split())
    assert f"unknown: {NOON - 8 * DAY - DAY / 2:%Y-%m-%d} 00:00 to 2026-02-26 00:00" in text
    assert "Feb 22: 0 %" in text


def test_pools_that_the_daemon_has_selected_are_reported(stoker, store, tmp_path):
    filled(store, plans=[plan()])
    known = Inventory().after({KEY: survey("agent")})
    with Store(store) as opened:
        opened.save_blob(kept.KEY, json.dumps({"pools": ["agent"], "resources": json.loads(known.dumped())}).encode(), NOON)
    (tmp_path / "policy.yaml").write_text("version: 1\nselect:\n  - include: {name: agent}\n    max: 50\n"
                                          "    lever: {kind: lambda-provisioned-concurrency, region: us-east-1}\n")
    all_pools, one = stoker("-o", "json"), stoker("agent", "-o", "json")

    assert [each["name"] for each in json.loads(all_pools.stdout)["pools"]] == ["agent"], all_pools.output
    assert one.stdout == all_pools.stdout
