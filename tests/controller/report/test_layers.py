"""A pool with layers in the report: changes of the base and of the pings apart, and pings as a part of the bill."""

import pytest

from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from controller.report.body import body_of
from controller.report.day_chart import day_charts
from controller.report.text import text_of
from tests.builders import NOON, pool_policy
from tests.controller.report.stores import DAY, GOOD, MINUTE, filled, plan, reason, reported
from tests.services import PINGS

LAYERED = pool_policy(mode="shadow", top=PINGS)
BOTH = (plan(NOON - DAY, target=5), plan(NOON - DAY + MINUTE, target=7, requested=0, pool="agent:pings"),
        plan(NOON - DAY + 9 * MINUTE, target=9, requested=7, pool="agent:pings"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stoker.db"


def test_the_changes_of_each_layer_are_shown_apart(path):
    report = reported(filled(path, plans=BOTH), LAYERED)
    text = " ".join(text_of(report).split())

    assert "base: Stoker would have made 1 change; lowest target 5, highest 5" in text
    assert "pings: Stoker would have made 2 changes; lowest target 7, highest 9" in text
    assert [pool.name for pool in report.pools] == ["agent"]


def test_the_chart_says_that_it_has_the_base_only(path):
    report = reported(filled(path, plans=BOTH), LAYERED, pool_policy(mode="shadow"))
    layered, plain = (day_charts(pool) for pool in report.pools)

    assert "simulated capacity, requested of the base (without pings)" in layered
    assert "pings" not in plain


def test_the_bill_of_pings_is_a_part_of_the_bill(path):
    report = reported(filled(path, plans=BOTH, accounts=GOOD | {"ping_usd": 0.5}), LAYERED)
    (row,) = [line.split() for line in text_of(report).splitlines() if "Pings, part of the bill" in line]
    body = body_of(report)["pools"][0]

    assert row[-3:] == ["$2.00", "-", "-"]  # 4 days
    assert body["simulated_bill_usd"] == 4.0
    assert {key: body[f"simulated_pings_{key}"] for key in ("usd", "changes", "lowest_target", "highest_target")} == {
        "usd": 2.0, "changes": 2, "lowest_target": 7, "highest_target": 9}


def test_pings_that_hold_because_of_an_error_are_an_error_of_the_pool(path):
    away = plan(NOON - MINUTE, Action.HOLD, pool="agent:pings", reasons=[reason(ReasonCode.CAPACITY_UNKNOWN)])
    report = reported(filled(path, plans=(*BOTH, away)), LAYERED)
    errors = next(check for check in report.pools[0].gate.checks if check.key == "errors")

    assert (errors.met, errors.value) == (False, 1)


def test_a_pool_with_one_lever_has_no_line_about_pings(path):
    report = reported(filled(path, plans=BOTH))
    assert "pings" not in text_of(report).lower()
    assert not [key for key in body_of(report)["pools"][0] if "pings_" in key and "during" not in key]
