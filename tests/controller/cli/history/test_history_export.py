"""`stoker history export`: demand of a daemon's store, as CSV that a backtest reads, and as Parquet."""

import sys

import numpy as np
import pytest
from click.testing import CliRunner

from adapters.demand.history_file import read_history
from controller.cli import main
from controller.store.state_dir import STORE_NAME
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.e2e.daemons import policy_text

FIRST = minute_of(NOON)
NAN = float("nan")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "policy.yaml").write_text(policy_text("agent", "tool"))
    (tmp_path / "state").mkdir()
    with Store(tmp_path / "state" / STORE_NAME) as store:
        columns = (np.array(values, np.float32) for values in ([3, NAN, 2], [1.5, NAN, 0.25], [60, NAN, 12]))
        store.save_demand("agent", DemandSeries(FIRST, *columns))
    return tmp_path


def exported(folder, *arguments):
    return CliRunner().invoke(main, ["history", "export", *arguments, "--policy", str(folder / "policy.yaml"), "--state-dir",
                                     str(folder / "state"), "--output", str(folder / "out")])


@pytest.mark.parametrize("suffix", ["csv", "csv.gz"])
def test_the_stored_demand_is_written_as_a_history(folder, suffix):
    done = exported(folder, "agent", "--file-format", suffix)
    series = read_history(folder / "out" / f"agent.{suffix}")

    assert done.exit_code == 0, done.output
    assert done.stdout == f"agent: {folder}/out/agent.{suffix}, 3 minutes, 33.3% unknown\n"
    assert (series.first_minute, len(series)) == (FIRST, 3)
    assert np.nan_to_num(series.peak, nan=-1).tolist() == [3, -1, 2]


def test_the_store_can_be_read_while_its_daemon_runs(folder):
    with Store(folder / "state" / STORE_NAME):
        assert exported(folder, "agent").exit_code == 0


def test_a_pool_without_stored_demand_is_a_failure_and_the_others_are_written(folder):
    done = exported(folder)

    assert done.exit_code == 1
    assert "tool: the store has no demand of this pool: check --state-dir" in done.stderr
    assert (folder / "out" / "agent.csv.gz").exists()


def test_a_file_is_overwritten_only_with_force(folder):
    exported(folder, "agent")

    assert exported(folder, "agent").exit_code == 2
    assert exported(folder, "agent", "--force").exit_code == 0


def test_a_state_folder_without_a_store_is_a_failure(folder):
    (folder / "state" / STORE_NAME).unlink()
    done = exported(folder, "agent")

    assert (done.exit_code, "give the --state-dir that the daemon uses" in done.stderr) == (1, True)


def test_a_folder_of_parquet_files_is_one_data_set(folder):
    parquet = pytest.importorskip("pyarrow.parquet")
    with Store(folder / "state" / STORE_NAME) as store:
        store.save_demand("tool", DemandSeries(FIRST, *(np.array([1], np.float32) for _ in range(3))))
    done = exported(folder, "--file-format", "parquet")
    assert done.exit_code == 0, done.output
    rows = sorted(parquet.read_table(folder / "out").to_pylist(), key=lambda row: (row["pool"], row["timestamp"]))

    assert [row["pool"] for row in rows] == ["agent", "agent", "agent", "tool"]
    assert rows[0]["timestamp"] == NOON
    assert [row["max_concurrency"] for row in rows] == [3, None, 2, 1]
    assert [row["avg_concurrency"] for row in rows] == [1.5, None, 0.25, 1]
    assert [row["invocations"] for row in rows] == [60, None, 12, 1]


def test_without_pyarrow_the_error_names_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = exported(folder, "agent", "--file-format", "parquet")

    assert done.exit_code == 1
    assert "Parquet needs pyarrow, which is not installed: install the extra parquet" in done.stderr
    assert not (folder / "out" / "agent.parquet").exists()
