"""Reading the store beside the daemon, and after it stopped."""

import contextlib
import sqlite3
from datetime import date

import pytest

from controller.store.migrations import VERSION
from controller.store.read_only import ReadOnlyStore
from controller.store.sqlite_file import StoreError
from controller.store.state_store import Store
from tests.builders import NOON
from tests.controller.store.test_state_store import FIRST, plan, series


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stoker.db"


def contents(folder):
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_what_the_daemon_has_written_is_read_while_it_has_the_store_open(path):
    with Store(path) as store, ReadOnlyStore(path) as reader:
        store.save_demand("a", series([1, 2]))
        store.record_decision(plan(), {})
        with ReadOnlyStore(path) as later:
            assert later.load_demand("a", FIRST, FIRST + 2).peak.tolist() == [1, 2]
            assert [each["target"] for each in later.decisions("a")] == [5]
        assert [each["target"] for each in reader.decisions()] == [5]
        store.add_accounts(date(2026, 3, 2), {"a": {"cold_starts": 1}}, {"a": "active"})


def test_reading_a_closed_store_leaves_its_folder_as_it_was(path):
    with Store(path) as store:
        store.save_demand("a", series([1, 2]))
    before = contents(path.parent)

    with ReadOnlyStore(path) as reader:
        assert reader.load_demand("a", FIRST, FIRST + 2).peak.tolist() == [1, 2]
        assert reader.load_blob("x") is None
    assert contents(path.parent) == before


@pytest.mark.parametrize("write", [
    lambda store: store.save_demand("a", series([1])), lambda store: store.record_decision(plan(), {}),
    lambda store: store.save_blob("key", b"body", NOON), lambda store: store.prune(FIRST),
])
def test_nothing_can_be_written_through_it(path, write):
    with Store(path) as store:
        store.save_demand("a", series([1]))
    with ReadOnlyStore(path) as reader, pytest.raises(StoreError, match="open for reading only"):
        write(reader)


def test_a_missing_file_names_the_option(path):
    with pytest.raises(StoreError, match="does not exist: give the --state-dir"):
        ReadOnlyStore(path)
    assert not path.exists()


def test_a_file_of_another_version_or_program_is_refused_unchanged(path):
    Store(path).close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StoreError, match=f"has schema {VERSION + 1}, .*: use the version of Stoker that wrote it"):
        ReadOnlyStore(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA application_id = 7")
    with pytest.raises(StoreError, match="another program's database"):
        ReadOnlyStore(path)


def test_a_damaged_file_is_reported_and_stays(path):
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match="damaged"):
        ReadOnlyStore(path)
    assert path.read_bytes().startswith(b"not a database")
