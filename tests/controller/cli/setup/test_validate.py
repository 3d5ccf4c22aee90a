"""`stoker validate` tells every problem with its place, or what a policy says in short."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import config
from controller.cli import main
from tests.patience import PATIENCE_SECONDS
from tests.sources import ROOT

EXAMPLE = Path(config.__file__).parent / "example.yaml"

SIX = """version: 1
defaults:
  mode: activ
pools:
  - name: support agent
    lever: {kind: lambda-provisioned-concurency, region: us-east-1, function: f, alias: live}
    min: 9
    max: 5
  - name: chat
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: g, alias: live}
    maximum: 3
    max: 5
    schedules:
      - {cron: "0 8 * * *", timezone: Mars/Base, duration: 1h, min: 1}
"""
PLACES = ["3:9 defaults.mode", "5:11 pools[0].name", "6:19 pools[0].lever.kind", "8:10 pools[0].max", "11:5 pools[1].maximum",
          "14:39 pools[1].schedules[0].timezone"]


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(SIX)
    return path


def test_six_mistakes_give_six_located_messages_and_exit_code_2(wrong):
    told = CliRunner().invoke(main, ["validate", str(wrong)])

    assert told.exit_code == 2
    assert told.stdout == ""
    lines = told.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["stoker", f"{wrong}:{place}"] for place in PLACES]
    assert "did you mean lambda-provisioned-concurrency?" in lines[2]
    assert "did you mean max?" in lines[4]


def test_a_real_process_says_the_same(wrong):
    command = [sys.executable, "-m", "controller.cli", "validate", str(wrong)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert told.returncode == 2
    assert told.stdout == ""
    assert [line.split(": ")[:2] for line in told.stderr.splitlines()] == [["stoker", f"{wrong}:{place}"] for place in PLACES]


def test_problems_as_json_carry_file_line_column_path_and_message(wrong):
    told = CliRunner().invoke(main, ["validate", "--json", str(wrong)])
    said = json.loads(told.stdout)

    assert told.exit_code == 2
    assert told.stderr == ""
    assert said["valid"] is False
    assert [f"{one['line']}:{one['column']} {one['path']}" for one in said["problems"]] == PLACES
    assert {one["file"] for one in said["problems"]} == {str(wrong)}
    assert all(one["message"] for one in said["problems"])


def test_a_valid_policy_is_summarised():
    told = CliRunner().invoke(main, ["validate", str(EXAMPLE)])

    assert told.exit_code == 0
    lines = told.stdout.splitlines()
    assert lines[:3] == [f"{EXAMPLE}: OK, 3 pools", "  modes   1 active, 2 shadow",
                         "  levers  1 lambda-ping, 3 lambda-provisioned-concurrency"]
    assert lines[5].split()[:6] == ["checkout-agent", "active", "1", "60", "0.99", "warm"]
    assert lines[5].split()[-1] == "account=111122223333"
    assert "0.006 USD per second" in lines[6]
    assert lines[6].split()[-6:-3] == ["lambda-provisioned-concurrency", "+", "lambda-ping"]
    assert told.stderr == ""


def test_a_valid_policy_as_json_has_each_pool_with_its_defaults():
    told = CliRunner().invoke(main, ["validate", "--json", str(EXAMPLE)])
    said = json.loads(told.stdout)
    first, second, layered = said["files"][0]["pools"]

    assert told.exit_code == 0
    assert (said["valid"], said["problems"]) == (True, [])
    assert (first["mode"], first["objective"], first["scale_down_delay"]) == ("shadow", {"cold_start_cost_usd": 0.05}, "0s")
    assert (second["mode"], second["lever"]["function"], second["scale_down_delay"]) == ("active", "checkout-agent", "15m")
    assert [lever["kind"] for lever in layered["levers"]] == ["lambda-provisioned-concurrency", "lambda-ping"]
    assert not {"lever", "top"} & set(layered)
    assert said["files"][0]["assume"] == {"metric_delay": "2m", "lead_time": "2m", "keep_alive": "6m", "billing_step": "5m"}


def test_each_of_several_files_is_reported(wrong):
    told = CliRunner().invoke(main, ["validate", str(EXAMPLE), str(wrong), "nowhere.yaml"])

    assert told.exit_code == 2
    assert told.stdout.startswith(f"{EXAMPLE}: OK")
    assert len(told.stderr.splitlines()) == 7
    assert told.stderr.splitlines()[-1] == "stoker: nowhere.yaml:1:1 cannot be read: No such file or directory"


def test_many_pools_are_counted_and_not_all_listed(tmp_path):
    path = tmp_path / "policy.yaml"
    lever = "{{kind: lambda-provisioned-concurrency, region: us-east-1, function: f{0}, alias: live}}"
    pools = "".join(f"- {{name: p{index}, lever: {lever.format(index)}}}\n" for index in range(300))
    path.write_text(f"version: 1\ndefaults: {{max: 5}}\npools:\n{pools}")
    told = CliRunner().invoke(main, ["validate", str(path)])

    assert told.stdout.startswith(f"{path}: OK, 300 pools\n")
    assert "and 260 more (`-o wide` shows all)\n" in told.stdout
    assert len(told.stdout.splitlines()) < 50
    assert "p299" in CliRunner().invoke(main, ["validate", str(path), "-o", "wide"]).stdout


def test_a_url_of_a_metadata_service_is_a_warning(tmp_path):
    path = tmp_path / "policy.yaml"
    lever = "lever: {kind: http-ping, url: 'http://169.254.169.254/'}"
    path.write_text(f"version: 1\npools:\n  - name: agent\n    max: 5\n    {lever}\n")
    done = CliRunner().invoke(main, ["validate", str(path)])
    told = json.loads(CliRunner().invoke(main, ["validate", "--json", str(path)]).stdout)

    assert done.exit_code == 0
    assert done.stderr.startswith(f"stoker: warning: {path}:5:35 pools[0].lever.url: this leads to a link-local address or")
    assert [done.stderr.strip()] == [f"stoker: warning: {text}" for text in told["warnings"]]


def test_without_a_file_it_is_policy_yaml_in_this_folder(tmp_path):
    with contextlib.chdir(tmp_path):
        without = CliRunner().invoke(main, ["validate"])
        Path("policy.yaml").write_text((ROOT / "docs" / "policy.example.yaml").read_text())
        found = CliRunner().invoke(main, ["validate"])

    assert without.stderr.startswith("stoker: policy.yaml: no such policy file: name one as POLICY or --policy, ")
    assert (without.exit_code, found.exit_code) == (2, 0)


def test_help_has_an_example():
    told = CliRunner().invoke(main, ["validate", "--help"])

    assert told.exit_code == 0
    assert "stoker validate policy.yaml" in told.stdout
    assert "did you mean min?" in told.stdout


EVENTS = """version: 1
pools:
  - name: chat
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: g, alias: live}
    max: 5
    events:
      - {name: batch, cron: "0 9 * * *", timezone: Asia/Tokyo, duration: 1h, size: 4}
      - {name: launch, start: 2020-01-01T12:00, duration: 2h, factor: 8}
