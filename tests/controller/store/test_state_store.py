import contextlib
import errno
import itertools
import os
import sqlite3
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from controller.decision.planning.observation import Proposal
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import Action, Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import Reason, ReasonCode
from controller.store import sqlite_file
from controller.store.state_store import KEEP, Store, StoreError
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON
from tests.examples import examples

FIRST = minute_of(NOON)
NUMBERS = itertools.count()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "stoker.db"


@pytest.fixture
def store(path):
    with Store(path) as store:
        yield store


def series(values, first=FIRST):
    rows = np.array(values, np.float32)
    return DemandSeries(first, rows, rows / 2, rows * 10)


def plan(pool="a", at=NOON, target=5, text="the rule proposes 5"):
    reasons = (Reason(ReasonCode.PROPOSED, text, 2, target),)
    return Plan(pool, at, Action.WRITE, target, 2, 2, Proposal(4.5, "rule"), reasons, PoolState())


def test_demand_is_read_back_with_gaps_unknown(store):
    store.save_demand("a", series([1, np.nan, 3]))

    back = store.load_demand("a", FIRST - 1, FIRST + 4)
    np.testing.assert_array_equal(back.peak, np.float32([np.nan, 1, np.nan, 3, np.nan]))
    np.testing.assert_array_equal(back.busy, np.float32([np.nan, 0.5, np.nan, 1.5, np.nan]))
    assert store.newest_known_minute(["a", "b"]) == {"a": FIRST + 2}


def test_known_minutes_replace_and_unknown_ones_do_not(store):
    store.save_demand("a", series([1, 2, 3]))
    store.save_demand("a", series([np.nan, 9, np.nan]))

    assert store.load_demand("a", FIRST, FIRST + 3).peak.tolist() == [1, 9, 3]


def test_withdrawn_zeros_become_unknown_and_other_values_stay(store):
    store.save_demand("a", series([0, 2] * 40))
    store.withdraw({"a": range(FIRST, FIRST + 70), "b": [FIRST]})

    back = store.load_demand("a", FIRST, FIRST + 80)
    assert back.peak[1::2].tolist() == [2] * 40
    assert np.flatnonzero(~back.known).tolist() == list(range(0, 70, 2))
    assert np.isnan(back.busy).tolist() == np.isnan(back.invocations).tolist() == (~back.known).tolist()


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 300), st.lists(st.floats(0, 1e6, width=32) | st.just(float("nan")), max_size=130)),
                max_size=4))
def test_saves_in_any_order_read_like_merged_series(store, saves):
    name = f"pool-{next(NUMBERS)}"
    whole = DemandSeries.empty(FIRST, 500)
    for offset, values in saves:
        newer = series(values, FIRST + offset)
        store.save_demand(name, newer)
        whole = whole.updated(newer) if len(newer) else whole

    np.testing.assert_array_equal(store.load_demand(name, FIRST, FIRST + 500).peak, whole.window(FIRST, FIRST + 500).peak)


def test_a_state_is_read_back_complete(store):
    state = PoolState(5, NOON, None, NOON, NOON, 7, ((NOON, 3), (NOON, 4)), "2026-03", 1.25, NOON)
    store.save_state("a", state)

    assert store.load_states() == {"a": state}


def test_an_intent_survives_a_kill_and_ends_with_the_saved_outcome(path):
    first = Store(path)
    first.save_state("a", PoolState(written=2))
    first.save_intent("a", 9, NOON)
    kill(first)

    with Store(path) as second:
        assert second.load_states()["a"] == PoolState(written=2, intent=9)
        assert second.intents() == {"a": (9, NOON)}
        second.save_state("a", PoolState(written=9))
        assert second.intents() == {}


def kill(store):
    """Release the lock like a killed process, without a clean shutdown."""
    store._database._connection.close()
    os.close(store._database._lock)


