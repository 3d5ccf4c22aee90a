"""API operations that warm capacity uses, of google.cloud.run.v2 Services and Revisions and google.longrunning.Operations."""

import uuid
from typing import Any

import grpc
from google.cloud import run_v2
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.rpc import code_pb2

from adapters.sandbox.gcp.refusal import Refusal, conflict, not_found
from adapters.sandbox.gcp.world import HostedService, RunSandbox

PAGE = 100


class RunApi:
    """The operations. Each returns a message or raises `Refusal`. Independent of the wire format."""

    def __init__(self, world: RunSandbox) -> None:
        self.world = world
        self._operations: dict[str, tuple[str, int]] = {}

    def get_service(self, request: Any, caller: str) -> Any:  # noqa: ANN401, ARG002  (messages of the library)
        """Return a service."""
        return self._hosted(request.name).service.as_response()

    def get_revision(self, request: Any, caller: str) -> Any:  # noqa: ANN401, ARG002
        """Return a revision of a service."""
        service, _, name = request.name.partition("/revisions/")
        revision = self._hosted(service).service.revision(name)
        if revision is None:
            raise not_found(request.name)
        return revision

    def list_services(self, request: Any, caller: str) -> Any:  # noqa: ANN401, ARG002
        """Return the services of a location, up to 1,000 per page, 100 by default."""
        if request.parent.endswith("/-"):
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "Location '-' is not supported")
        services = [*(each.service.as_response() for each in self.world.within(request.parent)), *self.world.appended]
        start, size = int(request.page_token or 0), min(request.page_size or PAGE, 1000)
        page = services[start : start + size]
        token = str(start + size) if len(services) > start + size else ""
        return run_v2.ListServicesResponse(services=page, next_page_token=token)

    def update_service(self, request: Any, caller: str) -> Any:  # noqa: ANN401
        """Accept an update and start to reconcile. Return the operation, which is done when reconciling is."""
        hosted = self._hosted(request.service.name)
        current = hosted.service.message
        if request.service.etag and request.service.etag != current.etag:
            raise conflict(hosted.service.short, request.service.etag, current.etag)
        updated = hosted.service.merged(request.service, list(request.update_mask.paths))
        if updated.scaling.min_instance_count < 0:
            raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, "service.scaling.min_instance_count must not be negative")
        if not request.validate_only:
            self.world.update(hosted, updated, caller)
        return self._new_operation(hosted)

    def get_operation(self, request: Any, caller: str) -> Any:  # noqa: ANN401, ARG002
        """Return the current state of a long-running operation."""
        if request.name not in self._operations:
            raise not_found(request.name)
        name, generation = self._operations[request.name]
        return self._operation(request.name, self._hosted(name), generation)

    def test_permissions(self, request: Any, caller: str) -> Any:  # noqa: ANN401, ARG002
        """Return the requested permissions that the caller has on the service."""
        granted = [permission for permission in request.permissions if self.world.has(permission, request.resource)]
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=granted)

    def _new_operation(self, hosted: HostedService) -> Any:  # noqa: ANN401
        place = f"projects/{hosted.project}/locations/{hosted.location}"
        name = f"{place}/operations/{uuid.UUID(int=len(self._operations) + 1)}"
        self._operations[name] = hosted.service.name, hosted.service.message.generation
        return self._operation(name, hosted, hosted.service.message.generation)

    def _operation(self, name: str, hosted: HostedService, generation: int) -> Any:  # noqa: ANN401
        message = hosted.service.message
        operation = operations_pb2.Operation(name=name)
        operation.metadata.Pack(run_v2.Service.pb(message))
        if message.observed_generation < generation:
            return operation
        operation.done = True
        failure = message.terminal_condition.message
        if failure:
            operation.error.code, operation.error.message = code_pb2.FAILED_PRECONDITION, failure
        else:
            operation.response.Pack(run_v2.Service.pb(message))
        return operation

    def _hosted(self, name: str) -> HostedService:
        hosted = self.world.find(name)
        if hosted is None:
            raise not_found(name)
        return hosted
