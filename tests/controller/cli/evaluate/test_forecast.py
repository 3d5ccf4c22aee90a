"""`stoker forecast` from the outside: what it prints and draws, and what it refuses."""

import contextlib
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from adapters.demand.history_times import StampStyle
from adapters.runtime.clock import ManualClock
from controller.cli import main
from controller.daemon.daemon import Daemon
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.store.state_dir import STORE_NAME
from controller.store.state_store import Store
from forecasting import harmonic
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON, observation, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady
from tests.services import ticking, typed
from tests.worlds import policy_of

POLICY = """version: 1
pools:
  - name: agent
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}
    max: 100
    memory_mb: 1024
    init_seconds: 8
"""
MINUTES = 2 * 1440


def demand() -> DemandSeries:
    peak = np.random.default_rng(11).poisson(4 + 3 * np.sin(np.arange(MINUTES) / 229)).astype(np.float32)
    return DemandSeries(minute_of(NOON), peak, peak / 2, peak * 10)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(POLICY)
    series = demand()
    cells = zip(StampStyle().write(series.first_minute, MINUTES), series.peak.tolist(), strict=True)
    rows = [f"{stamp},{10 * peak:.0f},{peak / 2},{peak:.0f}" for stamp, peak in cells]
    (tmp_path / "agent.csv").write_text("\n".join(["timestamp,invocations,avg_concurrency,max_concurrency", *rows]) + "\n")
    return tmp_path


def stoker(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["forecast", *arguments])


def asked(*more: str) -> Result:
    return stoker("agent", "--policy", "policy.yaml", "--history", "agent=agent.csv", "--no-model", *more)


def test_the_text_has_a_table_bars_and_accuracy(folder):
    done = asked("--hours", "3", "--plot", "out.svg")
    assert done.exit_code == 0, done.output
    assert "agent as of 2026-03-04 12:00 UTC" in done.stdout
    assert "12:15" in done.stdout
    assert "target: 90 % between the two" in done.stdout
    assert (folder / "out.svg").read_text().startswith("<svg")


def test_a_forecast_without_the_fitted_model_says_so(folder, monkeypatch):
    monkeypatch.setattr(harmonic, "can_fit", lambda: False)
    done = stoker("agent", "--policy", "policy.yaml", "--history", "agent=agent.csv", "--json")
    assert done.exit_code == 0, done.output
    assert "stoker: warning: the forecast lacks the fitted model: install the wheel with the extra forecast" in done.stderr
    assert json.loads(done.stdout) == json.loads(asked("--json").stdout)


def test_json_has_the_past_day_and_the_hours_ahead(folder):
    done = asked("--hours", "2", "--json", "--at", "2026-03-04T06:00:00Z")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["at"] == told["ahead"]["first"] == "2026-03-04T06:00:00Z"
    assert told["past"]["first"] == "2026-03-03T06:00:00Z"
    assert len(told["past"]["peak"]) == len(told["past"]["expected_peak"]) == len(told["past"]["simulated_requested"]) == 1440
    assert np.array(told["ahead"]["peak"]).shape == (120, len(told["levels"]))


def test_a_model_is_fitted_on_request(folder):
    done = stoker("agent", "--policy", "policy.yaml", "--history", "agent=agent.csv", "--json", "--hours", "1")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["enough_history"] is True


def test_history_recorded_by_a_daemon_is_accepted(folder):
    state = folder / "state"
    state.mkdir()
    with Store(state / STORE_NAME) as store:
        store.save_demand("agent", demand())
    done = stoker("agent", "--policy", "policy.yaml", "--state-dir", "state", "--no-model", "--json", "--hours", "2")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["past"]["simulated_requested"] is None
    assert told["ahead"] == json.loads(asked("--json", "--hours", "2").stdout)["ahead"]


def test_recorded_capacity_is_shown_next_to_recorded_demand(folder):
    state = folder / "state"
    state.mkdir()
    with Store(state / STORE_NAME) as store:
        store.save_demand("agent", demand())
        for hours, requested, wanted in ((30, 0, 2), (35, 2, 2), (40, 2, 5)):
            seen = observation(requested, wanted, now=NOON + timedelta(hours=hours))
            store.record_decision(make_plan(pool_policy(mode="shadow"), PoolState(), seen, GUARDRAILS), {})
    done = stoker("agent", "--policy", "policy.yaml", "--state-dir", "state", "--no-model", "--json", "--hours", "1")
    assert done.exit_code == 0, done.output
    requested = json.loads(done.stdout)["past"]["simulated_requested"]
    assert requested[:359] == [None] * 359
    assert requested[360:959] == [2.0] * 599
    assert requested[960:] == [5.0] * 480


