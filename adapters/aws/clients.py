"""Connections to AWS in one region: clients, threads and timeouts. The event loop never waits for a socket."""

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
from adapters.aws.errors import Asked, Garbled, no_answer, refuses_keys, translate, unsent
from adapters.aws.library_sessions import SANDBOX_KEYS, client_session, finding_session
from adapters.aws.setup_faults import late
from adapters.aws.single_call import CURRENT, Sending, before_send
from adapters.ports.errors import AdapterError, brief
from adapters.ports.lease_store import fence_of_this_task
from adapters.runtime.call_counter import CallCounter
from adapters.runtime.threads import DaemonThreads

T = TypeVar("T")
Answer = Mapping[str, Any]
Digest = Callable[[Answer], T]

CONTROL_THREADS = 64
"""A call holds its thread for at most connect and read timeout, and at most rate x that + burst calls begin meanwhile (4/s x 11 s
+ 8 = 52): however many resources hang, the others find a thread."""

SCALING_THREADS = 48
"""For Application Auto Scaling, by the same sum (2/s x 17 s + 10 = 44): where it hangs, metrics do not wait for it."""

BULK_THREADS = 8
"""For CloudWatch and whatever else there is, apart, so that a slow page of metrics keeps no write waiting."""

DEAD_FLOW = (boto.ReadTimeoutError, boto.ConnectionClosedError)
"""What comes of a connection that a network forwards no more, or that the other side has dropped."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `read` is per answer, by service; `slack` covers making a client, name resolution and an answer that drips."""

    connect: float = 3.0
    read: Mapping[str, float] = field(default_factory=lambda: {"cloudwatch": 20.0})
    read_otherwise: float = 8.0
    slack: float = 6.0

    def reading(self, service: str) -> float:
        return self.read.get(service, self.read_otherwise)

    def whole(self, service: str) -> float:
        """After so long the caller gets its answer, whatever the thread is doing."""
        return self.connect + self.reading(service) + self.slack


class Connections:
    """All clients of one region. Made cheaply; a client is made by the first call that needs it, in that call's thread.

    With `sandbox_url` every client goes there with dummy credentials: no profile, environment variable or proxy of the machine
    is followed. `at_once`: calls to Lambda that can be under way together.
    """

    def __init__(self, region: str, sandbox_url: str | None = None, timeouts: Timeouts | None = None,
                 at_once: int = CONTROL_THREADS) -> None:
        self.region = region
        self.date: str | None = None
        """The `Date` of the last answer that came, refusals included."""
        self._sandbox_url, self._timeouts = sandbox_url, timeouts or Timeouts()
        self.tally = CallCounter()
        self._at_once = {"lambda": at_once, "application-autoscaling": SCALING_THREADS}
        self._threads = {service: DaemonThreads(count, f"aws-{service}-{region}") for service, count in self._at_once.items()}
        self._bulk = DaemonThreads(BULK_THREADS, f"aws-bulk-{region}")
        self._credentials = CredentialSource(f"aws-credentials-{region}", partial(finding_session, region))
        if sandbox_url is not None:
            self._credentials.held.hold(SANDBOX_KEYS)
        self._making = threading.Lock()
        self._sessions: dict[bool, Any] = {}
        self._clients: dict[str, Any] = {}

    async def call(self, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """Make the call and return `digest` of its answer, both in a thread; `digest` takes what it needs by key.

        Raises `AdapterError`. Not retried. When cancelled, a request that has left goes on: a write then may have happened. One
        that has not left never does.
        """
        with self.tally.counting(asked.service, asked.operation):
            return await self._in_time(asked, parameters, digest)

    async def _in_time(self, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        sending, seconds = Sending(fence_of_this_task() if asked.writes else None), self._timeouts.whole(asked.service)
        try:
            async with asyncio.timeout(seconds):
                fault = None if self._sandbox_url is not None else await self._credentials.ready()
                if fault is not None:
                    raise fault.of(asked.resource)
                threads = self._threads.get(asked.service, self._bulk)
                return await asyncio.get_running_loop().run_in_executor(threads, self._under, sending, asked, parameters, digest)
        except TimeoutError:
            if sending.give_up():
                raise no_answer(asked, f"nothing within {seconds:g} s") from None
            raise late(seconds).of(asked.resource) from None
        finally:
            sending.give_up()

    async def close(self) -> None:
        """Drop idle connections; calls under way end by their own timeouts and are not waited for."""
        for threads in (*self._threads.values(), self._bulk):
            threads.shutdown()
        self._credentials.close()
        for client in self._clients.values():
            client.close()

    def _under(self, sending: Sending, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        CURRENT.set(sending)
        return self._send(asked, parameters, digest)

    def _send(self, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """In a thread. The library's exception is not kept as a cause: its text may quote the request, credentials included."""
        answer = self._answer(asked, parameters)
        try:
            return digest(answer)
        except AdapterError:
            raise
        except KeyError as error:
            raise no_answer(asked, f"an answer without {error}") from None
        except Exception as error:  # noqa: BLE001  (the answer is not ours, and its body may still be on its way)
            raise no_answer(asked, f"an answer that cannot be read: {type(error).__name__} {brief(str(error))}") from None

    def _answer(self, asked: Asked, parameters: Mapping[str, object]) -> Answer:
        try:
            client = self._client(asked.service)
            return cast("Answer", getattr(client, asked.operation)(**parameters))
        except AdapterError:
            raise
        except Exception as error:  # noqa: BLE001  (whatever it is, it is translated)
            left = CURRENT.get().left
            ours = translate(error, asked) if left else unsent(error, asked)
            if left and isinstance(error, DEAD_FLOW):
                client.close()  # its idle connections may be as dead: the next call opens a new one, and so does every other
            if refuses_keys(error):
                self._credentials.refused()
        raise ours

    def _client(self, service: str) -> Any:  # noqa: ANN401  (clients are classes made at run time)
        """The client of a service; making one reads models, which takes 0.1 to 1 s."""
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
            self._sessions.clear()  # it keeps what it has read of the AWS config, which may be corrected
            raise

    def _note_date(self, response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        if response_dict is not None:
            self.date = response_dict["headers"].get("date")

    def _config(self, service: str) -> Config:
        config = Config(
            connect_timeout=self._timeouts.connect, read_timeout=self._timeouts.reading(service), tcp_keepalive=True,
            retries={"total_max_attempts": 1, "mode": "standard"}, user_agent_extra="stoker",
            max_pool_connections=self._at_once.get(service, BULK_THREADS),
            parameter_validation=service != "cloudwatch",  # of 500 queries it takes longer than all the rest of a call
        )
        if self._sandbox_url is None:
            return config
        return config.merge(Config(proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False))


def check_body(response_dict: Mapping[str, Any] | None = None, parsed_response: Answer | None = None, **_: object) -> None:
    """Raise `Garbled` for a body that is not a JSON object: the library makes an answer without members of it, which would pass
    for one that says "none". Where any member was understood, so was the body.
    """
    if response_dict is None or not parsed_response or parsed_response.keys() - {"ResponseMetadata"}:
        return
    body = response_dict["body"]
    try:
        whole = not body or isinstance(json.loads(body), dict)
    except ValueError:
        whole = False
    if not whole:
        raise Garbled
