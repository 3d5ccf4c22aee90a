"""`stoker history import` takes exports of other programs, says what it did, and writes what a backtest reads."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapters.demand.history_file import open_history, read_history
from controller.cli import main
from forecasting.demand import instant_of

HEAD = "timestamp,invocations,avg_concurrency,max_concurrency\n"
UNSORTED = HEAD + """2026-03-02T00:26:00Z,32,3.23,5
2026-03-02T00:59:00Z,35,3.51,5
2026-03-02T00:23:00Z,32,3.20,5
2026-03-02T00:09:00Z,31,3.08,5
2026-03-02T00:02:00Z,30,3.02,5
2026-03-02T00:05:00Z,30,3.04,5
2026-03-02T00:18:00Z,32,3.16,5
"""
MINUTES = "2026-03-02{0}00:00:00{1},30,3.00,4\n2026-03-02{0}00:01:00{1},30,3.01,5\n2026-03-02{0}00:02:00{1},30,3.02,5\n"
FIVE = HEAD + "2026-03-02T00:00:00Z,30,3.00,4\n2026-03-02T00:05:00Z,30,3.04,5\n2026-03-02T00:10:00Z,31,3.09,5\n"
CONSOLE = """Label,Invocations,ConcurrentExecutions,ConcurrentExecutions
Unit,Count,Count,Count
Full label,m1,m2,m3
Id,m1,m2,m3
2026/03/02 00:00:00,30,3.00,4
2026/03/02 00:01:00,30,3.01,5
2026/03/02 00:02:00,30,3.02,5
"""
DATA = json.dumps({"MetricDataResults": [
    {"Id": "inv", "Label": "Invocations", "Timestamps": ["2026-03-02T00:02:00+00:00", "2026-03-02T00:01:00+00:00"],
     "Values": [12.0, 60.0], "StatusCode": "Complete"}], "Messages": []})
POLICY = """version: 1
pools:
  - name: support-agent
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: support-agent, alias: live}
    max: 50
    memory_mb: 1024
