"""Authorization of writes by the daemon's bearer token. Without a configured token, writes are disabled."""

import hashlib
import hmac

from aiohttp import web

from controller.leadership.leader_election import LeaderElection


class BearerAuth:
    """Keeps a digest only. `token` is None where none was configured."""

    def __init__(self, token: str | None = None) -> None:
        self._digest = None if token is None else digest(token)
        self.leadership: LeaderElection | None = None
        """Where several daemons share a lease: only the leader takes orders, for what it takes is what its successor inherits."""

    @property
    def open(self) -> bool:
        """Whether anybody may write."""
        return self._digest is not None

    def admit(self, request: web.Request) -> None:
        """Return when `request` may write; else 403 (no token is configured), 401 (none or another one is shown), or 409 where
        another daemon leads.
        """
        if self._digest is None:
            raise web.HTTPForbidden(reason="writing is off, for no token is configured: give stoker run one in STOKER_TOKEN, "
                                           "or in a file that --token-file names")
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not shown.strip():
            raise Unauthorized("writing needs the header Authorization: Bearer, with the daemon's token", "Bearer")
        if not hmac.compare_digest(digest(shown.strip()), self._digest):
            raise Unauthorized("this is not the daemon's token", 'Bearer error="invalid_token"')
        if self.leadership is not None and (why := self.leadership.write_blocked(self.leadership.number)) is not None:
            leader = self.leadership.shown()["leader_url"] if self.leadership.number is None else None
            where = "ask again in a while" if leader is None else f"ask the leader at {leader}"
            raise web.HTTPConflict(reason=f"this daemon stands by, for {why}: {where}")


class Unauthorized(web.HTTPUnauthorized):
    """No token, or another one."""

    def __init__(self, text: str, challenge: str) -> None:
        super().__init__(reason=text, headers={"WWW-Authenticate": challenge})


def digest(token: str) -> bytes:
    """Of one length whatever the token's, so that comparing takes the same time."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
