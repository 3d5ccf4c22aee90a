"""The lever lambda-ping over HTTP: proved environments, handlers without pings, and unchanged settings."""

import dataclasses
import json
from datetime import timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from adapters.aws.lambda_.ping_payloads import Ping, parameters
from adapters.aws.lambda_.provisioned_concurrency import ProvisionedConcurrency
from adapters.aws.settings import LambdaPingSettings
from adapters.ports.errors import Conflict, PermissionDenied, QuotaExceeded, Unsupported
from adapters.ports.lever import CountsPings, Phase, ResumesTarget
from adapters.sandbox.aws.lambda_.functions import Alias
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.lambda_stage import pool as provisioned_pool
from tests.adapters.conformance.ping_stage import PingStage, ping_pool
from tests.builders import NOON, demands

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def stage():
    async with PingStage() as built:
        yield built


def invoked(stage) -> int:
    return stage.sandbox.calls.mutating["Invoke"]


def alive(stage, name="agent") -> int:
    return stage.sandbox.hosted(name).driver.alive(stage.sandbox.now_ms())


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("changes", [
    {"handler": "stoker"},
    {"handler": "lambda-warmer", "answer": "warmed"},
    {"handler": "serverless-plugin-warmup"},
    {"handler": "custom", "payload": {"warmer": True}, "answer": "warmed"},
], ids=lambda changes: changes["handler"])
async def test_twenty_requested_units_are_twenty_environments(stage, changes, log_format):
    stage.sandbox.settings = dataclasses.replace(stage.sandbox.settings, ping_hold_ms=1000)
    stage.function.log_format = log_format
    lever = stage.lever(**{"hold_ms": 1000} | changes)
    await lever.write(20)
    await stage.passes(MINUTE)
    seen = await lever.read()

    assert (seen.requested, seen.ready, seen.phase, seen.detail) == (20, 20, Phase.READY, "")
    assert alive(stage) >= 20
    assert stage.function.work_done == 0, "the handler did nothing but hold its pings"


async def test_twenty_stay_alive_all_afternoon_and_users_meet_them(stage):
    lever = stage.lever()
    await lever.write(20)
    await stage.passes(2 * MINUTE)
    told, real = [], []
    for _ in range(60):
        await stage.passes(3 * MINUTE)
        told.append((await lever.read()).ready)
        real.append(min(20, alive(stage)))
    totals = stage.sandbox.hosted("agent").driver.totals

    assert np.mean(told) > 19
    assert np.mean(real) > 19, "but for the few rounds that tried whether a longer pause would do"
    assert totals.ping_cold_starts < 0.15 * totals.pings


@pytest.mark.parametrize("units", [1, 3])
async def test_the_pause_is_learnt_from_the_answers(stage, units):
    lever = stage.lever()
    await lever.write(units)
    await stage.passes(timedelta(hours=4))

    seen = (await lever.traits()).keep_alive

    assert timedelta(minutes=4) < lever.keeper.idle_timeout.pause < timedelta(minutes=7), "environments of the sandbox live six"
    assert timedelta(minutes=4) <= seen.low <= timedelta(minutes=6)
    assert seen.high is None or seen.high >= timedelta(minutes=6)
    assert seen.observations >= 40 * units


async def test_every_ping_is_counted_with_the_time_that_is_billed(stage):
    lever = stage.lever()
    await lever.write(12)
    await stage.passes(60 * MINUTE)
    totals, (first, sent) = stage.sandbox.hosted("agent").driver.totals, lever.pings_sent()

    assert isinstance(lever, CountsPings)
    assert first == minute_of(NOON) + 1
    assert sum(each.pings for each in sent.values()) == totals.pings > 100
    started = sum(each.seconds for each in sent.values()) - totals.ping_ms / 1000
    assert started == pytest.approx(totals.ping_cold_starts * lever.keeper.rounds.init_seconds, rel=0.05)
    assert totals.ping_cold_starts >= 12


