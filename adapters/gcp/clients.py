"""Connections to Google Cloud: two APIs, one access token for both, and a timeout on every call."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from google.api_core.exceptions import DeadlineExceeded, Unauthenticated
from google.cloud.monitoring_v3 import MetricServiceAsyncClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcAsyncIOTransport
from google.cloud.run_v2 import RevisionsAsyncClient, ServicesAsyncClient
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcAsyncIOTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcAsyncIOTransport
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest

from adapters.gcp import network
from adapters.gcp.api_connection import Api
from adapters.gcp.auth.token_refusals import UNSENT, NoToken
from adapters.gcp.auth.tokens import Headers, Tokens
from adapters.gcp.errors import ApiCall, no_answer, not_sent, translate
from adapters.ports.diagnostics import Dated, skew_words
from adapters.ports.errors import AdapterError, PermissionDenied, brief
from adapters.ports.lease_store import fence_of_this_task
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.clock import SystemClock

T = TypeVar("T")

SANDBOX_TOKEN = "stoker-sandbox-token"  # noqa: S105  (only the sandbox accepts it; no account has it)
SANDBOX_HEADERS: Headers = (("authorization", f"Bearer {SANDBOX_TOKEN}"),)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds: `run` and `monitoring` for a response of the API, `slack` for a token and for a connection.

    A connection is pinged every `keepalive` seconds and closed after `keepalive_answer` seconds without a response. Google's
    Bigtable client uses the same numbers.
    """

    run: float = 10.0
    monitoring: float = 30.0
    slack: float = 10.0
    keepalive: float = 30.0
    keepalive_answer: float = 10.0


class Connections:
    """Clients of a process, each created on first use, with the credentials that Google's library finds.

    With `sandbox` (`host:port`), every call goes to that address without TLS, with a token that only the sandbox accepts.
    Credentials, environment variables and proxies of the machine are then ignored. `impersonate`: service account of the calls.
    """

    def __init__(self, sandbox: str | None = None, timeouts: Timeouts | None = None, impersonate: str | None = None) -> None:
        self.timeouts = timeouts or Timeouts()
        self.calls = CallCounter()
        self._clock = SystemClock()  # tokens and responses have real dates, also when decisions use another clock
        self._tokens = Tokens(self._clock, self.timeouts.slack, impersonate=impersonate) if sandbox is None else None
        self._dated: Dated | None = None
        options = network.keepalive(self.timeouts.keepalive, self.timeouts.keepalive_answer)
        self._run = Api("run", ServicesAsyncClient, ServicesGrpcAsyncIOTransport, sandbox, options, self._note_date)
        self._revisions = Api("run", RevisionsAsyncClient, RevisionsGrpcAsyncIOTransport, sandbox, options, self._note_date)
        self._monitoring = Api("monitoring", MetricServiceAsyncClient, MetricServiceGrpcAsyncIOTransport, sandbox, options,
                               self._note_date)

    @property
    def dated(self) -> Dated | None:
        """`Date` of the last response, errors included. Before the first one, the `Date` of a token service's response."""
        return self._dated or (None if self._tokens is None else self._tokens.dated)

    async def services(self, call: ApiCall, method: str, request: object, digest: Callable[[Any], T]) -> T:
        """Call a method of `google.cloud.run.v2.Services` and return what `digest` extracts from the response."""
        with self.calls.counting("run", method):
            return await self._call(call, self._run, method, request, digest, self.timeouts.run)

    async def revisions(self, call: ApiCall, method: str, request: object, digest: Callable[[Any], T]) -> T:
        """Call a method of `google.cloud.run.v2.Revisions` and return what `digest` extracts from the response."""
        with self.calls.counting("run", method):
            return await self._call(call, self._revisions, method, request, digest, self.timeouts.run)

    async def metrics(self, call: ApiCall, method: str, request: object, digest: Callable[[Any], T]) -> T:
        """Call a method of `google.monitoring.v3.MetricService` and return what `digest` extracts from the response."""
        with self.calls.counting("monitoring", method):
            return await self._call(call, self._monitoring, method, request, digest, self.timeouts.monitoring)

    async def permissions(self, call: ApiCall, resource: str, wanted: Sequence[str]) -> set[str]:
        """Return which permissions of `wanted` the caller has on a Cloud Run service."""
        request = TestIamPermissionsRequest(resource=resource, permissions=wanted)
        return await self._call(call, self._run, "test_iam_permissions", request, lambda answer: set(answer.permissions),
                                self.timeouts.run)

    async def close(self) -> None:
        """Close every connection. Calls in progress fail."""
        if self._tokens is not None:
            self._tokens.close()
        for api in (self._run, self._revisions, self._monitoring):
            await api.close()

    async def _call(self, call: ApiCall, api: Api, method: str, request: object, digest: Callable[[Any], T], seconds: float) -> T:
        """Make the call once. The library's retries are off, because the next tick is the retry."""
        fence = fence_of_this_task() if call.writes else None
        headers = await self._headers(call)
        client = await self._connected(call, api)
        if fence is not None:
            fence.check()
        sent_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(seconds + self.timeouts.slack):  # in case the library exceeds its own timeout
                answer = await getattr(client, method)(request=request, retry=None, timeout=seconds, metadata=headers)
        except TimeoutError:
            api.replace_if_silent(client, sent_at)
            raise no_answer(call, f"nothing within {seconds + self.timeouts.slack:g} s") from None
        except Exception as error:  # noqa: BLE001  (each is translated)
            raise self._translated(error, call, api, client, sent_at, headers) from None
        api.note_response()
        try:
            return digest(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise no_answer(call, f"an invalid response: {type(error).__name__} {error}") from None

    def _translated(self, error: Exception, call: ApiCall, api: Api, client: object, sent_at: float,
                    headers: Headers) -> AdapterError:
        if isinstance(error, DeadlineExceeded):
            api.replace_if_silent(client, sent_at)
        if isinstance(error, Unauthenticated) and self._tokens is not None:
            self._tokens.refused(headers)
        return translate(error, call, _skew(self.dated))

    async def _headers(self, call: ApiCall) -> Headers:
        """Return the metadata that authenticate a call. No call is sent without them."""
        if self._tokens is None:
            return SANDBOX_HEADERS
        try:
            return await self._tokens.headers()
        except NoToken as refused:
            raise refused.about(call.resource, _skew(self._tokens.dated)) from None

    async def _connected(self, call: ApiCall, api: Api) -> Any:  # noqa: ANN401  (clients are generated)
        """Return the client of an API once its connection is established or has failed."""
        try:
            client = api.client()
        except AdapterError as error:
            raise type(error)(f"{call.resource}: {error}; {UNSENT}") from None
        except Exception as error:  # noqa: BLE001  (the library raises it for its environment variables)
            why = f"{type(error).__name__}: {brief(str(error))}"
            raise PermissionDenied(f"{call.resource}: Google's client cannot be set up ({why}); {UNSENT}") from None
        try:
            async with asyncio.timeout(self.timeouts.slack):
                await api.connected(client)
        except TimeoutError:
            why = f"no connection within {self.timeouts.slack:g} s: check network, proxy and DNS"
            raise not_sent(call, api.host, why) from None
        return client

    def _note_date(self, date: str | None) -> None:
        if date is not None:
            self._dated = Dated(date, self._clock.now())


def _skew(dated: Dated | None) -> str:
    return "" if dated is None else skew_words(dated.date, dated.at)
