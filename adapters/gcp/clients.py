"""Connections to Google Cloud: one channel to each API, and a timeout on every call."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import google.auth
import grpc
from google.api_core.exceptions import from_grpc_error
from google.cloud.monitoring_v3 import MetricServiceAsyncClient
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcAsyncIOTransport
from google.cloud.run_v2 import RevisionsAsyncClient, ServicesAsyncClient
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcAsyncIOTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcAsyncIOTransport
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsRequest

from adapters.errors import AdapterError
from adapters.gcp.errors import Asked, no_answer, translate
from adapters.lease import fence_of_this_task
from adapters.tally import Tally

T = TypeVar("T")

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
SANDBOX_TOKEN = "stoker-sandbox-token"  # noqa: S105  (known to the sandbox alone; no account has it)
SANDBOX_CHANNEL = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to an answer of Cloud Run's control plane and of Cloud Monitoring; `slack` is for credentials and connecting."""

    run: float = 10.0
    monitoring: float = 30.0
    slack: float = 10.0


class Dated:
    """A call below the client, which does not show the metadata of its answers."""

    def __init__(self, transport: Any) -> None:  # noqa: ANN401  (a transport of the library)
        self._transport = transport

    async def test_iam_permissions(self, request: TestIamPermissionsRequest, retry: None, timeout: float,  # noqa: ARG002, ASYNC109
                                   metadata: Sequence[tuple[str, str]]) -> tuple[Any, str | None]:
        """The answer and its date."""
        routing = ("x-goog-request-params", f"resource={request.resource}")
        call = self._transport.test_iam_permissions(request, timeout=timeout, metadata=(*metadata, routing))
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            raise from_grpc_error(error) from None  # type: ignore[no-untyped-call]
        date = dict(await call.initial_metadata()).get("date")
        return answer, None if date is None else str(date)


class Connections:
    """The clients of a process, made by the first call that needs one, with the credentials that Google's library finds.

    With `sandbox` (`host:port`) everything goes there, in the clear, with a token that only the sandbox knows: no credentials,
    environment variable or proxy of the machine are followed.
    """

    def __init__(self, sandbox: str | None = None, timeouts: Timeouts | None = None) -> None:
        self.timeouts = timeouts or Timeouts()
        self._sandbox = sandbox
        self.tally = Tally()
        self._making = asyncio.Lock()
        self._credentials: Any = None
        self._channel: grpc.aio.Channel | None = None
        self._services: ServicesAsyncClient | None = None
        self._metrics: MetricServiceAsyncClient | None = None

    async def services(self, asked: Asked, method: str, request: object, digest: Callable[[Any], T]) -> T:
        """A call of `google.cloud.run.v2.Services`; `digest` takes what it needs from the answer."""
        with self.tally.counting("run", method):
            return await self._call(asked, self._run_client, method, request, digest, self.timeouts.run)

    async def revisions(self, asked: Asked, method: str, request: object, digest: Callable[[Any], T]) -> T:
        """A call of `google.cloud.run.v2.Revisions`, over the same channel."""
        with self.tally.counting("run", method):
            return await self._call(asked, self._revisions_client, method, request, digest, self.timeouts.run)

    async def metrics(self, asked: Asked, method: str, request: object, digest: Callable[[Any], T]) -> T:
        """A call of `google.monitoring.v3.MetricService`."""
        with self.tally.counting("monitoring", method):
            return await self._call(asked, self._monitoring_client, method, request, digest, self.timeouts.monitoring)

    async def permissions(self, asked: Asked, resource: str, wanted: Sequence[str]) -> tuple[set[str], str | None]:
        """Which permissions of `wanted` the caller has on a service of Cloud Run, and the date in the answer's metadata."""
        request = TestIamPermissionsRequest(resource=resource, permissions=wanted)
        return await self._call(asked, self._dated_run_client, "test_iam_permissions", request,
                                lambda answer: (set(answer[0].permissions), answer[1]), self.timeouts.run)

    async def close(self) -> None:
        """End every channel; what is under way on them ends with an error."""
        for client in (self._services, self._metrics):
            if client is not None:
                await client.transport.close()  # type: ignore[no-untyped-call]
        if self._channel is not None:
            await self._channel.close()
        self._services = self._metrics = self._channel = None

    async def _call(self, asked: Asked, client: Callable[[], Awaitable[object]], method: str, request: object,
                    digest: Callable[[Any], T], seconds: float) -> T:
        """Make the call once: the library's own retries are off, since the next tick is the retry."""
        fence = fence_of_this_task() if asked.writes else None
        try:
            async with asyncio.timeout(seconds + self.timeouts.slack):
                try:
                    bound = getattr(await client(), method)
                except AdapterError:
                    raise
                except Exception as error:  # noqa: BLE001  (nothing was sent yet; whatever it is, it is translated)
                    raise translate(error, Asked(asked.method, asked.resource, asked.permission)) from None
                if fence is not None:
                    fence.check()
                answer = await bound(request=request, retry=None, timeout=seconds, metadata=self._metadata())
        except TimeoutError:
            raise no_answer(asked, f"nothing within {seconds + self.timeouts.slack:g} s") from None
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it is translated)
            raise translate(error, asked) from None
        try:
            return digest(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise no_answer(asked, f"an answer that makes no sense: {type(error).__name__} {error}") from None

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return () if self._sandbox is None else (("authorization", f"Bearer {SANDBOX_TOKEN}"),)

    async def _run_client(self) -> ServicesAsyncClient:
        async with self._making:
            if self._services is None:
                if self._sandbox is None:
                    self._services = ServicesAsyncClient(credentials=await self._found())
                else:
                    self._services = ServicesAsyncClient(transport=ServicesGrpcAsyncIOTransport(channel=self._plain()))
            return self._services

    async def _revisions_client(self) -> RevisionsAsyncClient:
        channel = cast("ServicesGrpcAsyncIOTransport", (await self._run_client()).transport).grpc_channel
        return RevisionsAsyncClient(transport=RevisionsGrpcAsyncIOTransport(channel=channel))

    async def _dated_run_client(self) -> "Dated":
        return Dated((await self._run_client()).transport)

    async def _monitoring_client(self) -> MetricServiceAsyncClient:
        async with self._making:
            if self._metrics is None:
                if self._sandbox is None:
                    self._metrics = MetricServiceAsyncClient(credentials=await self._found())
                else:
                    self._metrics = MetricServiceAsyncClient(transport=MetricServiceGrpcAsyncIOTransport(channel=self._plain()))
            return self._metrics

    def _plain(self) -> grpc.aio.Channel:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(cast("str", self._sandbox), options=SANDBOX_CHANNEL)
        return self._channel

    async def _found(self) -> Any:  # noqa: ANN401  (the library's own type is untyped)
        """Application default credentials; looking for them may ask a metadata server, so a thread does it."""
        if self._credentials is None:
            self._credentials, _ = await asyncio.to_thread(google.auth.default, scopes=SCOPES)
        return self._credentials