async def test_without_opt_in_no_ping_is_sent(stage):
    lever = stage.lever(opted_in=False)
    seen = await lever.read()
    with pytest.raises(Unsupported, match=r"agent.*opted_in: true"):
        await lever.write(20)
    await stage.passes(20 * MINUTE)

    assert isinstance(seen.blocked, Unsupported)
    assert invoked(stage) == 0


async def test_a_handler_without_ping_support_gets_one_ping(stage):
    stage.function.understands_pings = False
    lever = stage.lever()
    with pytest.raises(Unsupported, match=r"agent.*sends no more"):
        await lever.write(20)
    await stage.passes(50 * MINUTE)

    assert invoked(stage) == stage.function.work_done == 1
    assert (await lever.read()).requested == 0


async def test_a_new_version_without_ping_support_gets_one_ping(stage):
    lever = stage.lever()
    await lever.write(20)
    await stage.passes(2 * MINUTE)
    before = invoked(stage)
    stage.function.understands_pings = False
    await stage.passes(50 * MINUTE)
    seen = await lever.read()

    assert invoked(stage) - before == stage.function.work_done == 1
    assert isinstance(seen.blocked, Unsupported)
    assert seen.ready == 0


async def test_a_handler_that_crashes_gets_no_more_pings(stage):
    stage.function.versions["1"].init_fails = True
    with pytest.raises(Unsupported, match=r"agent.*Runtime\.ExitError"):
        await stage.lever().write(20)
    await stage.passes(20 * MINUTE)

    assert invoked(stage) == 1


async def test_a_lever_that_is_only_read_never_pings(stage):
    lever = stage.lever()
    for _ in range(10):
        await lever.read()
        await lever.traits()
        await stage.passes(6 * MINUTE)

    assert stage.mutations() == 0


async def test_after_a_restart_the_target_continues(stage):
    before = stage.lever()
    await before.write(20)
    await stage.passes(2 * MINUTE)
    await before.keeper.close()
    cold = stage.sandbox.hosted("agent").driver.totals.ping_cold_starts
    lever = stage.lever()
    assert isinstance(lever, ResumesTarget)
    first = await lever.read()
    await stage.passes(MINUTE)
    second = await lever.read()

    assert (first.requested, first.ready, first.phase) == (20, 0, Phase.IN_PROGRESS), "nothing is proved yet"
    assert (second.requested, second.ready, second.phase) == (20, 20, Phase.READY)
    assert stage.sandbox.hosted("agent").driver.totals.ping_cold_starts == cold, "all were still warm"


async def test_pings_change_nothing_else(stage):
    lever, before = stage.lever(), stage.rest()
    await lever.write(7)
    await stage.passes(20 * MINUTE)
    await lever.write(0)

    assert stage.rest() == before
    assert set(stage.sandbox.calls.mutating) == {"Invoke"}
    assert {write.qualifier for write in stage.sandbox.calls.writes} == {"live"}
    assert alive(stage, "neighbour") == 0


async def test_throttled_pings_are_repeated(stage):
    lever = stage.lever()
    await lever.write(20)
    await stage.rounds()  # the round's own canary has come back
    stage.sandbox.faults.throttle("Invoke", times=5)
    await stage.passes(MINUTE)
    seen = await lever.read()

    assert stage.sandbox.hosted("agent").driver.totals.pings == invoked(stage) - 5
    assert (seen.ready, seen.blocked, lever.keeper.error) == (20, None, None)


async def test_a_later_failure_is_reported_by_a_read(stage):
    lever = stage.lever()
    await lever.write(5)
    await stage.passes(2 * MINUTE)
    stage.deny_writes()
    await stage.passes(20 * MINUTE)
    seen = await lever.read()

    assert isinstance(seen.blocked, PermissionDenied)
    assert "lambda:InvokeFunction" in str(seen.blocked)
    assert (seen.requested, seen.ready) == (5, 0)


