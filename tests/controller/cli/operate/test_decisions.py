"""`stoker decisions` and `stoker why --since`: the decision log from a daemon, and from its store after it stopped."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from controller.cli import main
from controller.cli.failure import Failed
from controller.cli.operate.decision_log import from_daemon, pages
from tests.services import TOKEN, layers, serving, typed

START = "2026-03-02T12:00:00Z"


async def pinned(here, units=12):
    order = ("pin", "a", str(units), "--until", "2026-03-02T18:00:00Z", "--reason", "launch", "--by", "ana")
    await here.stoker(*order, env={"STOKER_TOKEN": TOKEN})
    await here.steps()


async def test_the_newest_decisions_come_first_and_the_limit_and_the_pool_choose_among_them(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(2)
        await pinned(here)
        every, of_a, newest = [await here.stoker("decisions", *more, "-o", "json") for more in (
            (), ("a",), ("a", "--limit", "1"))]
        table = await here.stoker("decisions", "a")

    items = json.loads(every.stdout)["items"]
    assert list(json.loads(every.stdout))[:1] == ["schema"]
    assert [each["at"] for each in items] == sorted((each["at"] for each in items), reverse=True)
    assert {each["pool"] for each in items} == {"a", "b"}
    assert [each["target"] for each in json.loads(of_a.stdout)["items"]] == [12, 3]
    assert [each["target"] for each in json.loads(newest.stdout)["items"]] == [12]
    lines = [line.split() for line in table.stdout.splitlines()]
    assert lines[0][:2] == ["time", "(UTC)"]
    assert [line[2:7] for line in lines if line[0].startswith("2026")] == [
        ["a", "active", "write", "3", "12"], ["a", "active", "write", "0", "3"]]


async def test_further_pages_are_read_from_the_daemon(tmp_path):
    async with serving(tmp_path) as here:
        for units in range(10, 15):
            await pinned(here, units)
            await here.ticks()
        shown = await here.stoker("decisions", "a", "-o", "json")
        paged = await asyncio.to_thread(lambda: list(pages(here.service.url, "a", None, 2)))

    assert paged == json.loads(shown.stdout)["items"]
    assert len(paged) > 4


async def test_the_store_of_a_daemon_that_stopped_has_the_same_decisions(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(2)
        shown = await here.stoker("decisions", "-o", "json")
    stored = CliRunner().invoke(main, ["decisions", "--state-dir", str(tmp_path), "-o", "json"])
    replayed = CliRunner().invoke(main, ["replay", "-"], input=json.dumps(json.loads(stored.stdout)["items"][0]))

    assert json.loads(stored.stdout) == json.loads(shown.stdout)
    assert (replayed.exit_code, replayed.stdout[:19]) == (0, "the plans are equal"), replayed.stderr


async def test_without_a_decision_that_is_said(tmp_path):
    async with serving(tmp_path) as here:
        shown = await here.stoker("decisions", "a", "--since", "2026-03-03")

    assert (shown.exit_code, shown.stdout) == (0, "no decision of a is recorded since 2026-03-03\n")


@pytest.mark.parametrize(("arguments", "code", "says"), [
    (("--since", "yesterday"), 2, "--since yesterday: write a duration, such as 7d, or a date, such as "),
    (("--state-dir", "nowhere"), 1, "nowhere/stoker.db does not exist: give the --state-dir that the daemon uses"),
    (("--limit", "0"), 2, "0 is not in the range"), (("nobody",), 2, "the policy has no pool called 'nobody'"),
])
async def test_a_wrong_start_store_limit_or_pool_is_named(tmp_path, arguments, code, says):
    async with serving(tmp_path) as here:
        shown = await here.stoker("decisions", *arguments)

    assert (shown.exit_code, says in shown.stderr) == (code, True), shown.stderr


async def test_an_answer_without_decisions_is_no_daemon_of_this_version(tmp_path):
    async with serving(tmp_path) as here:
        with pytest.raises(Failed, match="is not a Stoker daemon of this version: its answer has no decisions"):
            await asyncio.to_thread(from_daemon, f"{here.service.url}/v1/pools/a/why#", None, None, 5)


async def test_what_changed_since_a_time_is_shown_from_the_oldest_decision_on(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(2)
        await pinned(here)
        shown, later, both = [await here.stoker("why", "a", *more) for more in (
            ("--since", START), ("--since", "2026-03-02T13:00:00Z"), ("--since", START, "--at", START))]
        body = json.loads((await here.stoker("why", "a", "--since", START, "-o", "json")).stdout)

    lines = shown.stdout.splitlines()
    assert lines[0] == "a  2 decisions since 2026-03-02 12:00 UTC"
    assert [line.strip() for line in lines if line.startswith("  2026")] == [
        "2026-03-02 12:00:00  requested changed from 0 to 3", "2026-03-02 12:02:00  requested changed from 3 to 12"]
    assert "      new: pin 12 until 2026-03-02 18:00 UTC by ana (launch): 3 -> 12" in lines
    assert lines[-1] == "One of them in full: stoker why a --at 2026-03-02T12:02:01Z"
    assert later.stdout == "a  no decision is recorded since 2026-03-02 13:00 UTC: its plan has not changed\n"
    assert (both.exit_code, both.stderr) == (2, "stoker: --at and --since: give one of them\n")
    assert [each["target"] for each in body["items"]] == [3, 12]


async def test_of_a_pool_with_layers_the_decisions_of_the_pings_are_in_between(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(3)
        shown = await here.stoker("why", "a", "--since", START)

    assert shown.exit_code == 0, shown.stderr
    assert "  pings: " in shown.stdout


async def test_a_daemon_that_does_not_run_is_a_failure_with_the_remedy():
    shown = await typed("decisions", "--url", "http://127.0.0.1:1")

    assert shown.exit_code == 1
    assert "check that `stoker run` is running there" in shown.stderr
