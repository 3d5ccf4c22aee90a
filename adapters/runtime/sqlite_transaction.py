"""A transaction in a SQLite file, for whoever keeps one: the lease among daemons of one machine, and the controller's store."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Alone in the file from its first reading on; all of it is in the file when this returns, none of it when it raises.

    For a connection in autocommit (`isolation_level=None`). Raises what `sqlite3` raises.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
