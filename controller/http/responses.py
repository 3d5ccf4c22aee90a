"""The shapes of answers, shared by the handlers."""

import asyncio
import json

from aiohttp import web

from controller.redaction.redactor import redact

BODY_BYTES = 64 << 10
"""No request needs a larger body; a larger one is refused with 413."""

BODY_SECONDS = 10.0


def json_answer(value: object, status: int = 200) -> web.Response:
    """`value` as JSON, without secrets."""
    return json_bytes(dumps(value), status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    """A body that was written before."""
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def body_of(request: web.Request) -> bytes:
    """The body of a request, unpacked; one that drips is not waited for."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(reason=f"the body did not come within {BODY_SECONDS:g} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise web.HTTPRequestEntityTooLarge(BODY_BYTES, reason=f"the body is larger than {BODY_BYTES >> 10} KiB") from None
    except web.RequestPayloadError:
        raise BadRequest("the body cannot be read: it is not what its Content-Encoding says, or was cut off") from None


def dumps(value: object) -> bytes:
    """`value` as compact JSON, without secrets."""
    return json.dumps(redact(value), separators=(",", ":")).encode()


class BadRequest(web.HTTPBadRequest):
    """The request is wrong; `reason` says what is, and what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(reason=text)


class Missing(web.HTTPNotFound):
    """What the request names is not there; `reason` says what is."""

    def __init__(self, text: str) -> None:
        super().__init__(reason=text)