def test_a_store_in_use_is_named_with_what_to_do(folder):
    state = folder / "state"
    state.mkdir()
    with Store(state / STORE_NAME) as store:
        store.save_demand("agent", demand())
        done = stoker("agent", "--policy", "policy.yaml", "--state-dir", "state", "--no-model")
    assert done.exit_code == 1
    assert "in use by another Stoker" in done.stderr


@pytest.mark.parametrize(("arguments", "complaint"), [
    (("agnet", "--history", "agent=agent.csv"), "did you mean agent?"),
    (("agent", "--url", "http://127.0.0.1:9", "--at", "2026-03-04T06:00:00Z"), "a running daemon forecasts from now only"),
    (("agent", "--url", "ftp://x"), "give http://HOST:PORT"),
    (("agent", "--history", "agent=agent.csv", "--state-dir", "state"), "give one source of history for agent"),
    (("agent", "--history", "agent.csv"), "write it as POOL=FILE"),
    (("agent", "--history", "agent=none.csv"), "none.csv: the file does not exist"),
    (("agent", "--history", "other=agent.csv"), "add --history agent=FILE"),
    (("agent", "--history", "agent=agent.csv", "--plot", "out.png"), ".html or .svg"),
    (("agent", "--history", "agent=agent.csv", "--at", "2027-01-01T00:00:00Z"), "covers"),
    (("agent", "--history", "agent=agent.csv", "--at", "noon"), "--at: 'noon' is not a timestamp"),
    (("agent", "--history", "agent=agent.csv", "--hours", "50"), "0.25<=x<=24"),
    (("agent", "--state-dir", "nowhere"), "no such file"),
])
def test_wrong_input_is_named_and_nothing_is_written(folder, arguments, complaint):
    before = sorted(folder.iterdir())
    done = stoker(*arguments, "--policy", "policy.yaml")
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert sorted(folder.iterdir()) == before


def test_an_unwritable_plot_is_a_failure(folder):
    done = asked("--plot", "no/where.svg")
    assert done.exit_code == 1
    assert "no/where.svg: cannot be written" in done.stderr


@contextlib.asynccontextmanager
async def daemon(state: Path):
    """One that runs on a day and a half of demand."""
    clock = ManualClock(NOON)
    providers = FakeProviders([(FakeSource({"agent": steady(6)}, history=timedelta(hours=36)), ("agent",))], clock)
    service = Daemon(policy_of([pool_policy()]), providers, clock, state, port=0)
    async with ticking(service):
        yield service


async def test_a_running_daemon_is_called(folder):
    async with daemon(folder / "state") as service:
        by_url = await typed("forecast", "agent", "--url", service.url, "--json", "--hours", "2")
        by_store = await typed("forecast", "agent", "--policy", "policy.yaml", "--state-dir", "state", "--hours", "2",
                               "--plot", "out.svg")
        unknown = await typed("forecast", "nobody", "--url", service.url)

    assert by_url.exit_code == 0, by_url.output
    told = json.loads(by_url.stdout)
    assert told["past"]["peak"][-1] == told["ahead"]["peak"][0][1] == 6.0
    assert by_store.exit_code == 0, by_store.output
    assert "agent as of 2026-03-02 11:59 UTC: peak demand of the last 24 hours" in by_store.stdout
    assert "Planned targets if demand follows the forecast (UTC): -" in by_store.stdout
    assert (folder / "out.svg").read_text().startswith("<svg")
    assert (unknown.exit_code, "no pool called 'nobody'" in unknown.stderr) == (1, True)


async def test_a_stopped_daemon_is_not_called(folder):
    async with daemon(folder / "state"):
        pass
    done = stoker("agent", "--policy", "policy.yaml", "--state-dir", "state", "--no-model", "--hours", "1")

    assert done.exit_code == 0, done.output
    assert "agent as of 2026-03-02" in done.stdout
