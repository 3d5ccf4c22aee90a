"""Translation of errors of PostgreSQL to `AdapterError`. Texts of the server are quoted only where they cannot contain data."""

import psycopg

from adapters.ports.errors import AdapterError, NotFound, PermissionDenied, Throttled, Unreachable, Unsupported, brief

CANCELED, READ_ONLY, NOT_ALLOWED, NO_DATABASE = "57014", "25006", "42501", "3D000"
WRONG_QUERY, WRONG_DATA, REFUSED, FULL = ("0A", "42"), "22", "28", "53"
"""Classes of SQLSTATE. The first are unsupported features and errors of syntax or names."""


def translate(error: psycopg.Error, place: str, what: str, seconds: float) -> AdapterError:
    """Return the error of a query. `place`: the server. `what`: the pool and the server. `seconds`: timeout of a query."""
    state = error.sqlstate or ""
    if state == CANCELED:
        return Unreachable(f"{what}: the query did not finish within {seconds:g} s: make it cheaper, for example by an index")
    if state == READ_ONLY:
        return Unsupported(f"{what}: the query writes, which a read-only transaction refuses: write a SELECT that only reads")
    if state == NOT_ALLOWED:
        return PermissionDenied(f"{what}: the role may not read what the query needs: GRANT SELECT on it to username")
    if state.startswith(WRONG_QUERY):
        return Unsupported(f"{what}: the server refuses the query ({brief(error.diag.message_primary or state)}): correct query")
    if state.startswith(WRONG_DATA):
        return Unsupported(f"{what}: the query fails on its data (SQLSTATE {state}): correct query")
    if state.startswith(FULL):
        return Throttled(f"{place}: the server has no resources or connections left (SQLSTATE {state}): raise max_connections, "
                         "or set host to a connection pooler")
    return _unconnected(str(error), state, place)


def _unconnected(text: str, state: str, place: str) -> AdapterError:
    """Return the error of a connection, of which libpq has a text only."""
    if "certificate" in text:
        return Unreachable(f"{place}: the server's certificate is not trusted or not valid for host: set tls.ca_file, or correct "
                           "host")
    if "does not support SSL" in text:
        return Unsupported(f"{place}: the server accepts no TLS connections: enable them there, or remove tls")
    if "pg_hba.conf" in text:
        return PermissionDenied(f"{place}: the server allows no such connection: set tls if it requires encryption, or allow the "
                                "role, database and address in pg_hba.conf")
    if state.startswith(REFUSED) or "authentication" in text or "password" in text:
        return PermissionDenied(f"{place}: the server refuses the role or its password: check username, password_env and its "
                                "value")
    if state == NO_DATABASE or "does not exist" in text:
        return NotFound(f"{place}: the database or the role does not exist: correct database or username")
    return Unreachable(f"{place}: the server cannot be reached or closes connections: check host, port, tls and network")
