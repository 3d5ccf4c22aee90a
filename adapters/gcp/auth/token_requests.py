"""HTTP requests to token services, with a timeout and a record of the last request, from which a failure is explained."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from google.auth.transport.requests import Request

from adapters.ports.diagnostics import Dated
from adapters.runtime.clock import Clock

LONGEST = 10.0
"""Longest wait for a token service in seconds. The library's limit is 120."""

CODES = frozenset({
    "access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope", "invalid_target", "rapt_required",
    "temporarily_unavailable", "unauthorized_client", "unsupported_grant_type",
    "FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED",
})
"""Error codes of OAuth 2 and of Google's APIs that messages may quote. They quote nothing else of a token service's response."""

ACCOUNT = re.compile(r"/serviceAccounts/([^/:]+):")


@dataclass(slots=True)
class Exchange:
    """The last request to a token service, and its response.

    `account`: the service account that the request impersonates. `status` is None while there is no response. `code`: one of
    `CODES`, or empty. `retry_after` is in seconds.
    """

    host: str = ""
    account: str = ""
    status: int | None = None
    code: str = ""
    dated: Dated | None = None
    retry_after: float | None = None


class TokenRequests(Request):
    """HTTP transport of the library, for one renewal of a token."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.last = Exchange()

    def __call__(self, url: str, method: str = "GET", body: Any = None, headers: Any = None,  # noqa: ANN401
                 timeout: float | None = LONGEST, **more: Any) -> Any:  # noqa: ANN401
        """See `google.auth.transport.Request`."""
        parts = urlsplit(url)
        account = ACCOUNT.search(unquote(parts.path))
        self.last = Exchange(parts.netloc.rpartition("@")[2], account[1] if account else "", dated=self.last.dated)
        limit = min(timeout or LONGEST, LONGEST)
        answer = super().__call__(url, method, body, headers, limit, **more)  # type: ignore[no-untyped-call]
        self.last.status = answer.status
        if "date" in answer.headers:
            self.last.dated = Dated(answer.headers["date"], self._clock.now())
        self.last.retry_after = _seconds(answer.headers.get("retry-after"))
        if answer.status >= 400:
            self.last.code = _code(answer.data)
        return answer


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdigit() else None


def _code(body: bytes) -> str:
    """Return the error code in a response of OAuth 2 (`error`) or of a Google API (`error.status`). Empty unless in `CODES`."""
    try:
        error = json.loads(body)["error"]
        code = error["status"] if isinstance(error, dict) else error
    except (LookupError, TypeError, ValueError):
        return ""
    return code if isinstance(code, str) and code in CODES else ""
