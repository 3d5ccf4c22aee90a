"""`stoker tune` from the outside: what it recommends, what it writes, and what it refuses without touching the file."""

import json

import pytest
from click.testing import CliRunner, Result

from controller.cli import main
from tests.controller.cli.evaluate.test_backtest import POLICY, POOL, folder, record

__all__ = ["folder"]


def tune(*arguments: str, pool: str = "agent") -> Result:
    return CliRunner().invoke(main, ["tune", pool, "--policy", "policy.yaml", "--history", "agent=agent.csv", *arguments])


def test_a_setting_is_recommended_with_its_figures_and_its_neighbours(folder):
    done = tune("--max-cold-starts-per-day", "60")
    text = done.stdout

    assert done.exit_code == 0, done.output
    assert text.startswith("agent: at most 60 cold starts a day, at the lowest bill\n\ncold_start_cost_usd: ")
    assert "cold starts a day, bill $" in text
    assert "now cold_start_cost_usd: 0.05: " in text or "This is the policy's setting." in text
    assert "AWS target tracking (70 %): " in text
    assert "\n> cold_start_cost_usd: " in text
    assert "Simulated: 2.0 days of recorded traffic" in text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert (folder / "policy.yaml").read_text() == POLICY + POOL.replace("NAME", "agent")


def test_json_has_the_figures_of_the_choice(folder):
    body = json.loads(tune("--max-cold-starts-per-day", "60", "--json").stdout)

    assert body["met"] is True
    assert body["chosen"]["cold_starts_per_day"] <= 60
    assert body["policy"]["objective"] == {"cold_start_cost_usd": 0.05}
    assert body["goal"] == {"max_cold_starts_per_day": 60.0, "max_usd_per_month": None, "like_target_tracking": False}
    assert body["diff"] is None
    assert body["target_tracking"]["bill_usd_per_month"] > 0


def test_write_changes_one_line_keeps_comments_and_mode_and_shows_the_change(folder):
    before = "# reviewed monthly\n" + POLICY + POOL.replace("NAME", "agent").replace("max: 100", "max: 100  # quota")
    path = folder / "policy.yaml"
    path.write_text(before)
    path.chmod(0o640)
    done = tune("--max-cold-starts-per-day", "14", "--write")
    added = [line for line in path.read_text().splitlines() if line not in before.splitlines()]

    assert done.exit_code == 0, done.output
    assert len(added) == 1
    assert added[0].startswith("    objective: {cold_start_cost_usd: ")
    assert [line for line in path.read_text().splitlines() if line not in added] == before.splitlines()
    assert f"+{added[0]}\n" in done.stdout
    assert "changed policy.yaml:" in done.stdout
    assert path.stat().st_mode & 0o777 == 0o640
    assert CliRunner().invoke(main, ["validate", "policy.yaml"]).exit_code == 0
    assert sorted(each.name for each in folder.iterdir()) == ["agent.csv", "policy.yaml"]


def test_the_written_setting_gives_the_expected_figures_again(folder):
    first = json.loads(tune("--max-cold-starts-per-day", "14", "--write", "--json").stdout)
    again = json.loads(tune("--max-cold-starts-per-day", "14", "--json").stdout)

    assert first["diff"]
    assert again["policy"] == {**first["chosen"], "usd_per_avoided_cold_start": again["policy"]["usd_per_avoided_cold_start"]}


def test_a_price_per_second_is_tuned_and_written_as_one(folder):
    own = POOL.replace("NAME", "agent") + "    objective: {cold_start_cost_usd_per_second: 0.006}  # a short wait costs little\n"
    (folder / "policy.yaml").write_text(POLICY + own)
    done = tune("--max-cold-starts-per-day", "14", "--write")

    assert done.exit_code == 0, done.output
    assert "\nnow 0.006 USD a second: " in done.stdout
    assert "\n> 0." in done.stdout
    assert max(len(line) for line in done.stdout.split("\nchanged ")[0].splitlines()) <= 80
    (added,) = (line for line in (folder / "policy.yaml").read_text().splitlines() if line not in (POLICY + own).splitlines())
    assert added.startswith("    objective: {cold_start_cost_usd_per_second: 0.0")
    assert added.endswith("}  # a short wait costs little")


def test_a_price_per_second_in_a_frontier_fits_80_columns(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent")
                                        + "    objective: {cold_start_cost_usd_per_second: 0.006}\n")
    done = CliRunner().invoke(main, ["backtest", "--policy", "policy.yaml", "--history", "agent=agent.csv", "--frontier"])

    assert done.exit_code == 0, done.output
    assert "S  0.006 USD a second " in done.stdout
    assert "cold-start cost $0.048 each ($0.006 per second" in " ".join(done.stdout.split())
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


@pytest.mark.parametrize("goal", [("--max-usd-per-month", "0.01"), ("--max-cold-starts-per-day", "0")])
def test_a_goal_that_cannot_be_met_is_called_so_and_nothing_is_written(folder, goal):
    record(folder / "agent.csv", 600)  # the first request of a history always starts cold
    before = (folder / "policy.yaml").read_bytes()
    done = tune(*goal, "--write")

    assert done.exit_code == 1
    assert done.stdout.startswith("agent: not possible: ")
    assert "\nclosest: cold_start_cost_usd: " in done.stdout
    assert "the goal is not met; nothing is written" in done.stderr
    assert (folder / "policy.yaml").read_bytes() == before


def test_a_shared_objective_is_refused_with_file_and_line(folder):
    pools = POOL.replace("NAME", "agent") + "    objective: &both {cold_start_cost_usd: 0.05}\n" + POOL.replace("NAME", "chat")
    (folder / "policy.yaml").write_text(POLICY + pools + "    objective: *both\n")
    before = (folder / "policy.yaml").read_bytes()
    done = tune("--max-cold-starts-per-day", "14", "--write")

    assert done.exit_code == 2
    assert "policy.yaml:10: other values depend on this place" in done.stderr
    assert (folder / "policy.yaml").read_bytes() == before


@pytest.mark.parametrize(("arguments", "text"), [
    ((), "state exactly one goal"),
    (("--max-usd-per-month", "5", "--like-target-tracking"), "state exactly one goal"),
    (("--max-usd-per-month", "-5"), "-5.0 is not in the range"),
])
def test_one_goal_is_required(folder, arguments, text):
    done = tune(*arguments)

    assert done.exit_code == 2
    assert text in done.stderr


def test_an_unknown_pool_gets_a_suggestion(folder):
    done = tune("--like-target-tracking", pool="agnt")

    assert done.exit_code == 2
    assert "policy.yaml has no pool agnt: did you mean agent?" in done.stderr


def test_a_missing_history_is_named(folder):
    done = CliRunner().invoke(main, ["tune", "agent", "--policy", "policy.yaml", "--history", "agnt=agent.csv",
                                     "--like-target-tracking"])

    assert done.exit_code == 2
    assert "policy.yaml has no pool agnt" in done.stderr


def test_histories_of_other_pools_are_ignored(folder):
    (folder / "policy.yaml").write_text(POLICY + POOL.replace("NAME", "agent") + POOL.replace("NAME", "chat"))

    assert tune("--max-cold-starts-per-day", "60", "--history", "chat=nothing.csv").exit_code == 0
