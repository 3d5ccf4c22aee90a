"""The client of one Google API and its connection, which is replaced when no answer arrives on it any more."""

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
Heard = Callable[[str | None], None]


class Listening(grpc.aio.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    """Report the `Date` of every answer, refusals included. The client does not return it."""

    def __init__(self, heard: Heard) -> None:
        self._heard = heard

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        """See `grpc.aio.UnaryUnaryClientInterceptor`."""
        call = await continuation(client_call_details, request)
        metadata = dict(await call.initial_metadata() or ())
        if metadata:
            date = metadata.get("date")
            self._heard(None if date is None else str(date))
        return call


class Api:
    """`name`: `run` or `monitoring`. `client` and `transport`: classes of the library. `sandbox`: connect to it, without TLS."""

    def __init__(self, name: str, client: Any, transport: Any, sandbox: str | None, options: network.Options,  # noqa: ANN401
                 heard: Heard) -> None:
        self.name = name
        self._make, self._transport, self._sandbox = client, transport, sandbox
        self._options = (*network.CHANNEL, *options)
        self._interceptors: Sequence[Any] = (Listening(partial(self._answered, heard)),)
        self._client: Any = None
        self._heard_at = 0.0
        self._replaced: list[Any] = []
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def host(self) -> str:
        """Host and port of the API; empty before the first call."""
        return "" if self._client is None else str(self._client.transport.host)

    def client(self) -> Any:  # noqa: ANN401  (clients are generated)
        """Return the client. Raises what the library raises for environment variables that it does not accept."""
        if self._client is None:
            if self._sandbox is None:
                options = ClientOptions(api_endpoint=network.endpoint(self.name, os.environ))
                # Each call carries its token as metadata: see `adapters.gcp.auth.tokens`.
                nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
                self._client = self._make(credentials=nobody, client_options=options,
                                          transport=partial(self._transport, channel=self._secure))
            else:
                channel = grpc.aio.insecure_channel(self._sandbox, options=(*SANDBOX_CHANNEL, *self._options),
                                                    interceptors=self._interceptors)
                self._client = self._make(transport=self._transport(channel=channel))
        return self._client

    async def connected(self, client: Any) -> None:  # noqa: ANN401
        """Wait until the connection is established or has failed. In the latter case a call fails at once, with the reason."""
        channel = client.transport.grpc_channel
        state = channel.get_state(try_to_connect=True)
        while state in UNDECIDED:
            await channel.wait_for_state_change(state)
            state = channel.get_state(try_to_connect=True)

    def unheard(self, client: Any, since: float) -> None:  # noqa: ANN401
        """Replace the connection if no answer has arrived on it since the instant `since` of the loop's time, when a call without
        an answer was sent: it may be dead. Calls in progress may end on it.
        """
        if client is not self._client or self._heard_at >= since:
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
        """Close a replaced connection; not by gRPC's own grace, which `close` could not cut short."""
        if channel in self._replaced:
            self._replaced.remove(channel)
            task = asyncio.get_running_loop().create_task(channel.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def heard(self) -> None:
        """Note that an answer has arrived."""
        self._heard_at = asyncio.get_running_loop().time()

    def _answered(self, heard: Heard, date: str | None) -> None:
        self.heard()
        heard(date)

    def _secure(self, host: str, *, ssl_credentials: Any = None, options: Sequence[Any] = (), **_: object) -> Any:  # noqa: ANN401
        """Return a channel; called by the library. `ssl_credentials`: of a client certificate, if there is one."""
        return grpc.aio.secure_channel(
            host, ssl_credentials or grpc.ssl_channel_credentials(),
            options=(*options, *self._options, *network.proxy(host, os.environ)), interceptors=self._interceptors)
