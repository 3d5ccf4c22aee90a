"""The aiohttp application: routes, errors as JSON, and limits. Every answer is made from the board; nothing here decides."""

import json
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from controller.http.board import Board
from controller.http.dashboard import assets, dashboard
from controller.http.decisions import decisions
from controller.http.forecast import forecast
from controller.http.health import healthz, readyz
from controller.http.history import history
from controller.http.overrides import clear, order, overrides
from controller.http.pools import pool, pools, status
from controller.http.why import why

BOARD: web.AppKey[Board] = web.AppKey("board", Board)
BODY_BYTES = 64 << 10
"""No request needs a larger body; a larger one is refused with 413."""

log = structlog.get_logger("stoker.http")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(board: Board) -> web.Application:
    """The application that answers from `board`."""
    app = web.Application(client_max_size=BODY_BYTES, middlewares=[errors_as_json])
    app[BOARD] = board

    def answer(handler: Callable[[Board, web.Request], Awaitable[web.Response]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await handler(board, request)
        return handle

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/status", status), ("/metrics", metrics),
                          ("/v1/pools", pools), ("/v1/pools/{name}", pool), ("/v1/pools/{name}/forecast", forecast),
                          ("/v1/pools/{name}/history", history), ("/v1/decisions", decisions), ("/", dashboard),
                          ("/assets/{name}", assets), ("/v1/pools/{name}/overrides", overrides),
                          ("/v1/pools/{name}/why", why)):
        app.router.add_get(path, answer(handler))
    app.router.add_post("/v1/pools/{name}/overrides", answer(order))
    app.router.add_delete("/v1/pools/{name}/overrides", answer(clear))
    return app


async def metrics(board: Board, _: web.Request) -> web.Response:
    """`GET /metrics`: Prometheus' text format."""
    return web.Response(body=await board.exposition.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error has the same shape: `{"error": "..."}`; what went wrong inside goes to the log and not to the caller."""
    try:
        response = await handler(request)
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted(refusal.allowed_methods))
        return problem(405, f"{request.method} is not allowed here; allowed: {allowed}", {"Allow": allowed})
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        asked = {name: refusal.headers[name] for name in ("WWW-Authenticate",) if name in refusal.headers}
        return problem(refusal.status, told(refusal, request), asked)
    except Exception:
        log.exception("request-failed", path=request.path)
        return problem(500, "the daemon failed to answer; its log says why")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response


def told(refusal: web.HTTPException, request: web.Request) -> str:
    """An HTTP error in a sentence."""
    if refusal.status == 404 and refusal.reason == "Not Found":
        return f"nothing is at {request.path}"
    return refusal.reason


def problem(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error as the API gives it."""
    body = json.dumps({"error": text})
    return web.Response(status=status, text=body, content_type="application/json",
                        headers={"Cache-Control": "no-store", **(headers or {})})
