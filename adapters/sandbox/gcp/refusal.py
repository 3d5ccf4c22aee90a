"""A refusal in the provider's own words, before it goes out on the wire."""

from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

DETAILS = "grpc-status-details-bin"


class Refusal(Exception):
    """What the emulated provider refuses with. `details`: messages of `google.rpc.error_details`."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Any) -> None:  # noqa: ANN401  (messages of the library)
        super().__init__(f"{code.name}: {message}")
        self.code, self.message, self.details = code, message, details

    def trailing(self) -> tuple[tuple[str, bytes], ...]:
        """The metadata that carry the details."""
        if not self.details:
            return ()
        status = status_pb2.Status(code=self.code.value[0], message=self.message)
        for detail in self.details:
            status.details.add().Pack(detail)
        return ((DETAILS, status.SerializeToString()),)


def reason(name: str, domain: str = "googleapis.com", **metadata: str) -> Any:  # noqa: ANN401
    """The detail that says why, for programs."""
    return error_details_pb2.ErrorInfo(reason=name, domain=domain, metadata=metadata)


def conflict(name: str, given: str, current: str) -> Refusal:
    """An update of a version that is not the current one."""
    return Refusal(grpc.StatusCode.ABORTED,
                   f"Conflict for resource '{name}': version '{given}' was specified but current version is '{current}'.")


def not_found(name: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, f"Resource '{name}' was not found")


def too_many(kind: str) -> Refusal:
    """`kind`: Read or Write."""
    why = reason("RATE_LIMIT_EXCEEDED", service="run.googleapis.com", quota_limit=f"{kind}RequestsPerMinutePerProjectPerRegion")
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED,
                   f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per region' of "
                   "service 'run.googleapis.com'", why)


def denied(permission: str, name: str) -> Refusal:
    return Refusal(grpc.StatusCode.PERMISSION_DENIED,
                   f"Permission '{permission}' denied on resource '{name}' (or resource may not exist).",
                   reason("IAM_PERMISSION_DENIED", "iam.googleapis.com", permission=permission, resource=name))
