"""Invoke, called with boto3: cold starts and logs."""

import base64
import json
import re

import pytest

from adapters.sandbox.report import PRICES, REQUEST_USD, report_of
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from tests.adapters.sandbox.conftest import SIX_MINUTES

REPORT = re.compile(
    r"REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 1024 MB\t"
    r"Max Memory Used: \d+ MB\t(Init Duration: (?P<init>[\d.]+) ms\t|Restore Duration: (?P<restore>[\d.]+) ms\t.*)?\n$"
)


async def ping(world, function: str = "quiet", payload: bytes = b'{"warmer": true}', **more: object) -> dict:
    arguments = {"FunctionName": function, "Qualifier": "live", "LogType": "Tail", "Payload": payload} | more
    answer = await world.aws("lambda", "invoke", **arguments)
    log = base64.b64decode(answer.get("LogResult", "")).decode()
    return {"log": log, "body": answer["Payload"].read(), **answer}


async def test_the_first_ping_is_cold_and_the_next_is_not(world) -> None:
    world.sandbox.add_function("quiet", keep_alive=SIX_MINUTES)
    first = await ping(world)
    assert 7_000 < float(REPORT.search(first["log"])["init"]) < 9_000
    assert (first["StatusCode"], first["ExecutedVersion"], json.loads(first["body"])) == (200, "1", "warmed")
    await world.pass_time(minutes=5)
    assert REPORT.search((await ping(world))["log"])["init"] is None
    await world.pass_time(minutes=7)
    assert REPORT.search((await ping(world))["log"])["init"] is not None


async def test_pings_at_one_instant_each_take_an_environment(world) -> None:
    world.sandbox.add_function("quiet")
    answers = [await ping(world) for _ in range(5)]
    assert all("Init Duration" in answer["log"] for answer in answers)
    await world.pass_time(seconds=10)
    answers = [await ping(world) for _ in range(5)]
    assert not any("Init Duration" in answer["log"] for answer in answers)


async def test_provisioned_concurrency_serves_before_anything_starts(world) -> None:
    world.sandbox.add_function("quiet")
    await world.provision(2, function="quiet")
    await world.pass_time(minutes=3)
    for _ in range(3):
        await ping(world)
    assert world.sandbox.hosted("quiet").driver.totals.ping_cold_starts == 1


async def test_a_provisioned_unit_logs_its_start_at_its_first_request(world) -> None:
    world.sandbox.add_function("quiet")
    await world.provision(1, function="quiet")
    await world.pass_time(minutes=3)
    first = await ping(world)
    await world.pass_time(seconds=5)
    second = await ping(world)
    assert ["Init Duration" in each["log"] for each in (first, second)] == [True, False]
    assert "Billed Duration: 76 ms" in first["log"], "the start is not billed again"


@pytest.mark.parametrize("reports", [True, False])
async def test_stokers_helper_reports_the_initialization_type(world, reports) -> None:
    function = world.sandbox.add_function("quiet")
    function.reports_initialization = reports
    await world.provision(1, function="quiet")
    await world.pass_time(minutes=3)
    answers = [await ping(world, payload=b'{"stoker_ping": {"hold_ms": 20}}') for _ in range(2)]
    pongs = [json.loads(answer["body"])["stoker_ping"] for answer in answers]
    expected = ["provisioned-concurrency", "on-demand"] if reports else [None, None]
    assert [pong.get("initialization") for pong in pongs] == expected
    assert [pong["environment"] for pong in pongs] == ["quiet-1-p1", "quiet-1-1"]


async def test_pings_on_provisioned_units_have_their_price(world) -> None:
    world.sandbox.add_function("quiet")
    await world.provision(1, function="quiet")
    await world.pass_time(minutes=3)
    for _ in range(2):
        await ping(world, payload=b'{"stoker_ping": {"hold_ms": 5000}}')
        await world.pass_time(seconds=20)
    billed = report_of(world.sandbox).functions
    quiet = next(each for each in billed if each.name == "quiet")
    assert quiet.cost_usd - quiet.provisioned_usd == pytest.approx(10 * PRICES["x86_64"].warm_busy + 2 * REQUEST_USD)


async def test_json_logs_carry_platform_reports(world) -> None:
    world.sandbox.add_function("quiet", log_format="JSON")
    reports = [json.loads((await ping(world))["log"].splitlines()[-1]) for _ in range(1)]
    assert reports[0]["type"] == "platform.report"
    assert reports[0]["record"]["metrics"]["initDurationMs"] > 7_000
    await world.pass_time(seconds=1)
    warm = json.loads((await ping(world))["log"].splitlines()[-1])
    assert "initDurationMs" not in warm["record"]["metrics"]


async def test_a_snapshot_is_restored_rather_than_initialised(world) -> None:
    function = world.sandbox.add_function("quiet")
    function.move_alias("live", function.publish(snap_start=True).number, 0, 0)
    answer = await ping(world)
    assert answer["ExecutedVersion"] == "2"
    assert REPORT.search(answer["log"])["restore"] is not None


async def test_an_exhausted_reservation_is_a_typed_429(world) -> None:
    world.sandbox.add_function("quiet", reserved=2)
    for _ in range(2):
        await ping(world)
    refusal = await world.refusal("lambda", "invoke", FunctionName="quiet", Qualifier="live", Payload=b"{}")
    assert (refusal.kind, refusal.status) == ("TooManyRequestsException", 429)
    assert refusal.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


async def test_a_handler_that_does_not_know_pings_does_its_work(world) -> None:
    function = world.sandbox.add_function("quiet", understands_pings=False)
    answer = await ping(world)
    assert json.loads(answer["body"]) != "warmed"
    assert function.work_done == 1
    knowing = world.sandbox.hosted("agent").function
    await ping(world, "agent", b'{"source": "serverless-plugin-warmup"}')
    assert knowing.work_done == 0
    await ping(world, "agent", b'{"question": "how are you?"}')
    assert knowing.work_done == 1


async def test_dry_runs_and_events_answer_with_their_own_status(world) -> None:
    world.sandbox.add_function("quiet")
    arguments = {"FunctionName": "quiet", "Qualifier": "live", "Payload": b'{"warmer": true}'}
    assert (await world.aws("lambda", "invoke", InvocationType="DryRun", **arguments))["StatusCode"] == 204
    assert world.sandbox.hosted("quiet").driver.totals.pings == 0
    assert (await world.aws("lambda", "invoke", InvocationType="Event", **arguments))["StatusCode"] == 202
    assert world.sandbox.hosted("quiet").driver.totals.pings == 1


async def test_a_crashing_init_is_a_function_error(world) -> None:
    world.sandbox.add_function("quiet").versions["1"].init_fails = True
    answer = await ping(world)
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["body"])["errorType"] == "Runtime.ExitError"


async def test_an_invocation_counts_as_mutating(world) -> None:
    await ping(world, "agent")
    assert world.sandbox.calls.mutating == {"Invoke": 1}


def test_settings_default_to_the_documented_limits() -> None:
    assert (Settings().concurrency, Settings().control_rps) == (1000, 15.0)
    assert Sandbox.__init__.__defaults__ == (0, None)


async def test_provisioned_concurrency_equal_to_the_reservation_leaves_nothing_for_latest(world) -> None:
    world.sandbox.add_function("quiet", reserved=2)
    await world.provision(2, function="quiet")
    await world.pass_time(minutes=3)
    refusal = await world.refusal("lambda", "invoke", FunctionName="quiet", Payload=b"{}")
    assert refusal.kind == "TooManyRequestsException"
    await ping(world)
    assert world.sandbox.hosted("quiet").driver.totals.ping_cold_starts == 0
