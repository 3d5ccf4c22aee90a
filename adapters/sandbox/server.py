"""HTTP server of the sandbox: `SandboxServer.url` is an endpoint URL for boto3."""

import asyncio
import json
import socket
import uuid
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from adapters.runtime.clock import SystemClock, in_work
from adapters.sandbox.aws.autoscaling import scaling_api
from adapters.sandbox.aws.cloudwatch import metrics_api
from adapters.sandbox.aws.dynamodb import items_api
from adapters.sandbox.aws.lambda_.routes import operation_at
from adapters.sandbox.aws.sts import sts_api
from adapters.sandbox.errors import ApiError, too_many_requests
from adapters.sandbox.faults import Trouble
from adapters.sandbox.operations import Operation
from adapters.sandbox.rendering import rendered, rendered_error
from adapters.sandbox.web import containers
from adapters.sandbox.wire import Call, Json, Reply, scope_of
from adapters.sandbox.world import Sandbox

DRIP_SECONDS = 0.2
TURNS = 4
"""Iterations of the event loop between accepting a connection and serving it."""

JSON_TARGETS = {"monitoring": metrics_api.OPERATIONS, "application-autoscaling": scaling_api.OPERATIONS,
                "dynamodb": items_api.OPERATIONS}


class SandboxServer:
    """Server of one sandbox on the loopback interface: `async with SandboxServer(sandbox) as server: server.url`."""

    def __init__(self, sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> None:
        """Store the address; `port` 0: any free port."""
        self.sandbox, self._host, self._port = sandbox, host, port
        self._running: tuple[web.ServerRunner, socket.socket] | None = None
        self._wire = SystemClock()  # delays of the network do not scale with the sandbox's clock
        self.url = ""

    async def start(self) -> str:
        """Listen, and return the URL."""
        runner = web.ServerRunner(web.Server(self._answer), handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        listener = socket.create_server((self._host, self._port))
        await web.SockSite(runner, listener).start()
        self._running = runner, listener
        host, port = listener.getsockname()
        self.url = f"http://{host}:{port}"
        return self.url

    async def stop(self) -> None:
        """Close the port and all connections, hanging ones included.

        The listener is removed first: a connection that asyncio (3.11) has accepted but not served would never be closed.
        """
        if self._running is None:
            return
        (runner, listener), self._running = self._running, None
        asyncio.get_running_loop().remove_reader(listener)
        for _ in range(TURNS):
            await self._wire.sleep(0)
        await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await containers.answer(self.sandbox, request)
        except containers.ConnectionCut:
            return _broken(request)
        return await self._answer_call(request) if response is None else response

    async def _answer_call(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the response of an AWS service."""
        scope = scope_of(request.headers.get("Authorization", ""))
        form = request.content_type == "application/x-www-form-urlencoded"  # only STS accepts it, and also unsigned
        service = scope.service if scope is not None else "sts" if form else "lambda"
        try:
            operation, path, body = await _parsed(request, service)
        except ApiError as error:
            return rendered_error(service, error)
        query = dict(request.query)
        call = Call(
            service, operation.name, self.sandbox.clock.now(), scope.key if scope else "", path, query, body, request.headers,
            scope.region if scope else "",
        )
        self.sandbox.calls.count(operation.name, mutating=operation.mutating)
        trouble = self.sandbox.faults.take(call)
        if trouble is Trouble.HANG:
            await asyncio.get_running_loop().create_future()
        if trouble is Trouble.RESET:
            return _broken(request)
        response = await self._execute(operation, call, trouble)
        if trouble is Trouble.NO_ANSWER:
            return _broken(request)
        if trouble is Trouble.CUT and isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        return await self._dripped(request, response) if trouble is Trouble.DRIP else response

    async def _execute(self, operation: Operation, call: Call, trouble: Trouble | None) -> web.Response:
        """Execute the call, log it if it is a write, and return the response."""
        outcome = "accepted"
        try:
            if trouble is Trouble.GARBAGE:
                outcome = "garbage"
                return web.Response(body=b"<html><body>Bad gateway\x00\xff", content_type="text/html")
            reply = self._reply(operation, call, trouble)
        except ApiError as error:
            outcome = error.code
            return rendered_error(call.service, error)
        finally:
            if operation.mutating:
                self.sandbox.calls.record(call, outcome, answered=trouble is not Trouble.NO_ANSWER)
        if reply.after_seconds:
            with in_work(self.sandbox.clock):
                await self.sandbox.clock.sleep(reply.after_seconds)
        return rendered(call.service, operation.name, self.sandbox.faults.reduced(operation.name, reply))

    def _reply(self, operation: Operation, call: Call, trouble: Trouble | None) -> Reply:
        """Return the reply of the operation. Raise `ApiError` for missing permissions, faults, throttling and invalid calls."""
        self.sandbox.credentials.check(call, self.sandbox.settings.account)
        if trouble is Trouble.SERVER_ERROR:
            raise ApiError("ServiceException" if call.service == "lambda" else "InternalFailure", "Internal error.", 500)
        wait = 1.0 if trouble is Trouble.THROTTLE else self._wait(call)
        if wait > 0:
            if call.service == "lambda":
                raise too_many_requests(wait)
            if call.operation == "TransactWriteItems":
                raise items_api.cancelled(["None", "ThrottlingError"])
            raise ApiError(_THROTTLING[call.service], "Rate exceeded")
        return operation.handler(self.sandbox, call)

    def _wait(self, call: Call) -> float:
        """Return 0 if the rate limit admits the call, otherwise the seconds to wait."""
        settings = self.sandbox.settings
        buckets = {
            "Invoke": ("Invoke", float("inf")),
            "GetFunction": ("GetFunction", settings.get_function_rps),
            "GetPolicy": ("GetPolicy", settings.get_policy_rps),
            "ListMetrics": ("ListMetrics", settings.list_metrics_rps),
        }
        others = {"lambda": ("control", settings.control_rps), "monitoring": ("metrics", settings.metric_rps)}
        bucket = buckets.get(call.operation) or others.get(call.service)
        return 0.0 if bucket is None or bucket[1] == float("inf") else self.sandbox.wait_for_token(*bucket)

    async def _dripped(self, request: web.BaseRequest, response: web.Response) -> web.StreamResponse:
        """Send the response one byte at a time until the client disconnects."""
        slow = web.StreamResponse(status=response.status, headers=response.headers)
        await slow.prepare(request)
        with suppress(ConnectionResetError):
            for byte in response.body if isinstance(response.body, bytes) else b"":
                await slow.write(bytes([byte]))
                await self._wire.sleep(DRIP_SECONDS)
            await slow.write_eof()
        return slow


_THROTTLING = {"monitoring": "Throttling", "application-autoscaling": "ThrottlingException", "sts": "Throttling",
               "dynamodb": "ProvisionedThroughputExceededException"}


async def _parsed(request: web.BaseRequest, service: str) -> tuple[Operation, Mapping[str, str], Json]:
    """Return the operation of a request, the names in its path, and its body. Raise `ApiError` if it is not emulated."""
    raw = await request.read()
    if service == "lambda":
        path = request.rel_url.raw_path
        route = operation_at(request.method, path, request.query)
        if route is None:
            raise ApiError("UnknownOperationException", f"{request.method} {path} is not emulated", 404)
        operation, names = route
        if request.headers.get("X-Amz-Invocation-Type") == "DryRun":
            operation = operation._replace(mutating=False)
        return operation, {name: unquote(value) for name, value in names.items()}, _body(operation.name, raw)
    if service == "sts":
        form = dict(parse_qsl(raw.decode()))
        operations, name, body = sts_api.OPERATIONS, form.get("Action", ""), dict(form)
    else:
        operations, name = JSON_TARGETS.get(service, {}), request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = _body(name, raw)
    if name not in operations:
        raise ApiError("UnknownOperationException", f"{service}:{name or request.path} is not emulated", 404)
    return operations[name], {}, body


def _body(operation: str, raw: bytes) -> Json:
    if operation == "Invoke" or not raw:
        return {"Payload": raw} if raw else {}
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError("SerializationException", "The body is not a JSON object", 400)
    return body


def _broken(request: web.BaseRequest) -> web.Response:
    """Close the connection without a response."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(headers={"x-amzn-RequestId": str(uuid.uuid4())})
