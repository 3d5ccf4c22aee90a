"""Store of demand, pool states, decisions, lead times, accounts and snapshots.

It is synchronous and has no clock: callers pass instants, and run all calls in one dedicated thread. When a method returns, its
data is on disk. When it raises `StoreError`, it has changed nothing and may be called again.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from controller.decision.costs.kinds import Mode
from controller.decision.planning.plan import Plan
from controller.decision.planning.pool_state.state import PoolState
from controller.store.codec import (
    MINUTES,
    LeadTime,
    blocks,
    by_hour,
    dump_inputs,
    dump_plan,
    dump_state,
    instant,
    joined,
    load_state,
    merged_hour,
    micros,
    summed,
    without_zeros,
)
from controller.store.override_table import OverrideTable
from controller.store.sqlite_file import Database, StoreDamaged, StoreError
from forecasting.demand import DemandSeries, instant_of

__all__ = ["KEEP", "KEEP_ACCOUNTS", "LeadTime", "Store", "StoreError"]

KEEP = timedelta(days=15)
"""Default retention of history: the 14 days that forecasts use, plus 1 day."""

KEEP_ACCOUNTS = timedelta(days=92)
"""Retention of daily accounts, longer than that of demand: they are small, and `/status` shows sums per month."""

POOL_BITS = 24
INVALID = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""Errors of reading back values that are not what was written."""


