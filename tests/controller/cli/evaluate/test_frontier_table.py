"""`stoker backtest --frontier` in the terminal: settings, chart and sentences, complete at 80 columns."""

import json

import pytest

from tests.controller.cli.evaluate.test_backtest import POLICY, POOL, folder, record, stoker

__all__ = ["folder"]


@pytest.fixture
def wide(monkeypatch):
    """A terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")


def test_the_frontier_shows_settings_chart_and_comparison_at_80_columns(folder, wide):
    done = stoker("--history", "agent=agent.csv", "--frontier", "--json", "out.json")
    assert done.exit_code == 0, done.output
    points = json.loads((folder / "out.json").read_text())["pools"]["agent"]["frontier"]

    assert len(points) >= 7
    assert [point["setting"] for point in points if point["factor"] == 1] == [{"cold_start_cost_usd": 0.05}]
    for point in points:
        assert f"cold_start_cost_usd: {point['setting']['cold_start_cost_usd']:g}".ljust(10) in done.stdout
        assert f" {point['cold_starts']:,} " in done.stdout
        assert f" {point['bill_usd']:,.2f} " in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
    assert "…" not in done.stdout
    text = " ".join(done.stdout.split())
    assert "S: Stoker with the policy's setting" in text
    assert "T: AWS target tracking (70 %)" in text
    assert "Stoker at its number of cold starts: " in text
    assert "At its bill: " in text


def test_a_comparison_names_settings_for_lost_cold_starts_without_the_table(folder, wide):
    done = stoker("--history", "agent=agent.csv", "--compare", "--json", "out.json")
    pool = json.loads((folder / "out.json").read_text())["pools"]["agent"]
    lost = [name for name, bill in pool["peers"].items() if bill["cold_starts"] < pool["stoker"]["cold_starts"]]
    text = " ".join(done.stdout.split())

    assert lost
    assert "To match " in text or "No replayed setting matches " in text
    assert "USD per cold" not in text


def test_a_plain_backtest_replays_one_setting(folder):
    done = stoker("--history", "agent=agent.csv", "--json", "out.json")

    assert done.exit_code == 0
    assert "frontier" not in json.loads((folder / "out.json").read_text())["pools"]["agent"]


def test_pools_with_different_objectives_have_a_frontier_of_multiples(folder, wide):
    rate = POOL.replace("NAME", "chat") + "    objective: {warm_hit_rate: 0.99}\n"
    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent") + rate)
    record(folder / "chat.csv", 2 * 1440)
    done = stoker("--history", "agent=agent.csv", "--history", "chat=chat.csv", "--frontier", "--json", "out.json")
    figures = json.loads((folder / "out.json").read_text())

    assert done.exit_code == 0, done.output
    assert [point["setting"] for point in figures["total"]["frontier"]] == [None] * 7
    own = next(point for point in figures["total"]["frontier"] if point["factor"] == 1)
    assert own["cold_starts"] == figures["total"]["stoker"]["cold_starts"]
    assert own["bill_usd"] == pytest.approx(figures["total"]["stoker"]["cost_usd"]["bill"])
    assert "each pool's price × 2.5" in done.stdout
    assert "…" not in done.stdout
