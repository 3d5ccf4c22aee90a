"""No traffic, late metrics and broken metrics are distinguished, and logged once per outage."""

import json

import pytest

from adapters.ports.errors import Unreachable
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.record.decision_record import inputs_body, plan_body, replayed
from tests.fakes import steady
from tests.services import serving

DOWN = Unreachable("monitoring does not answer")


def entry(body, name="a"):
    return next(pool for pool in body["pools"] if pool["name"] == name)


async def test_no_traffic_is_distinguished_from_late_and_broken_metrics(tmp_path):
    async with serving(tmp_path, traffic={"a": steady(3), "idle": steady(0), "late": steady(3), "down": steady(3)}) as here:
        await here.ticks(2)
        here.source.traffic["late"] = lambda _: float("nan")
        here.source.silent["down"] = None
        await here.ticks(15)
        _, body, _ = await here.ask("GET", "/status")

        assert {pool["name"]: pool["traffic"] for pool in body["pools"]} == {
            "a": "live", "idle": "none", "late": "late", "down": "broken"}
        assert {pool["metrics_missing_since"] for pool in body["pools"]} == {None}


async def test_a_pool_without_metrics_is_reported_once_and_not_lowered(tmp_path, capsys):
    async with serving(tmp_path, min=1) as here:
        await here.ticks(2)
        here.source.broken = DOWN
        await here.ticks(75)
        status, ready, _ = await here.ask("GET", "/readyz")
        _, body, _ = await here.ask("GET", "/status")
        fleet = here.components.fleet
        plan, decision = fleet.plans["a"], fleet.inputs["a"]["decision"]
        async with here.session.get(here.service.url + "/metrics") as answer:
            metrics = await answer.text()
        here.source.broken = None
        await here.ticks(3)

        output = capsys.readouterr().out
        assert (status, entry(body)["traffic"]) == (503, "broken")
        assert entry(body)["metrics_missing_since"].startswith("2026-03-02T12:0")
        assert any(reason.startswith("a: metrics missing since 2026-03-02 12:0") for reason in ready["reasons"])
        assert 'stoker_pool_metrics_missing{pool="a",mode="active"} 1.0' in metrics
        assert plan.reasons[0].code is ReasonCode.METRICS_MISSING_LONG
        assert "metrics missing since 2026-03-02 12:0" in plan.text
        assert plan.target == 3
        assert here.levers["a"].writes == [3]
        assert output.count("metrics are missing for longer than missing_metrics_limit") == 1
        assert output.count("metrics-recovered") == 1
        stored, again = replayed(json.loads(json.dumps({**plan_body(plan), "inputs": inputs_body(decision)})))
        assert stored == again


@pytest.mark.parametrize("rule", ["hold", "floor", "forecast"])
async def test_no_rule_lowers_a_pool_without_metrics(tmp_path, rule):
    async with serving(tmp_path, on_missing_metrics=rule) as here:
        await here.ticks(2)
        here.source.broken = DOWN
        await here.ticks(150)

        assert here.levers["a"].writes == [3]


async def test_capacity_that_was_never_read_is_reported_and_not_counted_as_zero(tmp_path):
    async with serving(tmp_path) as here:
        here.levers["a"].failing["read"] = DOWN
        here.components.fleet.reconcilers["a"].capacity = None
        await here.ticks(20)
        status, ready, _ = await here.ask("GET", "/readyz")
        account = here.components.accounts.each[0]
        account.today[:] = 0
        await here.ticks(5)
        _, body, _ = await here.ask("GET", "/status")

        assert status == 503
        assert any("capacity has never been read: monitoring does not answer" in reason for reason in ready["reasons"])
        assert entry(body)["actual_bill_today_usd"] == 0
        assert entry(body, "b")["actual_bill_today_usd"] > 0


async def test_a_pool_named_like_a_secret_is_shown(tmp_path):
    async with serving(tmp_path, traffic={"token-issuer": steady(3)}) as here:
        await here.ticks(2)
        _, ready, _ = await here.ask("GET", "/readyz")

        assert ready["pools"]["token-issuer"]["data_age_seconds"] is not None
