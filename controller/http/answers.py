"""The shapes of answers, shared by the handlers."""

from aiohttp import web

from controller.http.board import dumps


def json_answer(value: object, status: int = 200) -> web.Response:
    """`value` as JSON, without secrets."""
    return json_bytes(dumps(value), status)


def json_bytes(body: bytes, status: int = 200) -> web.Response:
    """A body that was written before."""
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


class BadRequest(web.HTTPBadRequest):
    """The request is wrong; `reason` says what is, and what is allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(reason=text)


class Missing(web.HTTPNotFound):
    """What the request names is not there; `reason` says what is."""

    def __init__(self, text: str) -> None:
        super().__init__(reason=text)
