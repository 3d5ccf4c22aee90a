"""A setting that a stack owns: lowered to 1 where the policy says so, and not deleted without a word where it does not."""

import numpy as np
import pytest
import structlog

from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.clouds import Clouds

DELETE, PUT = "DeleteProvisionedConcurrencyConfig", "PutProvisionedConcurrencyConfig"


def busy_then_idle() -> DemandSeries:
    """Four days of two at once, idle for the last hours and to come."""
    peak = np.full(4 * 1440 + 240, 2.0, np.float32)
    peak[4 * 1440 - 300:] = 0.0
    return DemandSeries(minute_of(NOON) - 4 * 1440, peak, peak / 2, peak * 10)


class Stack(Clouds):
    """An alias whose provisioned concurrency of 5 a stack has set."""

    def __init__(self, folder, **changes) -> None:
        super().__init__(folder, 0, history=busy_then_idle(), only=("agent",), **changes)
        self.function.capacity("live").put(5, self.aws.now_ms(), 0, init_fails=False)
        self.aws.add_function("beside", busy_then_idle())


async def test_at_a_target_of_zero_the_setting_is_lowered_to_one_and_kept(tmp_path):
    async with Stack(tmp_path, keep_setting=True) as stack:
        await stack.minutes(40)
        plan = stack.fleet.plans["agent"]

        assert [write.value for write in stack.aws.calls.accepted(PUT)][-1] == 1
        assert stack.aws.calls.accepted(DELETE) == []
        assert stack.function.capacity("live").requested == 1
        assert (plan.action, plan.target) == (Action.KEEP, 1)
        assert ReasonCode.SETTING_KEPT in [reason.code for reason in plan.reasons]


async def test_a_deletion_is_announced_in_the_plan_and_logged_once_before(tmp_path):
    async with Stack(tmp_path) as stack:
        with structlog.testing.capture_logs() as lines:
            await stack.minutes(40)
        written = [line for line in lines if line["event"] in ("deletes-setting", "decision")]
        said = [line["text"] for line in lines if line["event"] == "deletes-setting"]

        assert stack.aws.calls.accepted(DELETE) != []
        assert len(said) == 1
        assert "CloudFormation" in said[0]
        assert "keep_setting: true" in said[0]
        assert written.index(next(line for line in written if line["event"] == "deletes-setting")) < written.index(
            next(line for line in written if line["event"] == "decision" and line["target"] == 0))


@pytest.mark.parametrize("changes", [{"mode": "shadow"}, {"keep_setting": True}])
async def test_without_a_deletion_nothing_is_logged(tmp_path, changes):
    async with Stack(tmp_path, **changes) as stack:
        with structlog.testing.capture_logs() as lines:
            await stack.minutes(40)

        assert "deletes-setting" not in [line["event"] for line in lines]
        assert stack.aws.calls.accepted(DELETE) == []
        told = ReasonCode.DELETES_SETTING in [reason.code for reason in stack.fleet.plans["agent"].reasons]
        assert not told or changes == {"mode": "shadow"}


async def test_a_setting_that_stoker_created_is_removed_without_a_log_line(tmp_path):
    async with Clouds(tmp_path, 0, history=busy_then_idle(), only=("agent",)) as clouds:
        clouds.aws.add_function("beside", busy_then_idle())
        await clouds.minutes(3)
        each = clouds.fleet.reconcilers["agent"]
        plan = each.plan(clouds.fleet.view("agent", clouds.clock.now()), clouds.clock.now()).plan

        assert each.state.original_requested == 0
        assert ReasonCode.DELETES_SETTING not in [reason.code for reason in plan.reasons]