def test_decisions_are_listed_newest_first_with_reasons_and_inputs(store):
    store.record_decision(plan(), {"freshness": "fresh"})
    store.record_decision(plan("b", NOON + timedelta(minutes=1), 8), {})
    newest, oldest = store.decisions()

    assert (newest["pool"], newest["target"], oldest["pool"]) == ("b", 8, "a")
    assert oldest["reasons"] == [{"code": "proposed", "text": "the rule proposes 5", "before": 2, "after": 5}]
    assert (oldest["inputs"], oldest["proposal"]["candidate"]) == ({"freshness": "fresh"}, "rule")
    assert [each["pool"] for each in store.decisions(pool="a")] == ["a"]
    assert [each["pool"] for each in store.decisions(since=NOON + timedelta(seconds=1))] == ["b"]


def test_pages_of_decisions_neither_repeat_nor_skip(store):
    store.record_decisions([(plan(at=NOON + timedelta(minutes=number // 3), target=number), {}) for number in range(20)])
    targets, before = [], None
    while rows := store.decisions(limit=7, before=before):
        targets += [row["target"] for row in rows]
        before = tuple(int(part) for part in rows[-1]["cursor"].split("-"))

    assert targets == list(range(19, -1, -1))


def test_no_secret_reaches_the_file(path):
    key = "AKIA" + "ABCDEFGH12345678"
    with Store(path) as store:
        store.record_decision(plan(text=f"refused for {key}"), {"api_key": "hunter2hunter2", "note": f"key {key}"})

    body = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert key.encode() not in body
    assert b"hunter2" not in body


def test_lead_times_are_listed_newest_first(store):
    for minute, seconds in enumerate((60.0, 70.0, 80.0)):
        store.record_lead_time("a", 5, seconds, NOON + timedelta(minutes=minute))

    assert [each.seconds for each in store.lead_times("a", 2)] == [80.0, 70.0]


def test_accounts_add_up_over_days(store):
    first, second, third = (date(2026, 3, day) for day in (1, 2, 3))
    for day, amounts in ((first, {"bill_usd": 1.0}), (first, {"bill_usd": 0.5, "cold_starts": 2}), (second, {"bill_usd": 4.0})):
        store.add_accounts(day, {"a": amounts}, {"a": "active"})

    assert store.accounts(first, second) == {"active": {"a": {"bill_usd": 1.5, "cold_starts": 2}}}
    assert store.accounts(first, third) == {"active": {"a": {"bill_usd": 5.5, "cold_starts": 2}}}


def test_accounts_of_a_pool_that_changed_its_mode_stay_apart(store):
    first, second = date(2026, 3, 1), date(2026, 3, 2)
    for mode, bill in (("shadow", 1.0), ("active", 4.0), ("shadow", 2.0)):
        store.add_accounts(first, {"a": {"bill_usd": bill}}, {"a": mode})

    assert store.accounts(first, second) == {"shadow": {"a": {"bill_usd": 3.0}}, "active": {"a": {"bill_usd": 4.0}}}


def test_pruning_deletes_only_old_rows(store):
    old = NOON - KEEP - timedelta(hours=2)
    store.save_demand("a", series([1], minute_of(old)))
    store.save_demand("b", series([2]))
    store.record_decision(plan(at=old), {})
    store.record_decision(plan(), {})
    store.save_blob("x", b"old", old)
    store.prune(minute_of(NOON - KEEP))

    assert store.newest_known_minute(["a", "b"]) == {"b": FIRST}
    assert len(store.decisions()) == 1
    assert store.load_blob("x") is None


def test_a_batch_is_all_or_nothing(store):
    store.save_state("a", PoolState(written=1))
    with pytest.raises(AttributeError):
        store.save_states({"a": PoolState(written=2), "b": None})

    assert store.load_states() == {"a": PoolState(written=1)}


def test_a_second_owner_is_refused_with_the_process_of_the_first(path, store):
    with pytest.raises(StoreError, match=f"in use by another Stoker .process {os.getpid()}."):
        Store(path)


def test_the_lock_works_on_a_full_disk(path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(sqlite_file.os, "write", full)

    with Store(path), pytest.raises(StoreError, match="in use by another Stoker"):
        Store(path)


def test_a_folder_without_locks_is_named(path, monkeypatch):
    def without(*_):
        raise OSError(errno.ENOLCK, "No locks available")
    monkeypatch.setattr(sqlite_file.fcntl, "flock", without)

    with pytest.raises(StoreError, match="its folder does not support locks"):
        Store(path)


def test_another_programs_database_is_refused_unchanged(path):
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE theirs (x)")
    with pytest.raises(StoreError, match="another program"):
        Store(path)


@pytest.mark.parametrize(("version", "age"), [(99, "a newer"), (2, "an earlier, unreleased"), (0, "an earlier, unreleased")])
def test_another_schema_version_is_refused_in_one_line_unchanged(path, version, age):
    Store(path).close()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {version}")
    other.close()
    with pytest.raises(StoreError, match=rf"written by {age} Stoker \(schema {version}, .*--state-dir$"):
        Store(path)


def test_a_missing_migration_step_runs_and_data_stays(path, monkeypatch):
    with Store(path) as store:
        store.save_blob("kept", b"yes", NOON)
    monkeypatch.setattr(sqlite_file, "STEPS", (("CREATE TABLE more (x)",),))
    monkeypatch.setattr(sqlite_file, "VERSION", sqlite_file.FIRST_VERSION + 1)
    with Store(path) as store:
        assert store.load_blob("kept") == b"yes"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert other.execute("SELECT count(*) FROM more").fetchone() == (0,)
        assert other.execute("PRAGMA user_version").fetchone() == (sqlite_file.FIRST_VERSION + 1,)


@pytest.mark.parametrize("garble", [
    "UPDATE states SET body = '{\"wri'", "UPDATE states SET body = '[]'", "UPDATE states SET body = CAST(x'7bff7d' AS TEXT)",
    "UPDATE states SET body = '{\"written_at\": 1e300}'", "UPDATE states SET body = '{\"written_at\": 99999999999999999999}'",
    "UPDATE overrides SET body = '{}'", "UPDATE overrides SET body = 'x'",
])
def test_a_valid_file_with_invalid_values_is_renamed(path, garble):
    with Store(path) as store:
        store.save_state("a", PoolState(written=3))
        store.overrides.save("a", Override(Kind.PAUSE, NOON, "me", "a test"))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(garble)

    with Store(path) as again:
        assert again.moved_aside is not None
        assert again.load_states() == {}
        again.save_state("a", PoolState(written=4))
    with Store(path) as third:
        assert (third.moved_aside, third.load_states()["a"].written) == (None, 4)


def test_an_hour_of_the_wrong_size_is_unknown_and_can_be_replaced(path):
    with Store(path) as store:
        store.save_demand("a", series([1, 2, 3]))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE demand SET block = substr(block, 1, 100)")

    with Store(path) as again:
        assert not again.load_demand("a", FIRST, FIRST + 3).known.any()
        again.save_demand("a", series([4, 5]))
        assert again.load_demand("a", FIRST, FIRST + 3).known.tolist() == [True, True, False]


def test_a_damaged_file_is_renamed_and_nothing_is_deleted(path):
    path.write_bytes(b"this is no database at all, " * 500)
    with Store(path) as store:
        assert store.moved_aside is not None
        assert store.moved_aside.read_bytes().startswith(b"this is no database")
        assert store.load_states() == {}


@pytest.mark.parametrize(("at", "byte"), [(0, 0), (18, 66), (19, 66), (47, 9)])
def test_a_changed_bit_in_the_header_is_damage(path, at, byte):
    with Store(path) as store:
        store.save_state("a", PoolState(written=3))
    whole = bytearray(path.read_bytes())
    whole[at] = byte
    path.write_bytes(whole)

    with Store(path) as store:
        assert store.moved_aside is not None


def test_unknown_fields_of_a_state_are_dropped(path):
    with Store(path) as store:
        store.save_state("a", PoolState(written=3))
        with store._database.writing() as connection:
            connection.execute("""UPDATE states SET body = '{"written": 3, "from_the_future": 1}'""")
        assert store.load_states() == {"a": PoolState(written=3)}


def test_naive_instants_are_refused(store):
    with pytest.raises(TypeError):
        store.save_intent("a", 1, datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None))
