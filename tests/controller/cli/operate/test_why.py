"""`stoker why` against a real daemon, and `stoker replay` of what it tells."""

import json
import re

import pytest
from click.testing import CliRunner

from adapters.ports.errors import QuotaExceeded
from controller.cli import main
from controller.cli.operate.why_text import lines
from tests.services import TOKEN, layers, serving

ALONE = re.compile(r"3 100\.0 % -?[0-9.]+ maximum of the last 60 min = 3")


async def test_it_shows_inputs_steps_and_the_providers_answer(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(3)
        order = ("pin", "a", "12", "--until", "2026-03-02T13:00:00Z", "--reason", "launch", "--by", "ana")
        await here.stoker(*order, env={"STOKER_TOKEN": TOKEN})
        await here.steps()
        result = await here.stoker("why", "a", "--at", "2026-03-02T12:03:00Z")

    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert result.exit_code == 0
    labels = [line[2:15].strip() for line in result.output.splitlines()[1:] if line[2:15].strip() and line[2] != " "]
    assert labels == ["outcome", "demand", "forecast", "capacity", "keep-alive", "override", "rules     ask", "ensemble",
                      "reasons", "provider", "changed"]
    assert lines[0] == "a (active) 2026-03-02 12:03:00 UTC, plan of the last tick"
    assert "outcome requested changed from 3 to 12" in lines
    assert any(line.startswith("demand traffic, fresh, newest known minute") for line in lines)
    assert any(line.startswith("capacity 3 requested") and line.endswith("s earlier") for line in lines)
    assert any(ALONE.fullmatch(line) for line in lines)
    assert "ensemble none: maximum of the last 60 min = 3 is followed alone -> 3" in lines
    assert "reasons proposed: maximum of the last 60 min = 3, followed alone" in lines
    assert "pinned: pin 12 until 2026-03-02 13:00 UTC by ana (launch): 3 -> 12" in lines
    assert "provider accepted: 12 requested, 3 ready (change in progress)" in lines
    first = lines.index("provider accepted: 12 requested, 3 ready (change in progress)") + 1
    assert lines[first:] == [
        "changed since 12:00 UTC (target 3)", "new: pin 12 until 2026-03-02 13:00 UTC by ana (launch): 3 -> 12",
        "demand: peak 3 at 11:58 -> 3 at 12:01 UTC", "target 3 -> 12"]


async def test_a_pool_in_shadow_mode_is_shown_as_simulated_without_a_request(tmp_path):
    async with serving(tmp_path, mode="shadow") as here:
        await here.ticks(3)
        await here.stoker("pin", "a", "12", "--for", "1h", "--reason", "r", "--by", "ana", env={"STOKER_TOKEN": TOKEN})
        await here.steps()
        result = await here.stoker("why", "a")
        await here.ticks(10)
        at_rest = await here.stoker("why", "a")
        earlier = await here.stoker("why", "a", "--at", "2026-03-02T12:03:30Z")

    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert lines[0] == "a (shadow) 2026-03-02 12:03:00 UTC, plan of the last tick"
    assert "outcome would change requested from 3 to 12" in lines
    assert any(line.startswith("capacity simulated: 3 requested") for line in lines)
    assert "provider no request sent (shadow mode); simulated: 12 requested, 3 ready (change in progress)" in lines
    assert "accepted" not in result.output
    assert ["provider", "no", "request", "sent"] in [line.split() for line in at_rest.output.splitlines()]
    recorded = [" ".join(line.split()) for line in earlier.output.splitlines()]
    now = [re.sub(r"^(override .* ana \(r\)): .*", r"\1", line) for line in lines[1:]]  # a recorded override has no effect now
    assert (recorded[0], recorded[1:]) == ("a (shadow) 2026-03-02 12:03:00 UTC, latest decision recorded by then", now)
    assert here.levers["a"].writes == []


async def test_it_shows_the_simulated_cost_and_share_of_each_rule(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(3)
        result = await here.stoker("why", "a")

    lines = [" ".join(line.split()) for line in result.output.splitlines()]
    assert any(line.startswith("forecast ") for line in lines)
    keep_alive = next(line for line in lines if line.startswith("keep-alive 20m (assumed for AWS Lambda"))
    assert keep_alive.endswith("range 5m to 1h)"), "the rule costs use the same keep-alive"
    assert "rules asks weight cost rule" in lines
    assert any(ALONE.fullmatch(line) for line in lines), "history is short: one rule counts"
    assert any(line.startswith("cost: simulated bill + cold-start cost in USD on recent demand") for line in lines)
    assert "Naive rules:" in result.output


async def test_a_refusal_of_the_provider_is_shown(tmp_path):
    async with serving(tmp_path) as here:
        here.levers["a"].failing["write"] = QuotaExceeded("the account has 5 left", 5)
        await here.stoker("pin", "a", "12", "--for", "1h", "--reason", "r", "--by", "ana", env={"STOKER_TOKEN": TOKEN})
        await here.steps()
        result = await here.stoker("why", "a")

    assert "held at 3" in result.output
    assert "requesting 12 failed (quota-exceeded): the account has 5 left" in result.output


async def test_a_record_is_replayed_from_a_file_and_from_standard_input(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(2)
        record = (await here.stoker("why", "b", "--json")).output
    (tmp_path / "record.json").write_text(record)

    from_file = CliRunner().invoke(main, ["replay", str(tmp_path / "record.json")])
    piped = CliRunner().invoke(main, ["replay", "-"], input=record)
    as_json = CliRunner().invoke(main, ["replay", "-", "--json"], input=json.dumps(json.loads(record)["record"]))

    assert (from_file.exit_code, from_file.output) == (0, "the plans are equal: keep 7\n")
    assert piped.output == from_file.output
    assert json.loads(as_json.output)["same"] is True


async def test_another_plan_is_exit_code_1_with_the_difference(tmp_path):
    async with serving(tmp_path) as here:
        await here.ticks(2)
        body = json.loads((await here.stoker("why", "b", "--json")).output)
    body["record"]["target"] = 9
    result = CliRunner().invoke(main, ["replay", "-"], input=json.dumps(body))

    assert result.exit_code == 1
    assert '- "target": 9,' in result.output
    assert '+ "target": 7,' in result.output
    assert CliRunner().invoke(main, ["replay", "-", "--json"], input=json.dumps(body)).exit_code == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "{}", '{"record": {"inputs": {"sight": "fresh"}}}', "[" * 20_000])
def test_an_invalid_record_is_wrong_input(text):
    result = CliRunner().invoke(main, ["replay", "-"], input=text)

    assert (result.exit_code, len(result.output.splitlines())) == (2, 1)


def test_a_missing_file_is_wrong_input(tmp_path):
    assert CliRunner().invoke(main, ["replay", str(tmp_path / "none.json")]).exit_code == 2


async def test_an_invalid_time_is_wrong_input_and_an_unknown_pool_a_failure(tmp_path):
    async with serving(tmp_path) as here:
        assert (await here.stoker("why", "a", "--at", "noon")).exit_code == 2
        assert (await here.stoker("why", "nobody")).exit_code == 1


def test_an_endless_record_is_refused():
    result = CliRunner().invoke(main, ["replay", "-"], input="[" * ((8 << 20) + 2))

    assert result.exit_code == 2
    assert "larger than 8 MB, the maximum size of a record" in result.output


async def test_both_layers_are_shown_the_base_first(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        result = await here.stoker("why", "a")
        alone = await here.stoker("why", "a:pings")
        record = (await here.stoker("why", "a:pings", "--json")).output

    base, pings = result.output.split("\n\n")
    assert base.startswith("a (active)  2026-03-02 12:04:00 UTC, plan of the last tick")
    lines = [" ".join(line.split()) for line in pings.splitlines()]
    text = " ".join(lines)
    assert lines[0] == "pings above the base 2026-03-02 12:04:00 UTC, plan of the last tick"
    assert "outcome kept at 5" in lines
    assert "5 - 1 of the base = 4, + 1 that may have stopped unseen" in text
    assert "rules" not in [line.split()[0] for line in lines]
    assert "not recorded" not in alone.output
    assert "5 - 1 of the base = 4" in " ".join(alone.output.split())
    assert CliRunner().invoke(main, ["replay", "-"], input=record).output == "the plans are equal: keep 5\n"


async def test_pings_without_a_decision_by_then_are_said_to_have_none(tmp_path):
    async with layers(tmp_path) as here:
        await here.ticks(4)
        body = json.loads((await here.stoker("why", "a", "--json")).output)
    assert "pings above the base: no plan yet" in lines(body | {"pings": None})
    assert "pings above the base: no decision recorded by then" in lines(body | {"pings": None, "recorded": True})
