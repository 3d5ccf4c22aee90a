"""Connections to AWS in one region: clients, threads and timeouts. The event loop never waits for a socket."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar, cast

import boto3
import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.configprovider import ConstantProvider
from botocore.utils import parse_timestamp

from adapters.aws.errors import Asked, Garbled, no_answer, translate
from adapters.errors import AdapterError, brief
from adapters.lease import Fence, fence_of_this_task
from adapters.tally import Tally
from adapters.threads import DaemonThreads

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


SANDBOX_KEY = "AKIASTOKERSANDBOX001"
"""The one access key that the sandbox knows; no account has it."""


SENDING: ContextVar[Fence | None] = ContextVar("sending", default=None)
"""What the call that this thread is making must pass before it leaves."""

MODELS = botocore.loaders.create_loader()
"""The library's descriptions of services, read from disk once for all regions: they are most of what making a client costs."""


def epoch_seconds(value: object) -> float:
    """A timestamp in an answer, as seconds since the epoch.

    The library's own parser makes a datetime of each in 25 microseconds, which for a page of 100,800 points is a dozen times
    all the rest. Only CloudWatch's client reads timestamps with this: the clients that the library makes itself to find
    credentials, such as that of STS, need what its own parser returns.
    """
    if isinstance(value, int | float):
        return float(value)
    return (value if isinstance(value, datetime) else parse_timestamp(str(value))).timestamp()


@dataclass(frozen=True, slots=True)
class SharedCredentials:
    """What the library asks for credentials: those of another session, which renews them once for both."""

    session: Callable[[], Any]

    def load_credentials(self) -> Any:  # noqa: ANN401
        return self.session().get_credentials()


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
        self.tally = Tally()
        self._at_once = {"lambda": at_once, "application-autoscaling": SCALING_THREADS}
        self._threads = {service: DaemonThreads(count, f"aws-{service}-{region}") for service, count in self._at_once.items()}
        self._bulk = DaemonThreads(BULK_THREADS, f"aws-bulk-{region}")
        self._making = threading.Lock()
        self._sessions: dict[bool, Any] = {}
        self._clients: dict[str, Any] = {}

    async def call(self, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """Make the call and return `digest` of its answer, both in a thread; `digest` takes what it needs by key.

        Raises `AdapterError`. Not retried. When cancelled, the request itself goes on: a write then may have happened.
        """
        with self.tally.counting(asked.service, asked.operation):
            return await self._in_thread(asked, parameters, digest)

    async def _in_thread(self, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        threads = self._threads.get(asked.service, self._bulk)
        fence = fence_of_this_task() if asked.writes else None
        try:
            async with asyncio.timeout(self._timeouts.whole(asked.service)):
                return await asyncio.get_running_loop().run_in_executor(threads, self._under, fence, asked, parameters,
                                                                              digest)
        except TimeoutError:
            raise no_answer(asked, f"nothing within {self._timeouts.whole(asked.service):g} s") from None

    async def close(self) -> None:
        """Drop idle connections; calls under way end by their own timeouts and are not waited for."""
        for threads in (*self._threads.values(), self._bulk):
            threads.shutdown()
        for client in self._clients.values():
            client.close()

    def _under(self, fence: Fence | None, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        SENDING.set(fence)
        return self._send(asked, parameters, digest)

    def _send(self, asked: Asked, parameters: Mapping[str, object], digest: Digest[T]) -> T:
        """In a thread. The library's exception is not kept as a cause: its text may quote the request, credentials included."""
        client = _translated(lambda: self._client(asked.service), replace(asked, writes=False))
        method = getattr(client, asked.operation)
        answer = cast("Answer", _translated(lambda: method(**parameters), asked))
        try:
            return digest(answer)
        except AdapterError:
            raise
        except KeyError as error:
            raise no_answer(asked, f"an answer without {error}") from None
        except Exception as error:  # noqa: BLE001  (the answer is not ours, and its body may still be on its way)
            raise no_answer(asked, f"an answer that cannot be read: {type(error).__name__} {brief(str(error))}") from None

    def _client(self, service: str) -> Any:  # noqa: ANN401  (clients are classes made at run time)
        """The client of a service; making one reads models and looks for credentials, which takes 0.1 to 1 s."""
        with self._making:
            if service not in self._clients:
                session = self._session(fast_timestamps=service == "cloudwatch")
                client = session.client(service, config=self._config(service), **self._target())
                client.meta.events.register("response-received", self._note_date)
                client.meta.events.register("before-send", check_fence)
                if "json" in client.meta.service_model.resolved_protocol:
                    client.meta.events.register("response-received", check_body)
                self._clients[service] = client
            return self._clients[service]

    def _note_date(self, response_dict: Mapping[str, Any] | None = None, **_: object) -> None:
        if response_dict is not None:
            self.date = response_dict["headers"].get("date")

    def _session(self, fast_timestamps: bool) -> Any:  # noqa: ANN401
        """A session; the parser of timestamps is a whole session's, and CloudWatch's takes its credentials from the other one."""
        if fast_timestamps not in self._sessions:
            core = self._new_core()
            if fast_timestamps:
                core.register_component("credential_provider", SharedCredentials(lambda: self._session(fast_timestamps=False)))
                core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=epoch_seconds)
            self._sessions[fast_timestamps] = boto3.session.Session(botocore_session=core, region_name=self.region)
        return self._sessions[fast_timestamps]

    def _new_core(self) -> botocore.session.Session:
        core = botocore.session.Session()
        core.register_component("data_loader", MODELS)
        if self._sandbox_url is not None:
            nowhere = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}
            for variable, value in nowhere.items():
                core.get_component("config_store").set_config_provider(variable, ConstantProvider(value))
        return core

    def _target(self) -> dict[str, str]:
        if self._sandbox_url is None:
            return {}
        return {"endpoint_url": self._sandbox_url, "aws_access_key_id": SANDBOX_KEY, "aws_secret_access_key": "none"}

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


def check_fence(request: AWSPreparedRequest, **_: object) -> None:
    """The last thing before a request leaves, after credentials, signing and whatever else may take its time: may it still?

    It says under which number it was sent, for whoever reads CloudTrail: the one header that is not signed.
    """
    fence = SENDING.get()
    if fence is not None:
        fence.check()
        request.headers["User-Agent"] = f"{request.headers['User-Agent']} fencing/{fence.number}"


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


def _translated(call: Callable[[], T], asked: Asked) -> T:
    """The result of `call`, or what it raised in our words, with no trace of the original."""
    try:
        return call()
    except AdapterError:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, it is translated)
        ours = translate(error, asked)
    raise ours
