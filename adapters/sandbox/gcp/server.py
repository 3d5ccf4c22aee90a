"""gRPC server of the emulated projects: `GrpcSandboxServer.target` is an endpoint for Google's clients."""

import asyncio
from collections.abc import Callable
from email.utils import format_datetime
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self

import grpc
from google.cloud import monitoring_v3, run_v2
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2

from adapters.runtime.clock import SystemClock
from adapters.sandbox.faults import Trouble
from adapters.sandbox.gcp.monitoring.series_api import list_time_series
from adapters.sandbox.gcp.refusal import Refusal, denied, too_many
from adapters.sandbox.gcp.run.services_api import RunApi
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.wire import Call

NOT_THE_PROTOCOL = b"\xff\xff<html>Bad gateway"
OPTIONS = (("grpc.max_send_message_length", -1), ("grpc.keepalive_permit_without_calls", 1),
           ("grpc.http2.min_ping_interval_without_data_ms", 100))
"""Channel options of Google's servers: clients may ping idle connections. The default of the library allows a ping per 5 min."""

Handler = Callable[[Any, str], Any]


class Method(NamedTuple):
    """One method of a service. `bucket`: the quota that it uses; `permission`: the IAM permission that it needs."""

    service: str
    name: str
    request: Any
    handler: Handler
    bucket: str
    permission: str
    mutating: bool = False


