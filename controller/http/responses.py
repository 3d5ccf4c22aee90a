"""Responses and errors that the handlers share."""

import asyncio
import json
from collections.abc import Mapping

from aiohttp import web

from controller.redaction.redactor import redact

BODY_BYTES = 64 << 10
"""No request needs a larger body; a larger one is refused with 413."""

BODY_SECONDS = 10.0


def json_answer(value: object, status: int = 200) -> web.Response:
    """Return `value` as a JSON response, without secrets."""
    return json_bytes(dumps(value), status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    """Return a response with a rendered JSON body."""
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def body_of(request: web.Request, most: int = BODY_BYTES) -> bytes:
    """Return the decompressed body of a request, at most `most` bytes. Raise 408 after `BODY_SECONDS`, 413 for a large body, 400
    for a broken one.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.content.iter_any():
                body += part
                if len(body) > most:
                    raise web.HTTPRequestEntityTooLarge(most, reason=f"the body is larger than {most >> 10} KiB")
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason=f"the body did not arrive within {BODY_SECONDS:g} s") from None
    except web.RequestPayloadError:
        raise BadRequest("the body cannot be read: it does not match its Content-Encoding, or is incomplete") from None
    return bytes(body)


def dumps(value: object) -> bytes:
    """Return `value` as compact JSON, without secrets."""
    return json.dumps(redact(value), separators=(",", ":")).encode()


def object_of(members: Mapping[str, bytes]) -> bytes:
    """Return a JSON object from its rendered values; names need no escaping."""
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members.items()) + b"}"


class BadRequest(web.HTTPBadRequest):
    """400; `reason` says what is wrong, and what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(reason=text)


class Missing(web.HTTPNotFound):
    """404; `reason` says what does not exist, and what does."""

    def __init__(self, text: str) -> None:
        super().__init__(reason=text)


class Starting(web.HTTPServiceUnavailable):
    """503 while the daemon loads history."""

    def __init__(self) -> None:
        super().__init__(reason="starting: history is being loaded")
