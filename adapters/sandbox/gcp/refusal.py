"""A refusal in the provider's own words, before it goes out on the wire."""

import grpc


class Refusal(Exception):
    """What the emulated provider refuses with."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code, self.message = code, message


def conflict(name: str, given: str, current: str) -> Refusal:
    """An update of a version that is not the current one."""
    return Refusal(grpc.StatusCode.ABORTED,
                   f"Conflict for resource '{name}': version '{given}' was specified but current version is '{current}'.")


def not_found(name: str) -> Refusal:
    return Refusal(grpc.StatusCode.NOT_FOUND, f"Resource '{name}' was not found")


def too_many(kind: str) -> Refusal:
    """`kind`: Read or Write."""
    return Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED,
                   f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute per region' of "
                   "service 'run.googleapis.com'")


def denied(permission: str, name: str) -> Refusal:
    return Refusal(grpc.StatusCode.PERMISSION_DENIED,
                   f"Permission '{permission}' denied on resource '{name}' (or resource may not exist).")