class GrpcSandboxServer:
    """Server of one `RunSandbox` on the loopback interface: `async with GrpcSandboxServer(world) as server: server.target`."""

    def __init__(self, world: RunSandbox, host: str = "127.0.0.1", port: int = 0,
                 credentials: grpc.ServerCredentials | None = None) -> None:
        """Store the address; `port` 0: any free port. With `credentials` the server uses TLS."""
        self.world, self._address, self._credentials = world, f"{host}:{port}", credentials
        self._host = host
        self._wire = SystemClock()
        self._server: grpc.aio.Server | None = None
        self.target = ""

    async def start(self) -> str:
        """Listen, and return `host:port`."""
        self._server = grpc.aio.server(options=OPTIONS)
        by_service: dict[str, dict[str, Any]] = {}
        for method in _methods(self.world):
            handler = grpc.unary_unary_rpc_method_handler(
                self._answer(method), request_deserializer=_reader(method.request), response_serializer=_written)
            by_service.setdefault(method.service, {})[method.name] = handler
        handlers = tuple(grpc.method_handlers_generic_handler(name, methods) for name, methods in by_service.items())
        self._server.add_generic_rpc_handlers(handlers)
        if self._credentials is None:
            port = self._server.add_insecure_port(self._address)
        else:
            port = self._server.add_secure_port(self._address, self._credentials)
        await self._server.start()
        self.target = f"{self._host}:{port}"
        return self.target

    async def stop(self) -> None:
        """Close the port and all calls, hanging ones included."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    def _answer(self, method: Method) -> Callable[[Any, grpc.aio.ServicerContext], Any]:
        async def answer(request: Any, context: grpc.aio.ServicerContext) -> Any:  # noqa: ANN401
            caller = str(dict(context.invocation_metadata()).get("authorization", "")).removeprefix("Bearer ")
            call = self._call(method, request, caller)
            self.world.calls.count(method.name, mutating=method.mutating)
            trouble = self.world.faults.take(call)
            if trouble in (Trouble.HANG, Trouble.DRIP):
                await asyncio.get_running_loop().create_future()
            if trouble is Trouble.RESET:
                await _broken(context)
            await context.send_initial_metadata((("date", format_datetime(self._wire.now(), usegmt=True)),))
            reply = await self._execute(method, call, request, trouble, context)
            if trouble is Trouble.NO_ANSWER:
                await _broken(context)
            return reply

        return answer

    async def _execute(self, method: Method, call: Call, request: Any, trouble: Trouble | None,  # noqa: ANN401
                       context: grpc.aio.ServicerContext) -> Any:  # noqa: ANN401
        """Execute the call and return its reply. A write is logged before its caller gets the response."""
        outcome, refusal, reply = "accepted", None, None
        if trouble is Trouble.GARBAGE:
            outcome, reply = "garbage", NOT_THE_PROTOCOL
        else:
            try:
                reply = self._reply(method, call, request, trouble)
            except Refusal as refused:
                outcome, refusal = refused.code.name, refused
        if method.mutating:
            self.world.calls.record(call, outcome, answered=trouble is not Trouble.NO_ANSWER)
        if refusal is not None:
            await context.abort(refusal.code, refusal.message, refusal.trailing())
        return reply

    def _reply(self, method: Method, call: Call, request: Any, trouble: Trouble | None) -> Any:  # noqa: ANN401
        """Return the reply of the method. Raise `Refusal` for credentials, faults, quotas, permissions and invalid requests."""
        world = self.world
        if call.caller not in world.accepted or call.caller in world.expired:
            raise Refusal(grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials. Expected OAuth 2 "
                          "access token, login cookie or other valid authentication credential.")
        if trouble is Trouble.SERVER_ERROR:
            raise Refusal(grpc.StatusCode.INTERNAL, "Internal error encountered.")
        if trouble is Trouble.THROTTLE or self._over_quota(method, request):
            raise too_many("Write" if method.mutating else "Read")
        if method.name in world.refusals:
            raise world.refusals[method.name]
        if method.permission and not world.may(method.permission, _name_in(request)):
            raise denied(method.permission, _name_in(request))
        return method.handler(request, call.caller)

    def _over_quota(self, method: Method, request: Any) -> bool:  # noqa: ANN401
        settings = self.world.settings
        limits = {"read": settings.read_per_minute, "write": settings.write_per_minute, "query": settings.query_per_minute}
        place = "/".join(_name_in(request).split("/")[: 2 if method.bucket == "query" else 4])
        return self.world.wait_for_token(f"{method.bucket} {place}", limits[method.bucket]) > 0

    def _call(self, method: Method, request: Any, caller: str) -> Call:  # noqa: ANN401
        body, query = {}, {}
        if method.mutating:
            body = {"minInstanceCount": request.service.scaling.min_instance_count}
            query = {"Qualifier": ",".join(request.update_mask.paths)}  # puts the mask into the log of writes
        name = _name_in(request).rpartition("/services/")[2] if "/services/" in _name_in(request) else ""
        return Call("run", method.name, self.world.clock.now(), caller, {"function": name}, query, body, {})


def _methods(world: RunSandbox) -> list[Method]:
    api, services = RunApi(world), "google.cloud.run.v2.Services"
    return [
        Method(services, "GetService", run_v2.GetServiceRequest, api.get_service, "read", "run.services.get"),
        Method("google.cloud.run.v2.Revisions", "GetRevision", run_v2.GetRevisionRequest, api.get_revision, "read",
               "run.revisions.get"),
        Method(services, "ListServices", run_v2.ListServicesRequest, api.list_services, "read", "run.services.list"),
        Method(services, "UpdateService", run_v2.UpdateServiceRequest, api.update_service, "write", "run.services.update",
               mutating=True),
        Method(services, "TestIamPermissions", iam_policy_pb2.TestIamPermissionsRequest, api.test_permissions, "read", ""),
        Method("google.longrunning.Operations", "GetOperation", operations_pb2.GetOperationRequest, api.get_operation, "read",
               "run.operations.get"),
        Method("google.monitoring.v3.MetricService", "ListTimeSeries", monitoring_v3.ListTimeSeriesRequest,
               lambda request, _: list_time_series(world, request), "query", "monitoring.timeSeries.list"),
    ]


def _name_in(request: Any) -> str:  # noqa: ANN401
    """Return the full name of the resource of a request."""
    service = getattr(request, "service", None)
    if service is not None:
        return str(service.name)
    return str(next(filter(None, (getattr(request, field, "") for field in ("parent", "name", "resource"))), ""))


async def _broken(context: grpc.aio.ServicerContext) -> NoReturn:
    """Abort with the error that a client library reports for a connection closed without a response."""
    await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    raise AssertionError("abort raises")


def _reader(kind: Any) -> Callable[[bytes], Any]:  # noqa: ANN401
    read: Callable[[bytes], Any] = getattr(kind, "deserialize", None) or kind.FromString
    return read


def _written(message: Any) -> bytes:  # noqa: ANN401
    """Serialise a message of proto-plus or protobuf; bytes are returned unchanged."""
    if isinstance(message, bytes):
        return message
    plain = message if hasattr(message, "SerializeToString") else type(message).pb(message)
    data: bytes = plain.SerializeToString()
    return data
