"""Authorization of writes by the daemon's bearer token. Without a configured token, writes are disabled."""

import hashlib
import hmac

from aiohttp import web

from controller.leadership.leader_election import LeaderElection


class BearerAuth:
    """Check of the bearer token; stores only its digest. `token` is None if none is configured."""

    def __init__(self, token: str | None = None) -> None:
        self._digest = None if token is None else digest(token)

    @property
    def open(self) -> bool:
        """Whether writes are enabled."""
        return self._digest is not None

    def admit(self, request: web.Request, leadership: LeaderElection | None) -> None:
        """Return if `request` may write. Raise 403 (no token configured), 401 (token missing or wrong) or 409 (another daemon
        leads). `leadership`: of daemons that share a lease; only the leader accepts overrides, which its successor takes over.
        """
        if self._digest is None:
            raise web.HTTPForbidden(reason="writes are disabled because no token is configured: set STOKER_TOKEN "
                                           "or --token-file for stoker run")
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            raise Unauthorized("missing token: send the header Authorization: Bearer TOKEN with the daemon's token", "Bearer")
        if not hmac.compare_digest(digest(shown.strip()), self._digest):
            raise Unauthorized("wrong token: send the daemon's token", 'Bearer error="invalid_token"')
        if leadership is not None and (why := leadership.write_blocked(leadership.number)) is not None:
            leader = leadership.shown()["leader_url"] if leadership.number is None else None
            remedy = "retry later" if leader is None else f"send the request to the leader at {leader}"
            raise web.HTTPConflict(reason=f"this daemon is a standby ({why}): {remedy}")


class Unauthorized(web.HTTPUnauthorized):
    """401: the token is missing or wrong."""

    def __init__(self, text: str, challenge: str) -> None:
        super().__init__(reason=text, headers={"WWW-Authenticate": challenge})


def digest(token: str) -> bytes:
    """Return the digest of a token; its fixed length makes the comparison constant-time."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
