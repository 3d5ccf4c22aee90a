"""Errors of the emulated AWS services, before they take a wire format."""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """Error response of AWS: `code` and HTTP `status` are those of AWS, `fields` are further members of the body."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status
        self.fields, self.headers = dict(fields or {}), dict(headers or {})


def invalid(message: str) -> ApiError:
    """Return Lambda's 400 for an invalid parameter."""
    return ApiError("InvalidParameterValueException", message, 400, {"Type": "User"})


def conflict(message: str) -> ApiError:
    """Return Lambda's 409."""
    return ApiError("ResourceConflictException", message, 409, {"Type": "User"})


def not_found(message: str, code: str = "ResourceNotFoundException") -> ApiError:
    """Return Lambda's 404."""
    return ApiError(code, message, 404, {"Type": "User"})


def too_many_requests(retry_after: float, reason: str = "CallerRateLimitExceeded") -> ApiError:
    """Return Lambda's 429; `retry_after` in seconds."""
    fields = {"Type": "User", "Reason": reason}
    return ApiError("TooManyRequestsException", "Rate exceeded", 429, fields, {"Retry-After": str(max(1, round(retry_after)))})
