"""Access tokens of Microsoft Entra ID for an Azure Monitor workspace: client credentials, or the token of a workload identity.

One renewal serves all requests, starts before the token expires, and delays no request while the old token is valid.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from adapters.ports.errors import AdapterError, Misconfigured, Throttled
from adapters.prometheus.azure_token_service import MOST_BYTES, new_token
from adapters.prometheus.settings import AzureSettings, PrometheusSettings
from adapters.runtime.clock import Clock

AUTHORITY = "https://login.microsoftonline.com"
SCOPE = "https://prometheus.monitor.azure.com/.default"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

AHEAD, MARGIN, PAUSE = 300.0, 30.0, 15.0
"""Seconds before its expiry at which a token is renewed, and at which its use ends; and from a failed renewal to the next one."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts to which a secret may be sent over http://."""


@dataclass(frozen=True, slots=True)
class Token:
    """Headers of requests with one token. It is renewed from `due` on and used until `last`, both in seconds of the clock."""

    headers: Mapping[str, str]
    due: float
    last: float


class AzureTokens:
    """Tokens of one application for the server of `settings`. What its `azure` leaves out is read from the variables that Azure's
    own libraries read.
    """

    def __init__(self, settings: PrometheusSettings, azure: AzureSettings, clock: Clock, environment: Mapping[str, str]) -> None:
        self._server, self._settings, self._clock, self._environment = settings.url, azure, clock, environment
        self._token: Token | None = None
        self._renewal: asyncio.Task[Token] | None = None
        self._failed: tuple[float, AdapterError] | None = None

    async def headers(self) -> Mapping[str, str]:
        """Return the headers of a request. Raise `AdapterError` when there is no valid token."""
        now = self._clock.monotonic()
        usable = None if self._token is None or now >= self._token.last else self._token
        if usable is not None and now < usable.due:
            return usable.headers
        if self._failed is None or now >= self._failed[0]:
            renewal = self._renewing()
            return usable.headers if usable is not None else (await asyncio.shield(renewal)).headers
        if usable is None:
            raise self._failed[1].with_traceback(None)
        return usable.headers

    def refused(self, headers: Mapping[str, str]) -> None:
        """Discard the token, because the server refused a request with `headers`."""
        if self._token is not None and self._token.headers == headers:
            self._token = None

    async def close(self) -> None:
        """Stop a renewal in progress."""
        if self._renewal is not None:
            self._renewal.cancel()

    def _renewing(self) -> "asyncio.Task[Token]":
        """Return the renewal in progress; start one if there is none."""
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="renewal of Azure's token")
            self._renewal.add_done_callback(self._renewed)
        return self._renewal

    def _renewed(self, renewal: "asyncio.Task[Token]") -> None:
        self._renewal = None
        if renewal.cancelled():
            return
        error = renewal.exception()
        if error is None:
            self._token, self._failed = renewal.result(), None
        elif isinstance(error, AdapterError):
            after = error.retry_after if isinstance(error, Throttled) else None
            pause = PAUSE if after is None else max(PAUSE, after.total_seconds())
            self._failed = self._clock.monotonic() + pause, error

    async def _renew(self) -> Token:
        now = self._clock.monotonic()
        try:
            text, life = await new_token(*await asyncio.to_thread(self._request))
        except AdapterError as error:
            error.args = (f"{self._server}: {error}", *error.args[1:])
            raise
        return Token({"Authorization": f"Bearer {text}"}, now + life - min(AHEAD, life / 2), now + life - min(MARGIN, life / 4))

    def _request(self) -> tuple[str, dict[str, str]]:
        """Return the URL of the token service and the form of a request. Reads files. Raise `Misconfigured`."""
        settings, environment = self._settings, self._environment
        authority = environment.get("AZURE_AUTHORITY_HOST") or AUTHORITY
        if urlsplit(authority).scheme != "https" and urlsplit(authority).hostname not in LOOPBACK:
            raise Misconfigured("AZURE_AUTHORITY_HOST is not an https:// address, so no secret is sent to it: correct it")
        form = {"grant_type": "client_credentials", "scope": SCOPE,
                "client_id": self._given("client_id", settings.client_id, "AZURE_CLIENT_ID")}
        tenant = self._given("tenant_id", settings.tenant_id, "AZURE_TENANT_ID")
        federated = settings.federated_token_file or environment.get("AZURE_FEDERATED_TOKEN_FILE")
        if settings.client_secret_env is not None:
            form["client_secret"] = self._given("client_secret_env", None, settings.client_secret_env)
        elif settings.client_secret_file is not None:
            form["client_secret"] = _text(settings.client_secret_file)
        elif federated:
            form |= {"client_assertion_type": ASSERTION, "client_assertion": _text(federated)}
        else:
            raise Misconfigured("azure has no credentials: set client_secret_env, client_secret_file or federated_token_file, or "
                                "the variable AZURE_FEDERATED_TOKEN_FILE, which AKS sets for pods with a workload identity")
        return f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token", form

    def _given(self, setting: str, value: str | None, variable: str) -> str:
        """Return the value of a setting, or else of a variable. Raise `Misconfigured` when both are absent."""
        found = value or self._environment.get(variable)
        if not found:
            either = f", or write azure.{setting}" if setting in ("client_id", "tenant_id") else ""
            raise Misconfigured(f"azure.{setting} has no value: the environment variable {variable} is not set: set it{either}")
        return found


def _text(path: str) -> str:
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MOST_BYTES).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        raise Misconfigured(f"{path} of azure cannot be read ({why}): correct the path, the file or its permissions") from None
    if not text:
        raise Misconfigured(f"{path} of azure is empty: write the secret or token into it")
    return text
