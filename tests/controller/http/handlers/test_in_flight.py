"""Reports over real HTTP: a rise is planned before the next tick, within the limits of the policy."""

import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import structlog

from adapters.aws.settings import LambdaPingSettings
from adapters.ports.reports import Report
from adapters.push.demand_source import PushDemand
from adapters.runtime.clock import ManualClock
from controller.decision.planning.record.decision_record import inputs_body, plan_body, replayed
from controller.fleet import nudges
from controller.http.handlers.in_flight import report_of
from controller.http.responses import BadRequest
from tests.builders import NOON, PUSHED
from tests.fakes import steady
from tests.services import TOKEN, serving

TOP = LambdaPingSettings(kind="lambda-ping", region="us-east-1", function="a", alias="live", handler="stoker", opted_in=True)
PATH = "/v1/pools/a/in-flight"
SECOND = timedelta(seconds=1)


class Pushed:
    """A service with pushed demand of pools `a` and `b`, each from one sender."""

    def __init__(self, here, source):
        self.here, self.source, self.sequence, self.levels = here, source, 0, {}

    async def post(self, in_flight, pool="a", **more):
        self.sequence += 1
        self.levels[pool] = in_flight
        body = {"sender": f"{pool}-1", "sequence": self.sequence, "in_flight": in_flight} | more
        status, reply, _ = await self.here.ask("POST", f"/v1/pools/{pool}/in-flight", TOKEN, json=body)
        assert status == 200, reply
        await self.here.steps()
        return reply

    async def minutes(self, count, **levels):
        """Report every 10 s and tick at the end of each minute."""
        self.levels |= levels
        for _ in range(count):
            for _ in range(6):
                for pool, level in self.levels.items():
                    self.sequence += 1
                    self.source.accept(pool, Report(f"{pool}-1", self.sequence, in_flight=level))
                await self.here.clock.advance(10 * SECOND)
            await self.here.service.runtime.tick.run()

    def writes(self, pool="a"):
        return list(self.here.levers[pool].writes)


@asynccontextmanager
async def pushed(folder, **changes):
    clock = ManualClock(NOON)
    source = PushDemand(dict.fromkeys("ab", PUSHED), clock)
    async with serving(folder, clock, source=source, traffic={"a": steady(0), "b": steady(0)}, **changes) as here:
        made = Pushed(here, source)
        await made.minutes(5, a=2, b=1)
        await here.steps()
        await here.clock.advance(5 * SECOND)
        yield made


async def test_a_rise_is_written_before_the_next_tick_and_its_record_is_repeated(tmp_path):
    async with pushed(tmp_path) as made:
        assert made.writes() == [2]
        assert (await made.post(9))["pool_peak"] == 9

        assert (made.writes(), made.writes("b")) == ([2, 9], [1])
        _, why, _ = await made.here.ask("GET", "/v1/pools/a/why")
        assert [reason["code"] for reason in why["record"]["reasons"]][:3] == ["proposed", "short-history", "in-flight"]
        assert "9 in flight in the current minute, 2 in the last known one: the rules ask for 9" in why["record"]["text"]
        recorded, again = replayed(why["record"])
        assert recorded == again
        assert json.loads(again)["target"] == 9


async def test_the_next_rise_is_planned_2_s_after_the_last_look(tmp_path):
    async with pushed(tmp_path) as made:
        await made.post(9)
        await made.post(12)
        await made.post(11)
        assert made.writes() == [2, 9]
        await made.here.clock.advance(nudges.EVERY_SECONDS * SECOND)
        await made.here.steps()

        assert made.writes() == [2, 9, 12]


async def test_a_fall_within_the_minute_lowers_nothing(tmp_path):
    async with pushed(tmp_path) as made:
        await made.post(0)
        await made.here.clock.advance(5 * SECOND)
        await made.here.service.runtime.tick.run()

        assert made.writes() == [2]