async def test_half_of_a_reservation_stays_for_users(stage):
    stage.function.reserved = 30
    lever = stage.lever()
    facts = await lever.traits()
    with pytest.raises(QuotaExceeded, match="pings may hold 50% of 30, so at most 15 units"):
        await lever.write(16)

    assert facts.allowed == 15
    assert invoked(stage) == 0


async def test_a_lower_target_makes_no_call(stage):
    lever = stage.lever()
    await lever.write(9)
    await stage.passes(MINUTE)
    before = stage.sandbox.calls.reading.total() + stage.sandbox.calls.mutating.total()
    asked = await lever.write(4)

    assert (asked.requested, asked.ready) == (4, 4)
    assert stage.sandbox.calls.reading.total() + stage.sandbox.calls.mutating.total() == before


async def test_a_known_version_gets_no_second_canary(stage):
    lever = stage.lever()
    await lever.write(1)
    await stage.passes(MINUTE)
    await lever.keeper.close()  # no rounds: what is left is the write's own
    before = invoked(stage)
    await lever._prepare(2)
    assert invoked(stage) == before
    stage.function.publish()
    stage.function.aliases["live"] = Alias("live", "2")
    await lever._prepare(3)

    assert invoked(stage) == before + 1


async def test_an_alias_that_another_pool_provisions_has_a_foreign_owner(stage):
    lever, provider = stage.lever(), stage._providers[-1]
    await ProvisionedConcurrency(provisioned_pool(), provider).write(4)
    seen = await lever.read()

    assert "provisioned concurrency (4 units" in seen.foreign_owner


async def test_no_units_are_requested_while_traffic_shifts(stage):
    lever = stage.lever()
    await lever.write(3)
    stage.in_deployment()
    with pytest.raises(Conflict, match="agent"):
        await lever.write(4)


async def test_the_start_time_is_learned_from_cold_pings(stage):
    lever = stage.lever()
    assert (await lever.traits()).init_seconds is None
    await lever.write(5)
    await stage.passes(MINUTE)

    assert (await lever.traits()).init_seconds == pytest.approx(8.0, rel=0.12)


@pytest.mark.parametrize(("field", "value"), [
    ("handler", "mine"), ("handler", "custom"), ("payload", {"a": 1}), ("hold_ms", 0), ("hold_ms", 6000), ("pause", "30s"),
    ("longest_pause", "2h"), ("opted_in", "yes"), ("alias", "$LATEST"), ("token", "x"),
])
def test_settings_that_could_not_work_are_refused(field, value):
    good = {"kind": "lambda-ping", "region": "us-east-1", "function": "agent", "alias": "live", "handler": "stoker"}
    with pytest.raises(ValidationError):
        LambdaPingSettings.model_validate(good | {field: value})


def test_the_resource_excludes_the_ping_settings():
    one, other = ping_pool(handler="stoker").lever, ping_pool(handler="lambda-warmer").lever

    assert one.resource == other.resource
    assert "agent" in one.resource


def users(minutes: int, peak, busy, start=NOON) -> DemandSeries:
    """Return traffic of `peak(minute)` and `busy(minute)` from `start` on, with 10 requests per unit."""
    at = range(minutes)
    peaks, works = np.array([peak(m) for m in at], np.float32), np.array([busy(m) for m in at], np.float32)
    return DemandSeries(minute_of(start), peaks, works, np.ceil(peaks) * 10)


NOISE = np.random.default_rng(11).random(600)
PATTERNS = {
    "now and then": (lambda m: float(NOISE[m] < 0.05), lambda m: 0.02 * (NOISE[m] < 0.05)),
    "a little all the time": (lambda m: 2.0, lambda m: 0.2),
    "in flight at every round": (lambda m: 4.0, lambda m: 3.6),
    "every quarter of an hour": (lambda m: 8.0 * (m % 15 == 0), lambda m: 0.5 * (m % 15 == 0)),
}