"""


def imported(folder: Path, text: str, *options: str, name: str = "in.csv") -> Result:
    (folder / name).write_text(text)
    return CliRunner().invoke(main, ["history", "import", str(folder / name), "--output", str(folder / "out.csv"), *options])


@pytest.mark.parametrize(
    ("text", "minutes", "says"),
    [
        (UNSORTED, 58, "rows are not in order of time (5 follow a later one): sorted"),
        (HEAD + MINUTES.format(" ", " UTC"), 3, "times of the form '2026-03-02 00:00:00 UTC'"),
        (HEAD + MINUTES.format("T", "+0000"), 3, "times of the form '2026-03-02T00:00:00+0000'"),
        (FIVE, 15, "periods of 5 min: requests are divided by 5, averages and maxima are repeated"),
        (CONSOLE, 3, "an export of the CloudWatch console"),
        (DATA, 2, "the newest row is first: reversed"),
    ],
    ids=["unsorted", "utc suffix", "offset 0000", "five minutes", "console", "get-metric-data"],
)
def test_reported_exports_are_accepted_and_the_conversions_are_printed(tmp_path, text, minutes, says):
    result = imported(tmp_path, text)
    series = read_history(tmp_path / "out.csv")

    assert result.exit_code == 0
    assert says in result.stdout
    assert len(series) == minutes
    assert result.stdout.splitlines()[-1] == f"written: {tmp_path / 'out.csv'}"


def test_the_share_of_known_minutes_and_the_longest_gap_are_printed(tmp_path):
    lines = imported(tmp_path, UNSORTED).stdout.splitlines()

    assert "58 minutes from 2026-03-02T00:02Z; known minutes:" in lines
    assert "  max_concurrency  7 (12.1%), longest gap 32 min from 2026-03-02T00:27Z" in lines


def test_a_metric_missing_in_every_file_is_a_warning(tmp_path):
    result = imported(tmp_path, DATA)

    assert (tmp_path / "out.csv").read_text() == f"{HEAD}2026-03-02T00:01:00Z,60,,\n2026-03-02T00:02:00Z,12,,\n"
    assert "warning: no FILE has values of max_concurrency, so it is unknown in every minute" in result.stderr
    assert "  max_concurrency  none" in result.stdout


def test_minutes_that_contradict_themselves_are_a_warning(tmp_path):
    result = imported(tmp_path, HEAD + "2026-03-02T00:01:00Z,30,1,2\n2026-03-02T00:00:00Z,30,0,0\n")

    assert "warning: 1 minute with contradictory values: unknown in a backtest\n" in result.stderr
    assert f"\n  {tmp_path}/in.csv:3: invocations is 30 and avg_concurrency 0 at a max_concurrency of 0\n" in result.stderr


def test_at_most_ten_rows_are_named(tmp_path):
    rows = [f"2026-03-02T00:{minute:02d}:00Z,30,0,0\n" for minute in range(12)]
    errors = imported(tmp_path, HEAD + "".join(reversed(rows))).stderr

    assert errors.count(": invocations is 30") == 10
    assert f"{tmp_path}/in.csv:13: invocations" in errors  # the first minute is on the last line
    assert "  and 2 more\n" in errors


def test_a_valid_file_is_written_unchanged(tmp_path):
    text = HEAD + "2026-03-02T00:00:00Z,30,3,4\n2026-03-02T00:01:00Z,,,\n2026-03-02T00:02:00Z,30,3.02,5\n"
    imported(tmp_path, text)

    assert (tmp_path / "out.csv").read_text() == text


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (HEAD + MINUTES.format(" ", ""), (), "in.csv:2: '2026-03-02 00:00:00' has no time zone; give --timezone"),
        (HEAD + MINUTES.format(" ", ""), ("--timezone", "Europe/Pari"), "is not an IANA time zone"),
        (UNSORTED + "2026-03-02T00:02:00Z,31,3.02,5\n", (), "in.csv:9: invocations is 31 here and 30 in "),
        (CONSOLE, ("--column", "invocations=m9"), "--column invocations=m9: there is no such column"),
    ],
)
def test_unusable_input_has_exit_code_2_and_writes_nothing(tmp_path, text, options, says):
    result = imported(tmp_path, text, *options)

    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stdout == ""
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("options",
                         [("--column", "requests=1"), ("--column", "invocations"), ("--step", "often"), ("--step", "0")])
def test_an_invalid_option_is_wrong_input(tmp_path, options):
    result = imported(tmp_path, UNSORTED, *options)

    assert (result.exit_code, "see `stoker history import --help`" in result.stderr) == (2, True)


def test_an_existing_file_is_overwritten_only_with_force(tmp_path):
    (tmp_path / "out.csv").write_text("mine")

    assert "already exists: give another --output, or --force" in imported(tmp_path, UNSORTED).stderr
    assert (tmp_path / "out.csv").read_text() == "mine"
    assert imported(tmp_path, UNSORTED, "--force").exit_code == 0


def test_packed_files_are_read_and_written_and_several_are_joined(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((HEAD + MINUTES.format("T", "Z")).encode()))
    (tmp_path / "b.csv").write_text(HEAD + "2026-03-02T00:03:00Z,1,1,1\n")
    out = tmp_path / "new" / "out.csv.gz"
    result = CliRunner().invoke(main,
                                ["history", "import", str(tmp_path / "a.csv.gz"), str(tmp_path / "b.csv"), "--output", str(out)])

    assert result.exit_code == 0
    assert read_history(out).invocations.tolist() == [30, 30, 30, 1]


def test_local_times_are_read_in_their_zone(tmp_path):
    imported(tmp_path, HEAD + MINUTES.format(" ", ""), "--timezone", "Europe/Prague")

    assert instant_of(read_history(tmp_path / "out.csv").first_minute).isoformat() == "2026-03-01T23:00:00+00:00"


def test_a_backtest_reads_the_written_file(tmp_path):
    rows = "".join(f"2026-03-02 {hour:02d}:{minute:02d}:00,30,3.5,5\n" for hour in range(2) for minute in range(60))
    imported(tmp_path, HEAD + rows, "--timezone", "UTC")
    (tmp_path / "policy.yaml").write_text(POLICY)
    result = CliRunner().invoke(main, ["backtest", "--policy", str(tmp_path / "policy.yaml"), "--history",
                                       f"support-agent={tmp_path / 'out.csv'}"])

    assert result.exit_code == 0, result.stderr
    assert open_history(tmp_path / "out.csv").doubts == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (UNSORTED, ":4: 2026-03-02T00:23:00Z is earlier than the row above it; sort the rows by time (stoker history import "),
        (HEAD + MINUTES.format(" ", " UTC"), ":2: '2026-03-02 00:00:00 UTC' is UTC, but does not end in Z"),
        (HEAD + MINUTES.format("T", "+0000"), ":2: '2026-03-02T00:00:00+0000' is UTC, but does not end in Z"),
        (FIVE, ":3: the rows are 5 minutes apart; write one for each minute"),
        (CONSOLE, ":1: column timestamp is missing"), (DATA, ":1: this is JSON and not CSV"),
    ],
)
def test_a_backtest_of_the_same_files_names_the_error_and_the_import_command(tmp_path, text, says):
    (tmp_path / "in.csv").write_text(text)
    (tmp_path / "policy.yaml").write_text(POLICY)
    result = CliRunner().invoke(main, ["backtest", "--policy", str(tmp_path / "policy.yaml"), "--history",
                                       f"support-agent={tmp_path / 'in.csv'}"])

    assert result.exit_code == 2
    assert says in result.stderr
    assert f"stoker history import {tmp_path / 'in.csv'} --output OUT" in result.stderr
