from dataclasses import replace

import pytest
import structlog.testing

from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.fleet.decision_log import DecisionLog, is_worth_recording
from tests.builders import NOON
from tests.services import layers, serving


class Kept:
    def __init__(self):
        self.batches = []

    async def save_decisions(self, batch):
        self.batches.append(list(batch))


def plan(action=Action.KEEP, code=ReasonCode.PROPOSED, text="said"):
    return Plan("a", NOON, action, 5, 5, 5, None, (Reason(code, text),), PoolState())


KEEP, WRITE = plan(), plan(Action.WRITE)
UNREAD = plan(Action.HOLD, ReasonCode.NOT_READ)
BLOCKED, MISSING = plan(Action.HOLD, ReasonCode.BLOCKED), plan(Action.HOLD, ReasonCode.METRICS_MISSING)


@pytest.mark.parametrize(("now", "before", "worth"), [
    (WRITE, None, True), (WRITE, WRITE, True), (KEEP, None, False), (KEEP, KEEP, False), (KEEP, WRITE, False),
    (BLOCKED, None, True), (BLOCKED, BLOCKED, False), (MISSING, BLOCKED, True), (BLOCKED, WRITE, True), (KEEP, BLOCKED, True),
    (UNREAD, None, False), (UNREAD, BLOCKED, False), (BLOCKED, UNREAD, True), (KEEP, UNREAD, False),
])
def test_plans_that_change_something_are_recorded(now, before, worth):
    assert is_worth_recording(now, before) is worth


async def test_one_line_and_one_record_for_each_decision():
    kept = Kept()
    journal = DecisionLog(kept)
    with structlog.testing.capture_logs() as lines:
        await journal.note([(WRITE, None, {"freshness": "fresh"}), (KEEP, None, {}), (replace(BLOCKED, pool="b"), KEEP, {})])

    told = [(line["pool"], line["action"], line["log_level"]) for line in lines]
    assert told == [("a", "write", "info"), ("b", "hold", "warning")]
    assert len(kept.batches) == 1
    assert [inputs for _, inputs in kept.batches[0]] == [{"freshness": "fresh"}, {}]
    assert journal.counts == {("write", "proposed"): 1, ("hold", "blocked"): 1}
    assert set(journal.last_change) == {"a", "b"}


async def test_nothing_is_logged_before_it_is_stored():
    class Full:
        async def save_decisions(self, batch):
            raise OSError("disk full")
    journal = DecisionLog(Full())
    with structlog.testing.capture_logs() as lines, pytest.raises(OSError, match="disk full"):
        await journal.note([(WRITE, None, {})])

    assert (lines, journal.counts) == ([], {})


async def test_a_line_has_no_secret():
    key = "AKIA" + "ABCDEFGH12345678"
    with structlog.testing.capture_logs() as lines:
        await DecisionLog(Kept()).note([(plan(Action.WRITE, text=f"refused for {key}"), None, {})])

    assert key not in lines[0]["text"]
    assert "refused" in lines[0]["text"]


async def test_a_line_has_the_mode_of_its_pool(tmp_path):
    with structlog.testing.capture_logs() as logs:
        async with serving(tmp_path, each={"b": {"mode": "shadow"}}):
            pass

    decisions = [(line["pool"], line["mode"], line["action"]) for line in logs if line["event"] == "decision"]
    assert sorted(decisions) == [("a", "active", "write"), ("b", "shadow", "would-write")]


async def test_a_line_of_the_pings_above_a_base_has_their_own_name_and_numbers(tmp_path):
    with structlog.testing.capture_logs() as logs:
        async with layers(tmp_path) as here:
            await here.ticks(3)

    (line,) = [line for line in logs if line["event"] == "decision" and line["pool"] == "a:pings"]
    assert {key: line[key] for key in ("mode", "action", "target", "actual_requested")} == {
        "mode": "active", "action": "write", "target": 5, "actual_requested": 0}
    assert "5 - 1 of the base = 4" in line["text"]
