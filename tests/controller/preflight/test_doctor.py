"""Checks of leading signals before use; `tests/e2e/test_doctor.py` runs all checks."""

import pytest

from adapters.demand.settings import HistoryFileSettings
from adapters.ports.diagnostics import Check, Finding, Verdict
from adapters.ports.errors import Unreachable, Unsupported
from adapters.push.demand_source import PushDemand
from adapters.push.settings import PushSettings
from adapters.runtime.clock import ManualClock
from config.model.lead import Lead
from controller.preflight.doctor import examine, metric_findings
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


async def test_a_failing_check_of_a_signal_is_a_warning_and_of_a_pool_a_failure(tmp_path, monkeypatch):
    async def failing(name):
        return [Finding("demand", name, Verdict.FAIL, "no row since 12:00 UTC")]
    monkeypatch.setattr(f"{__name__}.checked", failing)
    found = await findings(tmp_path, lambda _: None)

    assert (found["demand", "tool"].verdict, found["demand", TITLE].verdict) == (Verdict.FAIL, Verdict.WARN)
    assert found["demand", TITLE].text == "no row since 12:00 UTC; its pools are decided without it"


async def test_a_check_that_fails_is_a_warning_where_it_reads_signals_only(tmp_path, monkeypatch):
    async def refused(name):
        raise Unreachable("refused")
    monkeypatch.setattr(f"{__name__}.checked", refused)
    found = await findings(tmp_path, lambda _: None)

    assert found["answer", "check of tool"].verdict is Verdict.FAIL
    assert found["answer", f"check of {TITLE}"].verdict is Verdict.WARN


async def test_a_silent_signal_is_not_remedied_by_a_setting_of_pools(tmp_path):
    def quiet(signal):
        signal.traffic[QUEUE.series] = lambda _: float("nan")
        signal.quiet[QUEUE.series] = "nothing runs, or metrics are missing"
    found = await findings(tmp_path, quiet)

    assert found["metrics", TITLE].verdict is Verdict.WARN
    assert found["metrics", TITLE].remedy == "correct the lead, unless it was idle"


async def test_an_error_names_its_signal_once(tmp_path):
    error = Unreachable(f"pool {QUEUE.series}: the file does not exist")
    found = await findings(tmp_path, lambda signal: signal.silent.update({QUEUE.series: error}))

    assert found["metrics", TITLE].text == "the file does not exist; its pools are decided without it"


@pytest.mark.parametrize(("refused", "subject", "other"), [(QUEUE.series, TITLE, "tool"), ("tool", "tool", TITLE)])
async def test_a_source_that_cannot_be_made_is_a_finding(tmp_path, monkeypatch, refused, subject, other):
    made = Examined.sources

    def sources(self, pools):
        if refused in {pool.name for pool in pools}:
            raise Unsupported("needs a library, which is not installed")
        return made(self, pools)
    monkeypatch.setattr(Examined, "sources", sources)
    found = await findings(tmp_path, lambda _: None)

    assert found["library", subject].verdict is Verdict.FAIL
    assert ("metrics", subject) not in found
    assert found["metrics", other].verdict is Verdict.OK


async def test_pushed_demand_alone_is_not_checked_because_only_a_daemon_receives_reports():
    clock = ManualClock(NOON)
    push = PushDemand({"tool": PushSettings(kind="push")}, clock, {})
    (found,) = await metric_findings(push, ["tool"], clock)

    assert found.verdict is Verdict.UNCHECKED
    assert "stoker status" in found.remedy
