"""Table of active overrides: one row per pool and kind, deleted when the override ends."""

import json
from collections.abc import Callable, Iterable

from controller.decision.planning.overrides_in_force import Kind, Override, entry, shown_override
from controller.store.codec import micros
from controller.store.sqlite_file import Database

IdsOf = Callable[[Iterable[str]], dict[str, int]]


class OverrideTable:
    """Part of the store, with the same thread and guarantees."""

    def __init__(self, database: Database, ids_of: IdsOf) -> None:
        self._database, self._ids_of = database, ids_of

    def save(self, pool: str, override: Override) -> None:
        """Store an override; it replaces the pool's earlier one of the same kind."""
        row = (self._ids_of([pool])[pool], override.kind.value, micros(override.until), json.dumps(entry(override)))
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO overrides VALUES (?, ?, ?, ?)", row)

    def remove(self, pool: str, kinds: Iterable[Kind]) -> None:
        """Delete the pool's overrides of these kinds, if any."""
        number = self._ids_of([pool])[pool]
        with self._database.writing() as connection:
            connection.executemany("DELETE FROM overrides WHERE pool = ? AND kind = ?", [(number, kind.value) for kind in kinds])

    def load(self) -> dict[str, tuple[Override, ...]]:
        """Return the overrides by pool, including those that have expired since."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, body FROM overrides JOIN pools ON id = pool "
                                      "ORDER BY pool, kind").fetchall()
        overrides: dict[str, tuple[Override, ...]] = {}
        for name, body in rows:
            overrides[name] = (*overrides.get(name, ()), shown_override(json.loads(body)))
        return overrides
