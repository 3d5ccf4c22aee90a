"""Errors of OTLP over HTTP: a `google.rpc.Status` in the format of the request."""

import json
from collections.abc import Mapping

from aiohttp import web

JSON, PROTOBUF = "application/json", "application/x-protobuf"
PATHS = ("/v1/metrics", "/v1/traces")
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 408: 4, 409: 9, 413: 8, 415: 3, 429: 8, 501: 12, 503: 14}
"""Code of gRPC by HTTP status."""

INTERNAL = 13
RETRY_SECONDS = 5


class Retry(web.HTTPException):
    """429 or 503: the export can be sent again after `seconds`."""

    def __init__(self, status: int, text: str, seconds: float) -> None:
        self.status_code = status
        super().__init__(reason=text, headers={"Retry-After": f"{seconds:.0f}"})


def status_answer(status: int, text: str, as_json: bool, headers: Mapping[str, str]) -> web.Response:
    """Return an error response. A 503 has a time to wait: the daemon is starting, or busy."""
    code = CODES.get(status, INTERNAL)
    if status == 503:
        headers = {"Retry-After": str(RETRY_SECONDS)} | dict(headers)
    if as_json:
        return web.Response(status=status, body=json.dumps({"code": code, "message": text}).encode(), headers=headers,
                            content_type=JSON)
    message = text.encode()
    body = bytes([0x08, code, 0x12]) + varint(len(message)) + message
    return web.Response(status=status, body=body, headers=headers, content_type=PROTOBUF)


def varint(number: int) -> bytes:
    """Return a number as protobuf encodes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])
