"""Checks of leading signals before use; `tests/e2e/test_doctor.py` runs all checks."""

import pytest

from adapters.demand.settings import HistoryFileSettings
from adapters.ports.diagnostics import Check, Finding, Verdict
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import ManualClock
from config.model.lead import Lead
from controller.preflight.doctor import examine
from tests.builders import NOON, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady
from tests.worlds import policy_of

QUEUE = Lead(source=HistoryFileSettings(kind="history-file", path="/queue.csv"))
TITLE = "lead history-file path=/queue.csv of tool"


class Examined(FakeProviders):
    """Providers with one check of each pool and each signal."""

    def checks(self, pools):
        return [Check(f"check of {pool.name}", lambda name=pool.name: checked(name)) for pool in pools]

    def probes(self, pool):
        return {}


async def checked(name):
    return [Finding("check", name, Verdict.OK, f"{name} is checked")]


async def findings(folder, fault):
    clock, signal = ManualClock(NOON), FakeSource({QUEUE.series: steady(3)})
    fault(signal)
    providers = Examined([(FakeSource({"tool": steady(2)}), ("tool",)), (signal, (QUEUE.series,))], clock)
    policy = policy_of([pool_policy(name="tool", leads=(QUEUE,))])
    return {(each.check, each.subject): each for each in await examine(policy, providers, [], clock, folder, lambda _: None)}


async def test_a_signal_is_checked_as_demand_is(tmp_path):
    found = await findings(tmp_path, lambda _: None)

    assert found["metrics", TITLE].verdict is found["metrics", "tool"].verdict is Verdict.OK
    assert found["check", TITLE].text == f"{TITLE} is checked"


@pytest.mark.parametrize(("error", "text"), [(Unreachable("refused"), "refused"), (None, "metrics are broken or late")])
async def test_a_signal_that_cannot_be_read_is_a_warning(tmp_path, error, text):
    found = await findings(tmp_path, lambda signal: signal.silent.update({QUEUE.series: error}))

    assert found["metrics", TITLE].verdict is Verdict.WARN
    assert found["metrics", TITLE].text == f"{text}; its pools are decided without it"
    assert found["metrics", "tool"].verdict is Verdict.OK
