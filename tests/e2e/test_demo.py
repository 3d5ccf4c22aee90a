"""The demo end to end: a process of its own, the real daemon in it, boto3 over loopback, and what it says in the end."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.daemons import stoker
from tests.patience import PATIENCE_SECONDS

pytest.importorskip("boto3")

STOKER = ("-m", "controller.cli")
WITHOUT_PRICE_CURVE = """
from controller.cli import main
from controller.demo import runner
runner.price_curve_sentence = lambda *_: ""
main()
"""
SHORT = """
from controller.demo import scenarios
scenarios.PAST_DAYS = 2
""" + WITHOUT_PRICE_CURVE


def demo(*arguments: str, start: tuple[str, ...] = STOKER) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *start, "demo", "--port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


def logged(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "stoker.log").read_text().splitlines()]


def play(folder: Path) -> tuple[subprocess.CompletedProcess[str], Path, Path]:
    """The first fifty minutes of the default play, faster than the machine can go."""
    picture = folder / "last.svg"
    told = demo("--duration", "50m", "--speed", "1200", "--json", "--keep", str(folder), "--picture", str(picture))
    return told, folder, picture


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[subprocess.CompletedProcess[str], Path, Path]:
    return play(tmp_path_factory.mktemp("played"))


def test_the_demo_ends_automatically_and_prints_a_result(played):
    told, _, _ = played

    assert told.returncode == 0, told.stderr
    outcome = json.loads(told.stdout)
    assert set(outcome["pools"]) == {"support-agent", "nightly-reports", "chat"}
    assert outcome["total"]["invocations"] == sum(pool["invocations"] for pool in outcome["pools"].values()) > 500


def test_it_ends_with_what_other_settings_would_cost(played):
    sentence = json.loads(played[0].stdout)["price_curve"]

    assert re.match(r"Backtest of the 4 days before\. AWS target tracking \(70 %\): [\d,]+ cold starts, bill \$[\d.,]+\. "
                    "Stoker at its number of cold starts: ", sentence)


def test_no_tick_is_skipped_at_any_speed(played):
    told, folder, _ = played

    assert all(pool["minutes"] >= 50 for pool in json.loads(told.stdout)["pools"].values())
    assert [event for event in logged(folder) if event["level"] not in ("info", "debug")] == []


def test_cold_starts_are_fewer_than_without_stoker(played):
    total = json.loads(played[0].stdout)["total"]

    assert 0 <= total["cold_starts"] < total["cold_starts_without_stoker"]
    assert total["saved_usd"] == pytest.approx(total["bill_without_stoker_usd"] - total["bill_usd"], abs=2e-4)


def test_a_pool_is_warm_before_its_traffic_starts(played):
    """Dozens start at 09:15, 35 simulated minutes into the play; nothing hints at it but the days before."""
    told, folder, _ = played
    raises = [event for event in logged(folder) if event["event"] == "decision" and event["action"] == "write"
              and event["pool"] == "nightly-reports" and event["target"] > 20]

    assert raises, "nothing was warmed"
    assert datetime.fromisoformat(raises[0]["at"]) < datetime(2026, 3, 3, 9, 13, tzinfo=UTC)
    reports = json.loads(told.stdout)["pools"]["nightly-reports"]
    assert reports["cold_starts"] < reports["cold_starts_without_stoker"] / 4


async def test_the_policy_of_the_demo_is_valid(played):
    code, _, told = await stoker("validate", str(played[1] / "policy.yaml"))

    assert code == 0, told


def test_the_picture_shows_every_pool_and_fetches_nothing(played):
    image = played[2].read_text()

    assert image.lstrip().startswith("<svg")
    assert all(name in image for name in ("support-agent", "nightly-reports", "chat"))
    assert not re.search(r"url\([\"']?https?:", image)


def test_the_same_seed_has_the_same_outcome_and_the_same_decisions_at_any_speed(tmp_path):
    """With a pool for each lever, and a history of 2 days, for learning from 14 takes as long as the play. So does the price
    curve, a pure function of the history: it is left out.
    """
    pytest.importorskip("google.cloud.run_v2")

    def outcome(speed: str, seed: str) -> tuple[dict, list]:
        folder = tmp_path / f"{speed}-{seed}"
        told = demo("--duration", "12m", "--speed", speed, "--seed", seed, "--json", "--keep", str(folder), "--all-levers",
                    start=("-c", SHORT))
        assert told.returncode == 0, told.stderr
        body = json.loads(told.stdout)
        decisions = [{key: value for key, value in event.items() if key != "timestamp"} for event in logged(folder)
                     if event["event"] == "decision"]
        return {key: value for key, value in body.items() if key != "speed"}, sorted(decisions, key=json.dumps)

    first = outcome("3000", "3")
    assert outcome("300", "3") == first
    assert first[1], "something was decided"


def history(path: Path, days: int) -> Path:
    """A recording: twelve at once for the first half of every hour, three otherwise."""
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rows = ["timestamp,invocations,avg_concurrency,max_concurrency"]
    for minute in range(days * 1440):
        at = start + timedelta(minutes=minute)
        peak = 12 if at.minute < 30 else 3
        rows.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{peak * 2},{peak * 0.7:.2f},{peak}")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_recording_is_played_from_the_requested_day(tmp_path):
    recording = history(tmp_path / "hourly agent.csv", 4)
    told = demo("--history", str(recording), "--start-day", "3", "--duration", "1h", "--speed", "3600", "--json")
    assert told.returncode == 0, told.stderr
    outcome = json.loads(told.stdout)

    assert outcome["ended_at"].startswith("2026-01-08T01:0")
    assert outcome["pools"]["hourly-agent"]["invocations"] == pytest.approx(30 * 24 + 30 * 6, rel=0.05)


async def test_a_recording_that_is_too_short_is_refused_with_the_remedy(tmp_path):
    code, _, told = await stoker("demo", "--port", "0", "--history", str(history(tmp_path / "short.csv", 2)), "--start-day", "2")

    assert code == 2
    assert "has 2.0 days" in told
    assert "--start-day to a value from 1 to 1" in told


@pytest.mark.parametrize(("arguments", "named"), [
    (["--history", "nowhere.csv"], "nowhere.csv: the file does not exist"),
    (["--start-day", "3"], "requires --history"),
    (["--duration", "soon"], "'soon' is not a span"),
    (["--duration", "1m"], "between 5m and 28d"),
    (["--speed", "0"], "--speed"),
])
async def test_wrong_input_is_reported_in_one_line_and_changes_nothing(arguments, named):
    code, _, told = await stoker("demo", "--port", "0", *arguments)

    assert code == 2
    assert named in told
    assert "Traceback" not in told


async def test_a_port_in_use_is_reported_with_the_remedy(tmp_path):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, told = await stoker("demo", "--port", str(port))

    assert code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in told


def test_ctrl_c_prints_the_summary_and_the_dashboard_answers_until_then(tmp_path):
    command = [sys.executable, *STOKER, "demo", "--port", "0", "--speed", "60", "--keep", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            lines = []
            while not any("in flight" in line for line in lines):
                lines.append(process.stdout.readline())
                assert lines[-1], "".join(lines)
            url = re.search(r"http://127\.0\.0\.1:\d+", "".join(lines))
            assert url is not None, "the address is told"
            with urllib.request.urlopen(f"{url[0]}/status", timeout=PATIENCE_SECONDS) as answer:  # noqa: S310  (the line above says http)
                status = json.load(answer)
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()

    assert {pool["name"] for pool in status["pools"]} == {"support-agent", "nightly-reports", "chat"}
    assert process.returncode == 0
    assert "without Stoker" in rest
    assert "Traceback" not in rest
