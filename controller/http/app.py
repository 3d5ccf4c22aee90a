"""The aiohttp application: routes, errors as JSON, and limits. The answers come from the published state."""

import json
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from controller.http.connections.guard import ConnectionGuard, protect
from controller.http.openapi import ALL
from controller.http.otlp.status import JSON, PATHS, status_answer
from controller.http.published_state import PublishedState
from controller.http.responses import BODY_BYTES, BadRequest
from controller.http.routes import OTLP, Route
from controller.redaction.known_secrets import PROCESS_SECRETS

log = structlog.get_logger("stoker.http")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(published: PublishedState, guard: ConnectionGuard | None = None) -> web.Application:
    """Return the application that answers from `published`; `guard` refuses requests by Host header."""
    app = web.Application(client_max_size=BODY_BYTES)
    if guard is not None:
        app.middlewares.append(guard.before)
    app.on_response_prepare.append(protect)
    for route in (*ALL, *OTLP):
        add = app.router.add_get if route.method == "GET" else getattr(app.router, f"add_{route.method.lower()}")
        add(route.path, served(published, route))
    return app


def served(published: PublishedState, route: Route) -> Handler:
    """Return the handler of a route with the common checks: authorization, parameters, content type."""
    async def handle(request: web.Request) -> web.StreamResponse:
        if route.guarded:
            published.auth.admit(request, None if route.anywhere else published.leadership)
        check(route, request)
        return await route.handler(published, request)
    return handle


def check(route: Route, request: web.Request) -> None:
    """Raise `BadRequest` for unknown or repeated parameters, and 415 for a body that is not declared as JSON."""
    if route.parameters:
        if unknown := set(request.query) - set(route.parameters):
            raise BadRequest(f"unknown parameter {min(unknown)[:40]!a}; allowed: {', '.join(sorted(route.parameters))}")
        if len(request.query) > len(set(request.query)):
            raise BadRequest("a parameter is given more than once")
    if route.body is not None and request.headers.get("Content-Type") and request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(reason=f"content type {request.content_type[:60]!a} is not supported: "
                                                  "send JSON with the header Content-Type: application/json")


async def errors_as_json(handler: Handler, request: web.Request) -> web.StreamResponse:
    """Return the answer of `handler`, and every error as `{"error": "..."}`. The cause of a 500 is only logged.

    Not a middleware: aiohttp refuses some requests, such as an unknown Expect, before it calls one.
    """
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed as refusal:
        allowed = ", ".join(sorted(refusal.allowed_methods))
        return refused(request, 405, f"{request.method} is not allowed here; allowed: {allowed}", {"Allow": allowed})
    except web.HTTPException as refusal:
        if refusal.status < 400:
            raise
        headers = {name: refusal.headers[name] for name in ("WWW-Authenticate", "Retry-After") if name in refusal.headers}
        return refused(request, refusal.status, error_text(refusal, request), headers)
    except Exception as fault:
        if isinstance(fault, ConnectionError) and (request.transport is None or request.transport.is_closing()):
            return problem(400, "the connection was closed before the request was complete")  # the client cannot read it
        log.exception("request-failed", path=request.path)
        return refused(request, 500, "the daemon failed to answer; see its log", {})


def refused(request: web.Request, status: int, text: str, headers: dict[str, str]) -> web.Response:
    """Return an error in the form of the API, or of OTLP where the request is an export."""
    if request.path in PATHS:
        return status_answer(status, PROCESS_SECRETS.without(text), request.content_type == JSON, headers)
    return problem(status, text, headers)


def error_text(refusal: web.HTTPException, request: web.Request) -> str:
    """Return the text of an HTTP error."""
    if refusal.status == 404 and refusal.reason == "Not Found":
        return f"{request.path} does not exist"
    if refusal.status == 417:
        return "the only supported Expect header is 100-continue"
    return refusal.reason


def problem(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error in the form of the API."""
    body = json.dumps({"error": PROCESS_SECRETS.without(text)})
    return web.Response(status=status, text=body, content_type="application/json", headers=headers)
