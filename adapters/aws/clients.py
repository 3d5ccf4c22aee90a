"""Connections to AWS in one region: clients, threads and timeouts. Calls run in threads, so no socket blocks the event loop."""

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from botocore import exceptions as boto
from botocore.config import Config

from adapters.aws.credentials import CredentialSource
from adapters.aws.errors import ApiCall, InvalidBody, no_response, not_sent, refuses_keys, translate
from adapters.aws.library_sessions import SANDBOX_KEYS, client_session, finding_session
from adapters.aws.single_call import CURRENT_CALL, PendingCall, before_send
from adapters.ports.errors import AdapterError, PermissionDenied, brief
from adapters.ports.lease_store import fence_of_this_task
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.threads import DaemonThreads

T = TypeVar("T")
Answer = Mapping[str, Any]
Digest = Callable[[Answer], T]

CONTROL_THREADS = 64
"""A call occupies its thread for at most connect and read timeout, and at most rate x that time + burst calls start within it
(4/s x 11 s + 8 = 52): if any number of resources hang, a thread is free for the others."""

SCALING_THREADS = 48
"""For Application Auto Scaling, by the same sum (2/s x 17 s + 10 = 44): if it hangs, metrics do not wait for it."""

TABLE_THREADS = 16
"""For DynamoDB: if a table hangs, the counts of two samples wait (see `adapters.aws.dynamodb.item_counts`), and no metric."""

BULK_THREADS = 8
"""For CloudWatch and all other services: separate, so that a slow page of metrics delays no write."""

BROKEN_CONNECTION = (boto.ReadTimeoutError, boto.ConnectionClosedError)
"""Errors of a connection that the network no longer forwards, or that the other side has closed."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds. `read`: of one response, by service; `slack`: for creating a client, name resolution and a response
    that arrives in small parts.
    """

    connect: float = 3.0
    read: Mapping[str, float] = field(default_factory=lambda: {"cloudwatch": 20.0, "dynamodb": 4.0})
    read_otherwise: float = 8.0
    slack: float = 6.0

    def reading(self, service: str) -> float:
        """Return the read timeout of a service."""
        return self.read.get(service, self.read_otherwise)

    def total(self, service: str) -> float:
        """Return the seconds after which the caller gets an error, even if the thread still runs."""
        return self.connect + self.reading(service) + self.slack


