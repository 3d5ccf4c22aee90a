"""Access tokens for Google's APIs, renewed here and not by gRPC's credential plug-in.

A failure of the plug-in reaches the caller as UNAVAILABLE, so that a write may or may not have been sent; it writes a traceback
to the log, and each waiting call holds a thread. Here all calls share one token and one renewal, which delays a call by a limited
time and delays no exit.
"""

import asyncio
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

import google.auth
from google.auth.credentials import with_scopes_if_required
from google.oauth2 import service_account

from adapters.gcp.auth.credential_file import credential_file
from adapters.gcp.auth.token_refusals import NoToken, explain
from adapters.gcp.auth.token_requests import TokenRequests
from adapters.ports.diagnostics import Dated
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import Clock
from adapters.runtime.threads import DaemonThreads

T = TypeVar("T")
P = ParamSpec("P")
Headers = tuple[tuple[str, str], ...]

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
THREADS = 4
"""One renews; the others replace threads that wait for an answer without end."""

GIVE_UP = 90.0
"""Seconds after which a renewal is abandoned and another one may start."""

PAUSE = 5.0
"""Seconds from a failed renewal to the next one. Calls fail with the same error until then."""

AHEAD, MARGIN = 225.0, 20.0
"""Seconds before its expiry that a token is renewed, as in the library, and that it is no longer used."""

READ_AGAIN = 30.0
"""Seconds between two reads of the credentials after Google refused a token."""


@dataclass(frozen=True, slots=True)
class Token:
    """`headers` of a call. In the loop's time, the token is renewed from `due` on and used until `last`."""

    headers: Headers
    due: float
    last: float


class Tokens:
    """Tokens of Application Default Credentials, found by `environment`. `patience`: seconds that a call waits for one."""

    def __init__(self, clock: Clock, patience: float, environment: Mapping[str, str] = os.environ,
                 give_up: float = GIVE_UP) -> None:
        self._clock, self._patience, self._environment, self._give_up = clock, patience, environment, give_up
        self._threads = DaemonThreads(THREADS, "google-tokens")
        self._credentials: Any = None
        self._requests: TokenRequests | None = None
        self._token: Token | None = None
        self._renewal: asyncio.Task[Token] | None = None
        self._failed: tuple[float, NoToken] | None = None
        self._read_at = -READ_AGAIN

    @property
    def dated(self) -> Dated | None:
        """The `Date` of the last answer of a token service."""
        return None if self._requests is None else self._requests.last.dated

    async def headers(self) -> Headers:
        """Return the metadata of a call. Raises `NoToken`."""
        now = asyncio.get_running_loop().time()
        token = self._token
        if token is not None and now < token.due:
            return token.headers
        failed = self._failed if self._failed is not None and now < self._failed[0] else None
        if failed is None:
            self._begun()
        if token is not None and now < token.last:
            return token.headers
        if failed is not None:
            raise failed[1].again()
        return (await self._waited()).headers

    def refused(self, headers: Headers) -> None:
        """Read the credentials again for the next call, since Google refused one with `headers`: they may have been rotated."""
        now = asyncio.get_running_loop().time()
        if self._token is not None and self._token.headers == headers and now >= self._read_at + READ_AGAIN:
            self._token, self._credentials, self._read_at = None, None, now

    def close(self) -> None:
        """Stop renewing. A request in progress is not waited for."""
        if self._renewal is not None:
            self._renewal.cancel()
        self._threads.shutdown()

    def _begun(self) -> "asyncio.Task[Token]":
        """Return the renewal in progress; start one if there is none."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="renewal of Google's token")
            self._renewal.add_done_callback(self._renewed)
        return self._renewal

    async def _waited(self) -> Token:
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(self._begun())
        except TimeoutError:
            raise self._silent(self._patience) from None

    def _silent(self, seconds: float) -> NoToken:
        host = "" if self._requests is None else self._requests.last.host
        who = f"the token service {host}" if host else "the source of Google credentials"
        return NoToken(Unreachable, f"{who} gave no token within {seconds:g} s")

    def _renewed(self, renewal: "asyncio.Task[Token]") -> None:
        self._renewal = None
        if not renewal.cancelled() and (error := renewal.exception()) is not None and isinstance(error, NoToken):
            asked = 0.0 if error.retry_after is None else error.retry_after.total_seconds()
            self._failed = asyncio.get_running_loop().time() + max(PAUSE, asked), error

    async def _renew(self) -> Token:
        requests = self._requests = TokenRequests(self._clock)
        try:
            async with asyncio.timeout(self._give_up):
                credentials, headers = await self._in_thread(_refreshed, self._credentials, requests, self._environment)
        except TimeoutError:
            self._credentials = None  # the abandoned thread uses them
            raise self._silent(self._give_up) from None
        except Exception as error:  # noqa: BLE001  (whatever it is, it is explained)
            self._credentials = None  # the file may have been replaced
            raise await self._in_thread(explain, error, requests.last, self._environment) from None
        self._credentials, self._failed = credentials, None
        self._token = Token(headers, *self._span(credentials))
        return self._token

    async def _in_thread(self, function: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *given, **named))

    def _span(self, credentials: Any) -> tuple[float, float]:  # noqa: ANN401
        """Return `due` and `last` of a new token. A short-lived one is due after half of its life, not at each call."""
        now = asyncio.get_running_loop().time()
        if credentials.expiry is None:
            return float("inf"), float("inf")
        life = max(0.0, (credentials.expiry - self._clock.now().replace(tzinfo=None)).total_seconds())
        return now + life - min(AHEAD, life / 2), now + life - min(MARGIN, life / 4)


def _refreshed(credentials: Any, requests: TokenRequests, environment: Mapping[str, str]) -> tuple[Any, Headers]:  # noqa: ANN401
    """Return the credentials, found if none are given, and the headers of a new token. Runs in a thread."""
    if credentials is None:
        credentials = with_scopes_if_required(_found(requests, environment), SCOPES)  # type: ignore[no-untyped-call]
        if isinstance(credentials, service_account.Credentials):
            credentials = credentials.with_always_use_jwt_access(True)  # type: ignore[no-untyped-call]
    credentials.refresh(requests)
    headers: dict[str, str] = {}
    credentials.apply(headers)
    return credentials, tuple(headers.items())


def _found(requests: TokenRequests, environment: Mapping[str, str]) -> Any:  # noqa: ANN401
    """Return the credentials that the library finds, without looking up their project: the policy names it, and the look-up, by
    gcloud or at Google, can fail or hang.
    """
    file = credential_file(environment)
    if file is None:
        return google.auth.default(request=requests)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it concerns files from strangers; the operator gave this one
        return google.auth.load_credentials_from_file(str(file.path), request=requests)[0]  # type: ignore[no-untyped-call]
