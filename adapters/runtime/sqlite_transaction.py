"""Transactions in a SQLite file, for the lease of daemons on one machine and for the controller's store."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the block as an exclusive transaction: committed when it returns, rolled back when it raises.

    `connection` must be in autocommit mode (`isolation_level=None`). Raise the errors of `sqlite3`.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
