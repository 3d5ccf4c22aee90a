"""The client of one Google API, and its connection, which is replaced when it no longer delivers responses."""

import asyncio
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import grpc
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials

from adapters.gcp import network

SANDBOX_CHANNEL: network.Options = (("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1))
GRACE = 60.0
"""Seconds that calls in progress on a replaced connection may take."""

UNDECIDED = (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING)
OnDate = Callable[[str | None], None]


class DateInterceptor(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Interceptor that reports the `Date` of every response, errors included. The client does not return it."""

    def __init__(self, on_date: OnDate) -> None:
        self._on_date = on_date

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """See `grpc.aio.UnaryUnaryClientInterceptor`."""
        call = await continuation(client_call_details, request)
        metadata = dict(await call.initial_metadata() or ())
        if metadata:
            date = metadata.get("date")
            self._on_date(None if date is None else str(date))
        return call


class Api:
    """One Google API, with a client that is created on first use.

    `name`: `run` or `monitoring`. `client` and `transport`: classes of the library. `sandbox`: address to connect to without TLS,
    instead of Google's. `on_date` is called with the `Date` of each response, or None.
    """

    def __init__(self, name: str, client: Any, transport: Any, sandbox: str | None, options: network.Options,  # noqa: ANN401
                 on_date: OnDate) -> None:
        self.name = name
        self._client_class, self._transport_class, self._sandbox = client, transport, sandbox
        self._options = (*network.CHANNEL, *options)
        self._interceptors: Sequence[Any] = (DateInterceptor(partial(self._response_arrived, on_date)),)
        self._client: Any = None
        self._answered_at = 0.0
        self._replaced: list[Any] = []
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def host(self) -> str:
        """Host and port of the API. Empty before the first call."""
        return "" if self._client is None else str(self._client.transport.host)

    def client(self) -> Any:  # noqa: ANN401  (clients are generated)
        """Return the client. Raise what the library raises for environment variables that it does not accept."""
        if self._client is None:
            if self._sandbox is None:
                options = ClientOptions(api_endpoint=network.endpoint(self.name, os.environ))
                # Each call carries its token as metadata: see `adapters.gcp.auth.tokens`.
                anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
                self._client = self._client_class(credentials=anonymous, client_options=options,
                                                  transport=partial(self._transport_class, channel=self._secure))
            else:
                channel = grpc.aio.insecure_channel(self._sandbox, options=(*SANDBOX_CHANNEL, *self._options),
                                                    interceptors=self._interceptors)
                self._client = self._client_class(transport=self._transport_class(channel=channel))
        return self._client

    async def connected(self, client: Any) -> None:  # noqa: ANN401
        """Wait until the connection is established or has failed. After a failure, a call fails at once with the reason."""
        channel = client.transport.grpc_channel
        state = channel.get_state(try_to_connect=True)
        while state in UNDECIDED:
            await channel.wait_for_state_change(state)
            state = channel.get_state(try_to_connect=True)

    def replace_if_silent(self, client: Any, since: float) -> None:  # noqa: ANN401
        """Replace the connection if no response has arrived on it since `since` (loop time), when a call that timed out was sent.

        The connection may be broken. Calls in progress on it may still finish.
        """
        if client is not self._client or self._answered_at >= since:
            return
        self._client, channel = None, client.transport.grpc_channel
        self._replaced.append(channel)
        asyncio.get_running_loop().call_later(GRACE, self._retire, channel)

    async def close(self) -> None:
        """Close all connections. Calls in progress fail."""
        replaced, self._replaced = self._replaced, []
        for channel in replaced:
            await channel.close()
        client, self._client = self._client, None
        if client is not None:
            await client.transport.close()

    def _retire(self, channel: Any) -> None:  # noqa: ANN401
        """Close a replaced connection. gRPC's grace period is not used, because `close` cannot shorten it."""
        if channel in self._replaced:
            self._replaced.remove(channel)
            task = asyncio.get_running_loop().create_task(channel.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def note_response(self) -> None:
        """Store the time of the last response."""
        self._answered_at = asyncio.get_running_loop().time()

    def _response_arrived(self, on_date: OnDate, date: str | None) -> None:
        self.note_response()
        on_date(date)

    def _secure(self, host: str, *, ssl_credentials: Any = None, options: Sequence[Any] = (), **_: object) -> Any:  # noqa: ANN401
        """Return a channel. The library calls it. `ssl_credentials`: of a client certificate, if there is one."""
        return grpc.aio.secure_channel(
            host, ssl_credentials or grpc.ssl_channel_credentials(),
            options=(*options, *self._options, *network.proxy(host, os.environ)), interceptors=self._interceptors)
