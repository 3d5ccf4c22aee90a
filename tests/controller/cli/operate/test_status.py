import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from config.model.display import Display
from config.model.shown import DEFAULT, shown_as
from controller.cli import main
from controller.cli.formatting import next_hours
from controller.cli.operate.status import COLUMNS, fitting
from controller.daemon.daemon import Daemon
from tests.builders import NOON, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady
from tests.services import layers, measures, serving, ticking, typed
from tests.worlds import policy_of


async def asked(folder, *arguments, env=None, **settings):
    """`stoker status` against a real server that has ticked twice."""
    clock = ManualClock(NOON)
    providers = FakeProviders([(FakeSource({"a": steady(3), "b": steady(7)}), ("a", "b"))], clock)
    policy = policy_of([pool_policy(name="a"), pool_policy(name="b")]).model_copy(update=settings)
    service = Daemon(policy, providers, clock, folder, port=0)
    async with ticking(service):
        await clock.advance(timedelta(minutes=3))
        await service.runtime.tick.run()
        return await typed("status", "--url", service.url, *arguments, env=env)


@pytest.mark.parametrize(("url", "words"), [("127.0.0.1:8080", "no scheme"), ("http://", "has no host"),
                                            ("http://127.0.0.1:99999", "has a port"), ("http://[::1", "is not a URL")])
@pytest.mark.parametrize("command", [("status",), ("pause", "a", "--for", "1h", "--reason", "x")])
async def test_an_invalid_url_is_wrong_input_with_its_cause(command, url, words):
    done = await typed(*command, "--url", url, env={"STOKER_TOKEN": "0123456789abcdef"})

    assert done.exit_code == 2
    assert words in done.output


async def test_every_pool_is_a_line_with_what_reading_metrics_costs(tmp_path):
    outcome = await asked(tmp_path)

    assert outcome.exit_code == 0
    assert [line.split()[0] for line in outcome.output.splitlines() if line.split()[1:2] == ["active"]] == ["a", "b"]
    assert "0.86 USD per month" in " ".join(outcome.output.split())


PARIS = Display(timezone="Europe/Paris", currency_rate={"EUR": 2.0})


async def test_amounts_and_times_are_in_the_currency_and_zone_of_the_policy(tmp_path):
    wide = {"COLUMNS": "200"}
    everything = await asked(tmp_path, env=wide, display=PARIS)
    one = await asked(tmp_path, "a", env=wide, display=PARIS)

    assert "1.73 EUR per month" in " ".join(everything.output.split())
    assert "today, EUR" in everything.output
    assert "USD" not in everything.output + one.output
    assert "next hours (Europe/Paris)" in one.output
    assert shown_as() == DEFAULT


async def test_data_stay_in_usd_and_utc(tmp_path):
    body = json.loads((await asked(tmp_path, "-o", "json", display=PARIS)).output)
    plain = json.loads((await asked(tmp_path / "plain", "-o", "json")).output)

    assert body["display"] == {"timezone": "Europe/Paris", "currency": "EUR", "units_per_usd": 2.0}
    assert body["metric_reads_usd_per_month"] == plain["metric_reads_usd_per_month"]
    assert (body["as_of"], body["totals"]) == (plain["as_of"], plain["totals"])


LONG = {
    "name": "a-pool-whose-name-is-longer-than-most", "mode": "active", "actual_requested": 120, "actual_ready": 118,
    "busy": 80.25, "peak": 119.0, "target": 120, "data_age_seconds": 119.0, "actual_bill_today_usd": 12.5,
    "actual_bill_month_usd": 250.75, "error": None,
    "decision": {
        "text": "weighted ensemble (top rule: max(maximum of the last 60 min, demand sustained for 3 h)) proposes 120"},
}
UNKNOWN = dict.fromkeys(LONG) | {"name": "b", "mode": "active"}


@pytest.mark.parametrize(("width", "kept", "gone"), [
    (200, {"busy", "actual bill\ntoday, USD", "last decision"}, set()), (120, {"mode", "actual\nready", "last decision"}, set()),
    (80, {"actual\nready", "last decision"}, {"busy", "actual bill\ntoday, USD"}),
    (40, set(), {"mode", "actual bill\nmonth, USD", "last decision"}),
    (20, set(), {"actual\nready"}),
])
def test_a_narrow_terminal_drops_columns_by_their_order(width, kept, gone):
    chosen = fitting([LONG, UNKNOWN], width)
    headings = {column.heading for column in chosen}

    assert headings >= kept | {"pool", "actual\nrequested", "target"}
    assert not headings & gone
    assert list(chosen) == [column for column in COLUMNS if column in chosen]
    assert sum(chosen.values()) + 2 * (len(chosen) - 1) <= max(width, 40), "what stays always needs 33"


def test_external_units_have_a_column_when_there_are_any():
    assert "by others" not in {column.heading for column in fitting([LONG, UNKNOWN], 300)}
    assert "by others" in {column.heading for column in fitting([LONG | {"kept_by_others": 3}, UNKNOWN], 300)}


@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_no_line_of_the_table_is_longer_than_the_terminal(tmp_path, width):
    outcome = await asked(tmp_path, env={"COLUMNS": str(width)})
    table = outcome.output.split("\n\n")[0].splitlines()

    assert [line for line in table if len(line) > width] == []
    assert {line.split()[0] for line in table[1:]} == {"pool", "a", "b"}, "a line for each pool, and two for the headings"
    assert "\x1b" not in outcome.output, "what is no terminal gets no colour"


