"""Tables of the store, and the migration step from each schema version to the next.

`TABLES` creates version 4, the first supported version. Earlier versions were never released; their files are refused. Never
change a released step; add a new one to `STEPS`.

Instants are whole microseconds since the Unix epoch, days are ISO dates, structured values are JSON.
"""

APPLICATION_ID = 0x53544B52
"""Marks the file as Stoker's, so that a wrong path never changes another program's data."""

TABLES: tuple[str, ...] = (
    # `clean` is 0 while a process has the file open. 0 at opening means that the last process was killed.
    "CREATE TABLE life (clean INTEGER NOT NULL)",
    "INSERT INTO life VALUES (1)",
    "CREATE TABLE pools (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, newest_minute INTEGER)",
    # key = hour << 24 | pool: the blocks of one tick are adjacent, so a tick rewrites 1/5 of the pages of a pool-first
    # order, and pruning deletes one range. block: float32 little-endian [3, 60]: peak, busy, invocations.
    "CREATE TABLE demand (key INTEGER PRIMARY KEY, block BLOB NOT NULL)",
    "CREATE TABLE states (pool INTEGER PRIMARY KEY, body TEXT NOT NULL, intent INTEGER, intent_at INTEGER)",
    """CREATE TABLE decisions (id INTEGER PRIMARY KEY AUTOINCREMENT, pool INTEGER NOT NULL, at INTEGER NOT NULL,
       plan TEXT NOT NULL, inputs TEXT NOT NULL)""",
    "CREATE INDEX decisions_of_pool ON decisions (pool, at)",
    "CREATE INDEX decisions_at ON decisions (at)",
    """CREATE TABLE lead_times (pool INTEGER NOT NULL, at INTEGER NOT NULL, target INTEGER NOT NULL, seconds REAL NOT NULL,
       PRIMARY KEY (pool, at)) WITHOUT ROWID""",
    "CREATE TABLE blobs (key TEXT PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL)",
    # mode: `active` for actual sums, `shadow` for simulated ones
    """CREATE TABLE accounts (day TEXT NOT NULL, pool INTEGER NOT NULL, mode TEXT NOT NULL, body TEXT NOT NULL,
       PRIMARY KEY (day, pool, mode)) WITHOUT ROWID""",
    """CREATE TABLE overrides (pool INTEGER NOT NULL, kind TEXT NOT NULL, until INTEGER NOT NULL, body TEXT NOT NULL,
       PRIMARY KEY (pool, kind)) WITHOUT ROWID""",
)

FIRST_VERSION = 4
STEPS: tuple[tuple[str, ...], ...] = ()
"""Step n migrates from version FIRST_VERSION + n to the next."""

VERSION = FIRST_VERSION + len(STEPS)
