"""Translation of errors of Redis and of its client to `AdapterError`. No message contains a password."""

from redis import exceptions as redis

from adapters.ports.errors import UNTRUSTED, AdapterError, NotFound, PermissionDenied, Throttled, Unreachable, Unsupported, brief


def translate(error: Exception, place: str, what: str) -> AdapterError:
    """Return the error of a command. `place`: the server. `what`: the pool, its command and the server.

    Only the text of a refused command is quoted. It may contain the key, and no password: AUTH has errors of its own.
    """
    if isinstance(error, redis.AuthenticationError | redis.AuthenticationWrongNumberOfArgsError):
        return PermissionDenied(f"{place}: the server refuses the password or requires one: check username, password_env and its "
                                "value")
    if isinstance(error, redis.NoPermissionError):
        return PermissionDenied(f"{what}: the user may not run the command on the key: allow both in its ACL")
    if isinstance(error, redis.BusyLoadingError):
        return Unreachable(f"{place}: the server is loading its data: wait until it has finished")
    if isinstance(error, redis.MasterDownError):
        return Unreachable(f"{place}: the replica has lost its primary: check the replication, or set host to the primary")
    if isinstance(error, redis.AskError | redis.ClusterDownError | redis.TryAgainError):
        return Unsupported(f"{what}: the key is on another node of a Redis cluster, which is not followed: set host to a proxy "
                           "of the cluster")
    if isinstance(error, redis.ResponseError):
        return _refused(brief(str(error)), what)
    if isinstance(error, redis.TimeoutError | TimeoutError):
        return Unreachable(f"{place}: no response in time: check host, port, network and the load of the server")
    if UNTRUSTED in str(error):
        return Unreachable(f"{place}: the server's certificate is not trusted or not valid for host: set tls.ca_file, or correct "
                           "host")
    if "max number of clients" in str(error):
        return Throttled(f"{place}: the server has the maximum of clients: raise maxclients")
    return Unreachable(f"{place}: the server cannot be reached or closes connections ({type(error).__name__}): check host, port, "
                       "tls and network")


def _refused(text: str, what: str) -> AdapterError:
    """Return the error of a command that the server refuses."""
    if text.startswith("WRONGTYPE"):
        return Unsupported(f"{what}: the key has another type than the command needs: correct command or key")
    if "DB index" in text:
        return NotFound(f"{what}: the server has no such database: correct database")
    return Unsupported(f"{what}: the server refuses the command ({text}): correct command, key or database")