async def test_one_pool_shows_its_reasons(tmp_path):
    outcome = await asked(tmp_path, "b")

    assert outcome.exit_code == 0
    assert "actual requested / ready    7 / 7" in outcome.output
    assert "proposed" in outcome.output


async def test_one_pool_shows_the_plan_of_its_next_hours_or_why_there_is_none(tmp_path):
    outcome = await asked(tmp_path, "b")

    assert "next hours (UTC)            - (" in outcome.output


def test_targets_of_the_next_hours_are_shown_where_they_change():
    told = {"as_of": "2026-03-02T12:50:00+00:00", "next": [[0, 4], [10, 4], [25, 6], [40, 6], [55, 0]], "next_missing": None}

    assert next_hours(told) == "12:50 4, 13:15 6, 13:45 0"


async def test_json_is_the_daemons_own(tmp_path):
    outcome = await asked(tmp_path, "--json")

    assert {pool["name"] for pool in json.loads(outcome.output)["pools"]} == {"a", "b"}


async def test_an_unknown_pool_is_the_daemons_message_and_exit_code_1(tmp_path):
    outcome = await asked(tmp_path, "nobody")

    assert outcome.exit_code == 1
    assert "no pool called 'nobody'" in outcome.output


def test_a_daemon_that_does_not_answer_is_one_line_with_the_remedy():
    outcome = CliRunner().invoke(main, ["status", "--url", "http://127.0.0.1:9"])

    assert outcome.exit_code == 1
    assert "check that `stoker run` is running there" in outcome.output


def test_an_invalid_address_is_wrong_input():
    assert CliRunner().invoke(main, ["status", "--url", "ftp://x"]).exit_code == 2


async def test_capacity_of_a_pool_in_shadow_mode_is_marked_as_simulated(tmp_path):
    async with serving(tmp_path, each={"b": {"mode": "shadow"}}) as here:
        await here.ticks(3)
        every = (await here.stoker("status")).output
        active, shadow = (await here.stoker("status", "a")).output, (await here.stoker("status", "b")).output

    assert "simulated, 1 pool in shadow mode: nothing was written: would have 7 requested, 7 ready" in every
    assert "simulated" not in active
    assert "actual requested / ready    0 / 0" in shadow
    assert "simulated requested / ready 7 / 7" in shadow


async def test_both_layers_of_a_pool_are_two_numbers(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        everything = await here.stoker("status")
        one = await here.stoker("status", "a")

    (row,) = [line.split() for line in everything.output.splitlines() if line.split()[1:2] == ["active"]]
    head = everything.output.splitlines()[:2]
    assert "pinged" in head[1]
    assert row[2:5] == ["1", "1", "5"]  # requested and ready of the base, pinged
    assert "1 + 5" in " ".join(row)
    assert "1 requested, 1 ready, above them by pings 5 requested, 5 ready; bill" in everything.output
    lines = [" ".join(line.split()) for line in one.output.splitlines()]
    assert lines[0] == "a (active, lambda-provisioned-concurrency, above it lambda-ping)"
    assert {"actual requested / ready 1 / 1", "pinged above, actual 5 / 5", "target 1 + 5 by pings"} <= set(lines)
    assert any(line.startswith("of it pings 0.00") for line in lines)
    assert any("5 - 1 of the base = 4" in line for line in lines[lines.index("reasons of pings"):])


async def test_pings_in_shadow_mode_are_shown_as_simulated(tmp_path):
    async with layers(tmp_path, mode="shadow") as here:
        await here.ticks(4)
        one = await here.stoker("status", "a")
        everything = await here.stoker("status")

    lines = [" ".join(line.split()) for line in one.output.splitlines()]
    assert {"pinged above, actual 0 / 0", "pinged above, simulated 5 / 5"} <= set(lines)
    assert "would have 1 requested, 1 ready, above them by pings 5 requested, 5 ready" in everything.output


@pytest.mark.parametrize(("measured", "text"), [
    ({}, "for 1.25 s since the start of the daemon, about 3.5 requests in it"),
    ({"requests": None}, "for 1.25 s since the start of the daemon, requests in it not measured"),
    ({"rounds": 0}, "not measured"),
])
async def test_the_time_in_which_pings_held_all_units_has_its_unit_and_period(tmp_path, measured, text):
    async with layers(tmp_path) as here:
        measures(here.levers["a:pings"], **measured)
        await here.ticks(2)
        status, why = [" ".join((await here.stoker(command, "a")).output.split()) for command in ("status", "why")]

    assert f"pings held all units {text} " in status
    assert why.endswith(f"all held pings held all idle units: {text}")


async def test_an_error_of_the_pings_is_shown_as_that_of_the_pool(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        here.levers["a:pings"].failing["read"] = Unreachable("no answer at all")
        await here.ticks(30)
        one = await here.stoker("status", "a")
        everything = await here.stoker("status")

    assert "pings: no answer at all" in one.output
    assert "pings: no answer at all" in everything.output


async def test_without_layers_no_column_and_no_line_is_about_pings(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(1)
        assert "ping" not in (await here.stoker("status")).output + (await here.stoker("status", "a")).output