"""


def test_the_next_windows_of_events_are_listed_in_their_own_zone_and_one_without_any_is_a_warning(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(EVENTS)
    told = CliRunner().invoke(main, ["validate", str(path)])
    body = json.loads(CliRunner().invoke(main, ["validate", "--json", str(path)]).stdout)
    coming = body["files"][0]["pools"][0]["next_events"]

    assert told.exit_code == 0
    assert len([line for line in told.stdout.splitlines() if "batch" in line and "09:00" in line and "Asia/Tokyo" in line]) == 3
    assert told.stderr.startswith(f"stoker: warning: {path}:8:9 pools[0].events[1]: event 'launch' has no window in the next ")
    assert [(each["name"], each["start"][11:16], each["local_start"][11:16], each["size"]) for each in coming] == [
        ("batch", "00:00", "09:00", 4)] * 3
    assert [text in told.stderr for text in body["warnings"]] == [True]


SCHEDULES = """version: 1
defaults:
  max: 50
  schedules:
    - {name: batch #2
      , cron: "0 2 * * *", duration: 3h, min: 8}
pools:
  - name: support-agent
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: support-agent, alias: live}
    min: 5
    schedules:
      - {name: nights, cron: "0 20 * * *", timezone: Europe/Prague, duration: 10h, min: 1}
      - {name: office hours, cron: "0 8 * * 2-6", timezone: EST, duration: 9h, min: 7}
  - {name: a, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: a, alias: live}}
  - {name: b, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: b, alias: live}, min: 9}
  - {name: c, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: c, alias: live}, min: 9}
"""


@pytest.fixture
def scheduled(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text(SCHEDULES)
    return path


def test_the_next_windows_of_schedules_are_listed_on_their_clock_and_in_utc_once_for_pools_that_share_one(scheduled):
    told = CliRunner().invoke(main, ["validate", str(scheduled)])
    office = [line for line in told.stdout.splitlines() if "office hours" in line]
    shared = [line for line in told.stdout.splitlines() if " batch " in line]

    assert told.exit_code == 0
    assert len(office) == 3
    assert all(part in line for line in office for part in (" 08:00 ", " 17:00 ", "EST", "13:00 to", "min 7"))
    assert [line.split()[0:4] for line in shared] == [["a", "and", "2", "more"]] * 3


def test_probable_mistakes_are_warnings_with_their_place_once_for_all_pools(scheduled):
    told = CliRunner().invoke(main, ["validate", str(scheduled)])
    body = json.loads(CliRunner().invoke(main, ["validate", "--json", str(scheduled)]).stdout)
    lines = [line.removeprefix(f"stoker: warning: {scheduled}:") for line in told.stderr.splitlines()]

    assert [line.partition(": ")[0] for line in lines] == [
        "13:61 pools[0].schedules[1].timezone", "13:36 pools[0].schedules[1].cron", "12:89 pools[0].schedules[0].min",
        "6:47 defaults.schedules[0].min", "5:14 defaults.schedules[0].name"]
    assert lines[3].endswith("(b and 1 more)")
    assert "the value is 'batch', because #2 is a comment: quote the value if it contains the #" in lines[4]
    assert body["warnings"] == [line.removeprefix("stoker: warning: ") for line in told.stderr.splitlines()]
    windows = body["files"][0]["pools"][0]["next_windows"]
    assert [window["local_start"][11:16] for window in windows] == ["20:00"] * 3 + ["08:00"] * 3


def test_the_leading_signals_of_each_pool_are_listed():
    told = CliRunner().invoke(main, ["validate", str(EXAMPLE)])

    lines = [line.split() for line in told.stdout.splitlines()]
    first = lines.index(["pool", "leading", "signal"])
    assert lines[first + 1 : first + 3] == [["checkout-agent", "pool", "support-agent"],
                                            ["checkout-agent", "history-file", "path=/var/lib/gateway/queue-depth.csv"]]