async def test_from_tick_to_tick_a_pool_is_raised_once_by_max_step_up(tmp_path):
    async with pushed(tmp_path, max_step_up=3) as made:
        for _ in range(3):
            await made.post(20 + len(made.writes()))
            await made.here.clock.advance(3 * SECOND)
            await made.here.steps()
        assert made.writes() == [2, 5]
        await made.minutes(1, a=20)

        assert made.writes() == [2, 5, 8]


async def test_the_ceiling_limits_a_rise(tmp_path):
    async with pushed(tmp_path, max=6) as made:
        await made.post(50)

        assert made.writes() == [2, 6]


async def test_reports_start_a_limited_number_of_steps_from_tick_to_tick(tmp_path, monkeypatch):
    monkeypatch.setattr(nudges, "MOST_NUDGES", 1)
    async with pushed(tmp_path) as made:
        await made.post(9)
        await made.post(9, pool="b")
        assert (made.writes(), made.writes("b")) == ([2, 9], [1])
        await made.minutes(1)

        assert made.writes("b") == [1, 9]


async def test_shadow_plans_a_rise_and_writes_nothing(tmp_path):
    async with pushed(tmp_path, mode="shadow") as made:
        await made.post(9)

        assert made.here.components.fleet.plans["a"].target == 9
        assert made.writes() == []


async def test_a_pool_whose_provider_hangs_delays_no_rise_of_another(tmp_path):
    async with pushed(tmp_path) as made:
        made.here.levers["a"].hanging.add("write")
        body = {"sender": "a-1", "sequence": 10_000, "in_flight": 9}
        await made.here.ask("POST", PATH, TOKEN, json=body)
        await made.here.ask("POST", "/v1/pools/b/in-flight", TOKEN, json=body | {"sender": "b-1"})
        await made.here.clock.advance(SECOND)
        while made.writes("b") != [1, 9]:
            await made.here.clock.advance(timedelta(0))

        made.here.components.fleet.stepping["a"].cancel()


async def test_a_fault_in_a_look_refuses_no_report(tmp_path):
    async with pushed(tmp_path) as made:
        def broken(*_, **__):
            raise RuntimeError("ours")

        made.here.components.fleet.reconcilers["a"].plan = broken
        assert (await made.post(9))["applied"]


async def test_a_silent_sender_lowers_nothing(tmp_path):
    async with pushed(tmp_path) as made:
        await made.minutes(5, a=8)
        assert made.writes()[-1] == 8
        del made.levels["a"]
        await made.minutes(70)
        _, pool, _ = await made.here.ask("GET", "/v1/pools/a")

        assert made.writes()[-1] == 8
        assert "a-1 stopped reporting without a final report" in pool["error"]