class Store:
    """Store in one file with one owner. `moved_aside`: new path of a damaged file that opening replaced, else None."""

    def __init__(self, path: Path) -> None:
        """Open or create `path`. `StoreError` when it is in use, not writable, another program's, or of another version."""
        self._database = Database(path)
        self._ids: dict[str, int] = {}
        self.overrides = OverrideTable(self._database, self._ids_of)
        try:
            try:
                self._read_all()
            except (StoreDamaged, *INVALID):
                self._database.replace_damaged()
                self._read_all()
        except BaseException:
            with suppress(StoreError):
                self._database.close()
            raise
        self.path, self.moved_aside = self._database.path, self._database.moved_aside

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _read_all(self) -> None:
        """Read all that a start reads. SQLite detects a damaged page, but not a changed byte in a value."""
        with self._database.reading() as connection:
            self._ids = dict(connection.execute("SELECT name, id FROM pools"))
        self.load_states()
        self.intents()
        self.overrides.load()

    def close(self) -> None:
        """Shut down cleanly. Without this call nothing is lost, but the next start checks the file."""
        self._database.close()

    # -- demand --

    def save_demand(self, pool: str, series: DemandSeries) -> None:
        """Store the recorded minutes of `series`. Other stored minutes stay."""
        self.save_demands({pool: series})

    def save_demands(self, batch: Mapping[str, DemandSeries]) -> None:
        """Store the demand of many pools in one transaction."""
        ids = self._ids_of(batch)
        with self._database.writing() as connection:
            for pool, series in batch.items():
                number, rows = ids[pool], []
                for hour, block in blocks(series):
                    key = hour << POOL_BITS | number
                    stored = connection.execute("SELECT block FROM demand WHERE key = ?", (key,)).fetchone()
                    rows.append((key, (block if stored is None else merged_hour(block, stored[0])).tobytes()))
                if not rows:
                    continue
                connection.executemany("INSERT OR REPLACE INTO demand VALUES (?, ?)", rows)
                if len(known := series.known.nonzero()[0]):
                    newest = series.first_minute + int(known[-1])
                    connection.execute("UPDATE pools SET newest_minute = max(ifnull(newest_minute, ?), ?) WHERE id = ?",
                                       (newest, newest, number))

    def withdraw(self, batch: Mapping[str, Sequence[int]]) -> None:
        """Mark those of the minutes (since the epoch) of each pool as unknown whose stored peak is 0."""
        ids = self._ids_of(batch)
        with self._database.writing() as connection:
            for pool, minutes in batch.items():
                for hour, within in by_hour(minutes):
                    key = hour << POOL_BITS | ids[pool]
                    for (stored,) in connection.execute("SELECT block FROM demand WHERE key = ?", (key,)).fetchall():
                        connection.execute("UPDATE demand SET block = ? WHERE key = ?",
                                           (without_zeros(stored, within).tobytes(), key))

    def load_demand(self, pool: str, first_minute: int, end_minute: int) -> DemandSeries:
        """Return the minutes [first_minute, end_minute) since the epoch; unknown where nothing is stored."""
        number = self._ids.get(pool)
        if number is None or end_minute <= first_minute:
            return DemandSeries.empty(first_minute, max(0, end_minute - first_minute))
        first, end = first_minute // MINUTES, -(-end_minute // MINUTES)
        keys = json.dumps([hour << POOL_BITS | number for hour in range(first, end)])
        with self._database.reading() as connection:
            rows = connection.execute("SELECT demand.key, block FROM json_each(?) AS wanted "
                                      "CROSS JOIN demand ON demand.key = wanted.value", (keys,))
            return joined(((key >> POOL_BITS, block) for key, block in rows), first_minute, end_minute)

    def oldest_known_minute(self, first_minute: int) -> int | None:
        """Return the first minute, from `first_minute` on, of the oldest stored hour of any pool; None without any."""
        with self._database.reading() as connection:
            least = (first_minute // MINUTES << POOL_BITS,)
            key = connection.execute("SELECT min(key) FROM demand WHERE key >= ?", least).fetchone()[0]
        return None if key is None else max(first_minute, (key >> POOL_BITS) * MINUTES)

    def newest_known_minute(self, pools: Iterable[str]) -> dict[str, int]:
        """Return the newest minute of known demand of each of `pools` that has one."""
        with self._database.reading() as connection:
            newest = dict(connection.execute("SELECT name, newest_minute FROM pools WHERE newest_minute IS NOT NULL"))
        return {pool: newest[pool] for pool in pools if pool in newest}

    # -- pool states --

    def save_state(self, pool: str, state: PoolState) -> None:
        """Replace the pool's state, including its intent."""
        self.save_states({pool: state})

    def save_states(self, states: Mapping[str, PoolState]) -> None:
        """Replace the states of many pools in one transaction."""
        ids = self._ids_of(states)
        rows = [(ids[pool], dump_state(state), state.intent) for pool, state in states.items()]
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT INTO states (pool, body, intent) VALUES (?, ?, ?) ON CONFLICT (pool) DO UPDATE SET body = excluded.body, "
                "intent_at = CASE WHEN intent IS excluded.intent THEN intent_at END, intent = excluded.intent", rows)

    def load_states(self) -> dict[str, PoolState]:
        """Return the last saved state of every pool, with the intent if one was saved since."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, body, intent FROM states JOIN pools ON id = pool").fetchall()
        return {name: load_state(body, intent) for name, body, intent in rows}

    def save_intent(self, pool: str, target: int, at: datetime) -> None:
        """Store that a write of `target` is about to be sent. Send the write only after this has returned."""
        number = self._ids_of([pool])[pool]
        with self._database.writing() as connection:
            connection.execute("INSERT INTO states VALUES (?, '{}', ?, ?) ON CONFLICT (pool) DO UPDATE SET "
                               "intent = excluded.intent, intent_at = excluded.intent_at", (number, target, micros(at)))

    def intents(self) -> dict[str, tuple[int, datetime]]:
        """Return target and instant of each write of unknown outcome, by pool. A start reports them first."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, intent, intent_at FROM states JOIN pools ON id = pool "
                                      "WHERE intent IS NOT NULL AND intent_at IS NOT NULL").fetchall()
        return {name: (target, instant(at)) for name, target, at in rows}

    # -- decisions and lead times --

    def record_decision(self, plan: Plan, inputs: Mapping[str, Any]) -> int:
        """Append a plan with its inputs, and return its number. Numbers only grow."""
        return self.record_decisions([(plan, inputs)])[0]

    def record_decisions(self, batch: Iterable[tuple[Plan, Mapping[str, Any]]]) -> list[int]:
        """Append many plans in one transaction, and return their numbers."""
        rows = [(plan.pool, micros(plan.at), dump_plan(plan), dump_inputs(inputs)) for plan, inputs in batch]
        ids = self._ids_of(pool for pool, *_ in rows)
        numbers = []
        with self._database.writing() as connection:
            for pool, *row in rows:
                done = connection.execute("INSERT INTO decisions (pool, at, plan, inputs) VALUES (?, ?, ?, ?)", (ids[pool], *row))
                numbers.append(int(done.lastrowid or 0))
        return numbers

    def decisions(self, pool: str | None = None, since: datetime | None = None, limit: int = 100,
                  before: tuple[int, int] | None = None) -> list[dict[str, Any]]:
        """Return the newest `limit` decisions at or after `since` and before the cursor `before`, of one pool or all, newest
        first.

        Each has id, pool, at (ISO 8601), action, target, requested, ready, proposal, reasons, text, inputs and `cursor`. For the
        next page, pass the two numbers of the last cursor as `before`.
        """
        query = "SELECT d.id, name, at, plan, inputs FROM decisions d JOIN pools p ON p.id = d.pool WHERE at >= ?"
        values: list[Any] = [-(2**63) if since is None else micros(since)]
        if pool is not None:
            query, values = f"{query} AND d.pool = ?", [*values, self._ids.get(pool, -1)]
        if before is not None:
            query, values = f"{query} AND (at, d.id) < (?, ?)", [*values, *before]
        with self._database.reading() as connection:
            rows = connection.execute(f"{query} ORDER BY at DESC, d.id DESC LIMIT ?", (*values, limit)).fetchall()
        return [{"id": number, "pool": name, "at": instant(at).isoformat(), **json.loads(plan), "inputs": json.loads(inputs),
                 "cursor": f"{at}-{number}"} for number, name, at, plan, inputs in rows]

    def record_lead_time(self, pool: str, target: int, seconds: float, at: datetime) -> None:
        """Store that `target`, requested at `at`, was ready `seconds` later."""
        number = self._ids_of([pool])[pool]
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO lead_times VALUES (?, ?, ?, ?)", (number, micros(at), target, seconds))

    def lead_times(self, pool: str, limit: int = 100) -> list[LeadTime]:
        """Return the newest `limit` measurements of a pool, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT at, target, seconds FROM lead_times WHERE pool = ? ORDER BY at DESC LIMIT ?",
                                      (self._ids.get(pool, -1), limit)).fetchall()
        return [LeadTime(instant(at), target, seconds) for at, target, seconds in rows]

    # -- accounts --

    def add_accounts(self, day: date, batch: Mapping[str, Mapping[str, float]], modes: Mapping[str, Mode]) -> None:
        """Add amounts to the accounts of many pools on `day`, each in the pool's mode, in one transaction. Names are free."""
        ids = self._ids_of(batch)
        with self._database.writing() as connection:
            for pool, amounts in batch.items():
                key = (day.isoformat(), ids[pool], modes[pool])
                stored = connection.execute("SELECT body FROM accounts WHERE day = ? AND pool = ? AND mode = ?", key).fetchone()
                body = json.dumps(summed(json.loads(stored[0]) if stored else {}, amounts))
                connection.execute("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?)", (*key, body))

    def accounts(self, first: date, end: date) -> dict[Mode, dict[str, dict[str, float]]]:
        """Return the sums by mode and pool over the days `first <= day < end`. A start reads today and the month."""
        sums: dict[Mode, dict[str, dict[str, float]]] = {}
        with self._database.reading() as connection:
            rows = connection.execute("SELECT mode, name, body FROM accounts JOIN pools ON id = pool WHERE day >= ? AND day < ?",
                                      (first.isoformat(), end.isoformat()))
            for mode, name, body in rows:
                pools = sums.setdefault(mode, {})
                pools[name] = summed(pools.get(name, {}), json.loads(body))
        return sums

    # -- snapshots --

    def save_blob(self, key: str, body: bytes, at: datetime) -> None:
        """Store `body` under `key`."""
        self.save_blobs({key: body}, at)

    def save_blobs(self, batch: Mapping[str, bytes], at: datetime) -> None:
        """Store the bytes of many keys in one transaction."""
        with self._database.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)",
                                   [(key, micros(at), body) for key, body in batch.items()])

    def load_blob(self, key: str) -> bytes | None:
        """Return the bytes under `key`; None without any."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT body FROM blobs WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    # -- retention --

    def prune(self, before_minute: int) -> None:
        """Delete hours, decisions, lead times and snapshots before `before_minute`. Accounts stay `KEEP_ACCOUNTS` longer."""
        before = instant_of(before_minute)
        with self._database.writing() as connection:
            connection.execute("DELETE FROM demand WHERE key < ?", (before_minute // MINUTES << POOL_BITS,))
            connection.execute("UPDATE pools SET newest_minute = NULL WHERE newest_minute < ?",
                               (before_minute // MINUTES * MINUTES,))
            for table in ("decisions", "lead_times", "blobs"):
                connection.execute(f"DELETE FROM {table} WHERE at < ?", (micros(before),))  # noqa: S608 - names from above
            connection.execute("DELETE FROM accounts WHERE day < ?", ((before - KEEP_ACCOUNTS).date().isoformat(),))

    def _ids_of(self, pools: Iterable[str]) -> dict[str, int]:
        """Return the id of each pool. New pools are inserted in a separate transaction, so that no rolled-back id is cached."""
        names = list(pools)
        new = [name for name in dict.fromkeys(names) if name not in self._ids]
        if new:
            with self._database.writing() as connection:
                connection.executemany("INSERT INTO pools (name) VALUES (?)", [(name,) for name in new])
                ids = dict(connection.execute("SELECT name, id FROM pools"))
            self._ids = ids
        return {name: self._ids[name] for name in names}