@pytest.mark.parametrize("name", PATTERNS)
async def test_pings_add_no_cold_starts_of_users(stage, name):
    """Compare 90 min with pings to a sandbox with the same users and no pings."""
    peak, busy = PATTERNS[name]
    stage.sandbox.add_function("served", users(90, peak, busy))
    lever = stage.lever(resource="served")
    provider = stage._providers[-1]
    (source, _), = provider.sources(demands(ping_pool("served")))
    await lever.write(6)
    since = NOON - timedelta(hours=1)
    for _ in range(30):
        await stage.passes(3 * MINUTE)
        await source.collect(["served"], {"served": since}, stage.clock.now())
        since = stage.clock.now() - 15 * MINUTE
    totals = stage.sandbox.hosted("served").driver.totals

    assert totals.pings > 0
    assert totals.cold_starts <= totals.cold_starts_without
    if name in ("now and then", "every quarter of an hour"):
        assert totals.cold_starts <= 0.5 * totals.cold_starts_without


async def test_learned_demand_excludes_own_pings(stage):
    stage.sandbox.add_function("served", users(120, lambda m: 1.0 * (m % 2), lambda m: 0.1 * (m % 2)))
    lever = stage.lever(resource="served")
    (source, names), = stage._providers[-1].sources(demands(ping_pool("served")))
    await source.collect(["served"], {"served": NOON - timedelta(hours=1)}, NOON)
    await lever.write(20)
    await stage.passes(timedelta(minutes=60))
    told = await source.collect(["served"], {"served": NOON}, stage.clock.now())
    settled = minute_of(stage.clock.now()) - 10
    series = told["served"].series.window(minute_of(NOON), settled)
    real = users(120, lambda m: 1.0 * (m % 2), lambda m: 0.1 * (m % 2)).window(series.first_minute, series.end_minute)
    known = series.known

    assert names == ("served",)
    assert known.sum() > 30
    assert np.abs(series.peak[known] - real.peak[known]).max() == 0.0
    assert np.abs(series.invocations[known] - real.invocations[known]).max() == 0.0
    assert stage.sandbox.hosted("served").driver.totals.pings > 200


async def test_a_new_process_keeps_the_newest_stored_minutes(stage):
    """An earlier process pinged in these minutes and stored their demand without its pings."""
    before = stage.lever()
    await before.write(3)
    await stage.passes(timedelta(minutes=20))
    await before.keeper.close()
    start = stage.clock.now()
    stage.lever()
    (source, _), = stage._providers[-1].sources(demands(ping_pool()))
    stage.sandbox.add_function("companion", users(90, lambda m: 1.0, lambda m: 1.0))
    told = []
    for _ in range(4):
        told.append((await source.collect(["agent"], {"agent": start - 18 * MINUTE}, stage.clock.now()))["agent"].series)
        await stage.passes(10 * MINUTE)

    assert not any(series.window(minute_of(NOON), minute_of(start)).known.any() for series in told)
    assert told[-1].window(minute_of(start), minute_of(start) + 10).peak.tolist() == [0.0] * 10


def test_a_custom_payload_is_sent_unchanged():
    asked = parameters(ping_pool(handler="custom", payload={"ping": [1, 2]}).lever, Ping(3, 20, "mark", 75))

    assert json.loads(asked["Payload"]) == {"ping": [1, 2]}
    assert (asked["InvocationType"], asked["LogType"]) == ("RequestResponse", "Tail")


def test_lambda_warmer_is_never_asked_to_send_pings_on():
    settings = ping_pool(handler="lambda-warmer").lever
    payloads = [json.loads(parameters(settings, Ping(at, 20, "m", 75))["Payload"]) for at in range(20)]

    assert all("concurrency" not in payload and payload["warmer"] is True for payload in payloads)
    assert min(payload["__WARMER_INVOCATION__"] for payload in payloads) == 2, "number 1 is not held"
