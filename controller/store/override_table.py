"""The table of what operators ordered for a while: one row for each pool and kind of order, gone with the order."""

import json
from collections.abc import Callable, Iterable

from controller.decision.planning.overrides import Kind, Override, entry, shown_override
from controller.store.codec import micros
from controller.store.sqlite_file import Database

IdsOf = Callable[[Iterable[str]], dict[str, int]]


class OverrideTable:
    """Part of the store: the same thread, the same promises."""

    def __init__(self, database: Database, ids_of: IdsOf) -> None:
        self._database, self._ids_of = database, ids_of

    def save(self, pool: str, override: Override) -> None:
        """Note an order in place of the pool's earlier one of the same kind."""
        row = (self._ids_of([pool])[pool], override.kind.value, micros(override.until), json.dumps(entry(override)))
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO overrides VALUES (?, ?, ?, ?)", row)

    def remove(self, pool: str, kinds: Iterable[Kind]) -> None:
        """Forget orders; one that is not there is no fault."""
        number = self._ids_of([pool])[pool]
        with self._database.writing() as connection:
            connection.executemany("DELETE FROM overrides WHERE pool = ? AND kind = ?", [(number, kind.value) for kind in kinds])

    def load(self) -> dict[str, tuple[Override, ...]]:
        """The orders of each pool that has one, those that have ended meanwhile included."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name, body FROM overrides JOIN pools ON id = pool "
                                      "ORDER BY pool, kind").fetchall()
        found: dict[str, tuple[Override, ...]] = {}
        for name, body in rows:
            found[name] = (*found.get(name, ()), shown_override(json.loads(body)))
        return found