class Connections:
    """All clients of one region. A client is created by the first call that needs it, in that call's thread.

    With `sandbox_url`, every client connects to that address with dummy credentials; no profile, environment variable or proxy of
    the machine applies. `at_once`: maximum of concurrent calls to Lambda. `credentials`: source that the regions of a role share;
    the caller closes it. `account`: that of the role, for messages.
    """

    def __init__(self, region: str, sandbox_url: str | None = None, timeouts: Timeouts | None = None,
                 at_once: int = CONTROL_THREADS, credentials: CredentialSource | None = None,
                 account: str | None = None) -> None:
        self.region, self.place = region, region if account is None else f"{region} of account {account}"
        self.date: str | None = None
        """`Date` header of the last response, which may be an error."""
        self._sandbox_url, self._timeouts = sandbox_url, timeouts or Timeouts()
        self.calls = CallCounter()
        self._at_once = {"lambda": at_once, "application-autoscaling": SCALING_THREADS, "dynamodb": TABLE_THREADS}
        self._threads = {service: DaemonThreads(count, f"aws-{service}-{region}") for service, count in self._at_once.items()}
        self._bulk = DaemonThreads(BULK_THREADS, f"aws-bulk-{region}")
        self._owns_credentials = credentials is None or sandbox_url is not None
        self._credentials = credentials if credentials is not None and sandbox_url is None else CredentialSource(
            f"aws-credentials-{region}", partial(finding_session, region))
        if sandbox_url is not None:
            self._credentials.held.hold(SANDBOX_KEYS)
        self._making = threading.Lock()
        self._sessions: dict[bool, Any] = {}
        self._clients: dict[str, Any] = {}

    async def call(self, call: ApiCall, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """Make the call and return `digest` of its answer, both in a thread; `digest` reads the members it needs by key.

        Raise `AdapterError`. The call is not retried. If this is cancelled, a request that was sent continues, so that a write
        may have happened; a request that was not sent is never sent.
        """
        with self.calls.counting(call.service, call.operation):
            return await self._within_timeout(call, parameters, digest)

    async def _within_timeout(self, call: ApiCall, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        pending, seconds = PendingCall(fence_of_this_task() if call.writes else None), self._timeouts.total(call.service)
        try:
            async with asyncio.timeout(seconds):
                fault = None if self._sandbox_url is not None else await self._credentials.ready()
                if fault is not None:
                    raise fault.of(call.resource)
                threads = self._threads.get(call.service, self._bulk)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(threads, self._in_thread, pending, call, parameters, digest)
        except TimeoutError:
            if pending.abandon():
                raise no_response(call, f"nothing within {seconds:g} s") from None
            raise self._credentials.not_ready(seconds).of(call.resource) from None
        finally:
            pending.abandon()

    async def close(self) -> None:
        """Close idle connections. Running calls end by their own timeouts and are not waited for."""
        for threads in (*self._threads.values(), self._bulk):
            threads.shutdown()
        if self._owns_credentials:
            self._credentials.close()
        for client in self._clients.values():
            client.close()

    def _in_thread(self, pending: PendingCall, call: ApiCall, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        CURRENT_CALL.set(pending)
        return self._send(call, parameters, digest)

    def _send(self, call: ApiCall, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """Make the call in this thread. The library's exception is not chained: its text may quote credentials of the request."""
        answer = self._answer(call, parameters)
        try:
            return digest(answer)
        except AdapterError:
            raise
        except KeyError as error:
            raise no_response(call, f"a response without {error}") from None
        except Exception as error:  # noqa: BLE001  (the answer is AWS's, and reading its body may fail)
            raise no_response(call, f"a response that cannot be read: {type(error).__name__} {brief(str(error))}") from None

    def _answer(self, call: ApiCall, parameters: Mapping[str, object]) -> Answer:
        try:
            client = self._client(call.service)
            return cast("Answer", getattr(client, call.operation)(**parameters))
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001  (any error is translated)
            sent = CURRENT_CALL.get().sent
            translated = translate(error, call) if sent else not_sent(error, call)
            if sent and isinstance(error, BROKEN_CONNECTION):
                client.close()  # its idle connections may be broken too: the next calls open new ones
            if refuses_keys(error):
                self._credentials.refused()
            elif sent and isinstance(translated, PermissionDenied):
                self._credentials.denied()
        raise translated

    def _client(self, service: str) -> Any:  # noqa: ANN401  (classes of clients are created at run time)
        """Return the client of a service; creating one reads models, which takes 0.1 to 1 s."""
        with self._making:
            if service not in self._clients:
                client = self._new_client(service)
                client.meta.events.register("response-received", self._note_date)
                client.meta.events.register("before-send", before_send)
                if "json" in client.meta.service_model.resolved_protocol:
                    client.meta.events.register("response-received", check_body)
                self._clients[service] = client
            return self._clients[service]

    def _new_client(self, service: str) -> Any:  # noqa: ANN401
        fast = service == "cloudwatch"
        if fast not in self._sessions:
            self._sessions[fast] = client_session(self.region, self._credentials.held, fast_timestamps=fast,
                                                  sandboxed=self._sandbox_url is not None)
        try:
            return self._sessions[fast].client(service, endpoint_url=self._sandbox_url, config=self._config(service))
        except Exception:
            self._sessions.clear()  # a session caches the AWS config, which may be corrected
            raise

    def _note_date(self, response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        if response_dict is not None:
            self.date = response_dict["headers"].get("date")

    def _config(self, service: str) -> Config:
        config = Config(
            connect_timeout=self._timeouts.connect, read_timeout=self._timeouts.reading(service), tcp_keepalive=True,
            retries={"total_max_attempts": 1, "mode": "standard"}, user_agent_extra="stoker",
            max_pool_connections=self._at_once.get(service, BULK_THREADS),
            parameter_validation=service != "cloudwatch",  # for 500 queries it takes longer than the rest of a call
        )
        if self._sandbox_url is None:
            return config
        return config.merge(Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False))


def check_body(response_dict: Mapping[str, Any] | None = None, parsed_response: Answer | None = None, **_: object) -> None:
    """Raise `InvalidBody` for a body that is not a JSON object: the library parses it as an answer without members, which would
    mean "none". If the answer has any member, the body was valid.
    """
    if response_dict is None or not parsed_response or parsed_response.keys() - {"ResponseMetadata"}:
        return
    body = response_dict["body"]
    try:
        valid = not body or isinstance(json.loads(body), dict)
    except ValueError:
        valid = False
    if not valid:
        raise InvalidBody
