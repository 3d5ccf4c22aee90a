"""Errors of the emulated Google APIs, before they take the wire format."""

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS = "grpc-status-details-bin"


class Refusal(Exception):
    """Error response of a Google API. `details`: messages of `google.rpc.error_details`."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Any) -> None:  # noqa: ANN401  (messages of the library)
        super().__init__(f"{code.name}: {message}")
        self.code, self.message, self.details = code, message, details

    def trailing(self) -> tuple[tuple[str, bytes], ...]:
        """Return the trailing metadata with the details."""
        if not self.details:
            return ()
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return ((DETAILS, status.SerializeToString()),)


def reason(name: str, domain: str = "googleapis.com", **metadata: str) -> Any:  # noqa: ANN401
    """Return the error detail `ErrorInfo`, the machine-readable cause."""
    return error_details_pb2.ErrorInfo(reason=name, domain=domain, metadata=metadata)


def conflict(name: str, requested: str, current: str) -> Refusal:
    """Return the error of an update whose etag is not the current one."""
    return Refusal(grpc.StatusCode.ABORTED,
                   f"Conflict for resource '{name}': version '{requested}' was specified but current version is '{current}'.")


def not_found(name: str) -> Refusal:
    """Return the error for a resource that does not exist."""
    return Refusal(grpc.StatusCode.NOT_FOUND, f"Resource '{name}' was not found")


def too_many(kind: str) -> Refusal:
    """Return the error of an exceeded quota. `kind`: Read or Write."""
    cause = reason("RATE_LIMIT_EXCEEDED", service="run.googleapis.com", quota_limit=f"{kind}RequestsPerMinutePerProjectPerRegion")
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED,
                   f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per region' of "
                   "service 'run.googleapis.com'", cause)


def denied(permission: str, name: str) -> Refusal:
    """Return the error for a missing permission on the resource `name`."""
    return Refusal(grpc.StatusCode.PERMISSION_DENIED,
                   f"Permission '{permission}' denied on resource '{name}' (or resource may not exist).",
                   reason("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission=permission, resource=name))
