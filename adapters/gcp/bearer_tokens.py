"""Access tokens for Google's HTTP APIs that no client of the Google library calls, such as queries in PromQL."""

from collections.abc import Mapping

from adapters.gcp.auth.token_refusals import NoToken
from adapters.gcp.auth.tokens import Tokens
from adapters.runtime.clock import Clock

READ_METRICS = "https://www.googleapis.com/auth/monitoring.read"
READY_SECONDS = 20.0
"""Time that a request waits for a token."""


class BearerTokens:
    """Tokens that may only read metrics, renewed before they expire. `server`: URL. `impersonate`: service account of the tokens;
    without it, they are of the Application Default Credentials.
    """

    def __init__(self, server: str, clock: Clock, environment: Mapping[str, str], impersonate: str | None = None) -> None:
        self._server = server
        self._tokens = Tokens(clock, READY_SECONDS, environment, scopes=(READ_METRICS,), impersonate=impersonate)

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a request. Raise `AdapterError` when there is no token."""
        try:
            return dict(await self._tokens.headers())
        except NoToken as missing:
            raise missing.about(self._server) from None

    def refused(self, headers: Mapping[str, str]) -> None:
        """Read the credentials again, because the server rejected a request with `headers`."""
        self._tokens.refused(tuple(headers.items()))

    async def close(self) -> None:
        """Stop renewing."""
        self._tokens.close()