async def test_a_pushed_minute_is_used_once_it_has_ended(tmp_path):
    async with pushed(tmp_path) as made:
        await made.minutes(12, a=3)
        collector = made.here.components.fleet.region_of["a"].collector
        assert collector.metric_delay == timedelta(minutes=1)
        now = made.here.clock.now()

        assert collector.freshness("a", now)[1] < timedelta(seconds=10)
        assert collector.known_end_minute(now) == int(now.timestamp() // 60)


async def test_a_repeat_changes_nothing(tmp_path):
    async with pushed(tmp_path) as made:
        body = {"sender": "a-2", "sequence": 1, "ended": 0, "started": 4}
        first, again = [(await made.here.ask("POST", PATH, TOKEN, json=body))[1] for _ in range(2)]

        assert (first["applied"], first["in_flight"], first["pool_peak"]) == (True, 4, 6)
        assert again == first | {"applied": False}


@pytest.mark.parametrize(("body", "text"), [
    ("nonsense", "invalid JSON"),
    ("[]", "must be a JSON object"),
    ('{"sender": "a", "sequence": 1, "in_flght": 1}', "unknown key 'in_flght'"),
    ('{"sender": "a b", "sequence": 1, "in_flight": 1}', "sender: a name"),
    ('{"sender": "a", "in_flight": 1}', "sequence: a number that rises"),
    ('{"sender": "a", "sequence": 1}', "send either in_flight"),
    ('{"sender": "a", "sequence": 1, "in_flight": 1, "ended": 1}', "send either in_flight"),
    ('{"sender": "a", "sequence": 1, "in_flight": -1}', "in_flight: a whole number"),
    ('{"sender": "a", "sequence": 1, "in_flight": 1, "final": true}', "a final report has in_flight 0"),
    ('{"sender": "a", "sequence": 1, "in_flight": 0, "final": 1}', "final: true or false"),
])
def test_a_wrong_report_names_what_is_allowed(body, text):
    with pytest.raises(BadRequest) as raised:
        report_of(body.encode())

    assert text in raised.value.reason


def test_a_whole_number_may_be_written_as_a_fraction():
    assert report_of(b'{"sender": "a", "sequence": 1.0, "in_flight": 3.0}').in_flight == 3


async def test_a_pool_with_another_source_refuses_reports_with_the_remedy(tmp_path):
    async with serving(tmp_path) as here:
        status, reply, _ = await here.ask("POST", PATH, TOKEN, json={"sender": "a", "sequence": 1, "in_flight": 1})
        assert (await here.ask("POST", PATH, json={}))[0] == 401

    assert (status, "set `demand: {kind: push}` in the policy" in reply["error"]) == (403, True)


async def test_too_many_senders_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.push.inbox.MOST_SENDERS", 0)
    source = PushDemand(dict.fromkeys("ab", PUSHED), ManualClock(NOON))
    async with serving(tmp_path, source=source) as here:
        status, reply, _ = await here.ask("POST", PATH, TOKEN, json={"sender": "a", "sequence": 1, "in_flight": 1})

    assert (status, "let one sender report for several processes" in reply["error"]) == (429, True)


async def test_pings_above_a_base_rise_before_the_next_tick_and_their_record_is_repeated(tmp_path):
    async with pushed(tmp_path, top=TOP) as made:
        pings = made.here.levers["a:pings"]
        assert (made.writes(), pings.writes) == ([], [3])
        await made.post(9)
        await made.post(0)

        assert (made.writes(), pings.writes) == ([], [3, 10])
        plan, inputs = made.here.components.fleet.plans["a:pings"], made.here.components.fleet.inputs["a:pings"]["decision"]
        assert plan.text.startswith("9 in flight in the current minute, which maxima include: 9 units in total")
        recorded, again = replayed(json.loads(json.dumps({**plan_body(plan), "inputs": inputs_body(inputs)})))
        assert recorded == again


async def test_pings_rise_after_the_step_of_their_base_and_within_the_ceiling_of_both(tmp_path):
    async with pushed(tmp_path, top=TOP, min=2, max=8) as made:
        await made.post(20)
        await made.here.steps()

        assert made.writes()[-1] + made.here.levers["a:pings"].writes[-1] == 8
        assert made.here.levers["a:pings"].writes[-1] > 1


async def test_silent_senders_are_counted_and_logged_once(tmp_path):
    async with pushed(tmp_path) as made:
        with structlog.testing.capture_logs() as logged:
            del made.levels["b"]
            await made.minutes(3)
            _, page, _ = await made.here.get("/metrics")
            await made.minutes(2, b=1)
        _, after, _ = await made.here.get("/metrics")

    assert 'stoker_push_senders{pool="b",mode="active",state="silent"} 1.0' in page.decode()
    assert 'stoker_push_senders{pool="a",mode="active",state="reporting"} 1.0' in page.decode()
    assert 'stoker_push_senders{pool="b",mode="active",state="silent"} 0.0' in after.decode()
    assert [(each["event"], each["total"]) for each in logged if each["event"].startswith("senders-")] == [
        ("senders-silent", 1), ("senders-reporting", 1)]
