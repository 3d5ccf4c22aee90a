"""Access tokens for Google's APIs. gRPC's credential plug-in is not used.

A failure of the plug-in reaches the caller as UNAVAILABLE, so it is unknown whether a write was sent. The plug-in also
writes a traceback to the log and occupies one thread per waiting call. Here all calls share one token and one renewal. A renewal
delays a call by a limited time and never delays the exit of the process.
"""

import asyncio
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, TypeVar

import google.auth
from google.auth import impersonated_credentials
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
"""One thread renews. The others replace threads whose request never returns."""

GIVE_UP = 90.0
"""Seconds after which a renewal is abandoned and another one may start."""

PAUSE = 5.0
"""Seconds from a failed renewal to the next one. Calls fail with the same error until then."""

AHEAD, MARGIN = 225.0, 20.0
"""Seconds before its expiry at which a token is renewed (as in the library), and at which its use ends."""

READ_AGAIN = 30.0
"""Least seconds between two reads of the credentials after Google rejected a token."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `headers`: metadata of a call. It is renewed from `due` on and used until `last`, both in loop time."""

    headers: Headers
    due: float
    last: float


class Tokens:
    """Tokens of Application Default Credentials, which are found by `environment`.

    `patience`: seconds that a call waits for a token. `give_up`: seconds after which a renewal is abandoned. `scopes`: what the
    tokens allow, as far as the kind of credentials can be restricted. `impersonate`: email address of the service account whose
    tokens the credentials request; None: their own.
    """

    def __init__(self, clock: Clock, patience: float, environment: Mapping[str, str] = os.environ,
                 give_up: float = GIVE_UP, scopes: Sequence[str] = SCOPES, impersonate: str | None = None) -> None:
        self._scopes, self._impersonate = scopes, impersonate
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
        """`Date` of the last response of a token service."""
        return None if self._requests is None else self._requests.last.dated

    async def headers(self) -> Headers:
        """Return the metadata of a call. Raise `NoToken` when there is no token within `patience` seconds."""
        now = asyncio.get_running_loop().time()
        token = self._token
        if token is not None and now < token.due:
            return token.headers
        failed = self._failed if self._failed is not None and now < self._failed[0] else None
        if failed is None:
            self._start_renewal()
        if token is not None and now < token.last:
            return token.headers
        if failed is not None:
            raise failed[1].again()
        return (await self._renewed_token()).headers

    def refused(self, headers: Headers) -> None:
        """Discard token and credentials after Google rejected a call with `headers`: the credentials may have been rotated."""
        now = asyncio.get_running_loop().time()
        if self._token is not None and self._token.headers == headers and now >= self._read_at + READ_AGAIN:
            self._token, self._credentials, self._read_at = None, None, now

    def close(self) -> None:
        """Stop renewing. A request in progress is not waited for."""
        if self._renewal is not None:
            self._renewal.cancel()
        self._threads.shutdown()

    def _start_renewal(self) -> "asyncio.Task[Token]":
        """Return the renewal in progress; start one if there is none."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="renewal of Google's token")
            self._renewal.add_done_callback(self._renewal_done)
        return self._renewal

    async def _renewed_token(self) -> Token:
        try:
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(self._start_renewal())
        except TimeoutError:
            raise self._timed_out(self._patience) from None

    def _timed_out(self, seconds: float) -> NoToken:
        host = "" if self._requests is None else self._requests.last.host
        source = f"the token service {host}" if host else "the source of Google credentials"
        return NoToken(Unreachable, f"{source} returned no token within {seconds:g} s")

    def _renewal_done(self, renewal: "asyncio.Task[Token]") -> None:
        self._renewal = None
        if not renewal.cancelled() and (error := renewal.exception()) is not None and isinstance(error, NoToken):
            retry_after = 0.0 if error.retry_after is None else error.retry_after.total_seconds()
            self._failed = asyncio.get_running_loop().time() + max(PAUSE, retry_after), error

    async def _renew(self) -> Token:
        requests = self._requests = TokenRequests(self._clock)
        try:
            async with asyncio.timeout(self._give_up):
                credentials, headers = await self._in_thread(_refreshed, self._credentials, requests, self._environment,
                                                               self._scopes, self._impersonate)
        except TimeoutError:
            self._credentials = None  # the abandoned thread uses them
            raise self._timed_out(self._give_up) from None
        except Exception as error:  # noqa: BLE001  (each is explained)
            self._credentials = None  # the file may have been replaced
            raise await self._in_thread(explain, error, requests.last, self._environment) from None
        self._credentials, self._failed = credentials, None
        self._token = Token(headers, *self._due_and_last(credentials))
        return self._token

    async def _in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))

    def _due_and_last(self, credentials: Any) -> tuple[float, float]:  # noqa: ANN401
        """Return `due` and `last` of a new token. A short-lived token is due after half of its lifetime, not at each call."""
        now = asyncio.get_running_loop().time()
        if credentials.expiry is None:
            return float("inf"), float("inf")
        life = max(0.0, (credentials.expiry - self._clock.now().replace(tzinfo=None)).total_seconds())
        return now + life - min(AHEAD, life / 2), now + life - min(MARGIN, life / 4)


def _refreshed(credentials: Any, requests: TokenRequests, environment: Mapping[str, str],  # noqa: ANN401
               scopes: Sequence[str], impersonate: str | None) -> tuple[Any, Headers]:
    """Return the credentials, which are loaded when `credentials` is None, and the headers of a new token. Blocks."""
    if credentials is None:
        credentials = _loaded(requests, environment)
        if impersonate is None:
            credentials = with_scopes_if_required(credentials, scopes)  # type: ignore[no-untyped-call]
        else:
            credentials = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
                with_scopes_if_required(credentials, SCOPES), impersonate, scopes)  # type: ignore[no-untyped-call]
        if isinstance(credentials, service_account.Credentials):
            credentials = credentials.with_always_use_jwt_access(True)  # type: ignore[no-untyped-call]
    credentials.refresh(requests)
    headers: dict[str, str] = {}
    credentials.apply(headers)
    return credentials, tuple(headers.items())


def _loaded(requests: TokenRequests, environment: Mapping[str, str]) -> Any:  # noqa: ANN401
    """Return the credentials that the library finds, without a lookup of their project.

    The policy names the project, and the lookup, by gcloud or at Google, can fail or hang.
    """
    file = credential_file(environment)
    if file is None:
        return google.auth.default(request=requests)[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is about files of unknown origin; the operator set this one
        return google.auth.load_credentials_from_file(str(file.path), request=requests)[0]  # type: ignore[no-untyped-call]
