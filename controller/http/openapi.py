"""`/openapi.json`: the API as OpenAPI 3.1, generated from the table of routes."""

import json
from functools import cache
from importlib.metadata import version
from typing import Any

from aiohttp import web
from pydantic.json_schema import models_json_schema

from config.model.policy import NAME
from controller.http.published_state import PublishedState
from controller.http.responses import json_bytes
from controller.http.routes import ASSETS, RECORDED_NAME, ROUTES, Route
from controller.http.schemas.shape import Shape
from controller.http.schemas.status import Problem

Json = dict[str, Any]
TOKEN = "token"  # noqa: S105  (the name of the scheme, not a token)
ERRORS = {
    400: "A parameter or the body is invalid.",
    401: "The bearer token is missing or wrong.",
    403: "The daemon has no token, or the policy does not allow it.",
    409: "This daemon is a standby; send the request to the leader. Or the policy was refused, or a pool is not to be released.",
    404: "The path does not exist.",
    408: "The body did not arrive within 10 s.",
    413: "The body is larger than 64 KiB.",
    415: "The body is not JSON.",
    421: "The daemon listens on a loopback address; the Host header has another name.",
    429: "Too many requests; retry after the time in Retry-After.",
    503: "Not available: the daemon is starting or busy, or could not store the override.",
}
WRITES = (401, 403, 409)
BODIES = (408, 413, 415)
WRONG_HOST = 421


async def openapi(_: PublishedState, __: web.Request) -> web.Response:
    """Return the OpenAPI description."""
    return json_bytes(rendered())


ALL: tuple[Route, ...] = (*ROUTES, Route("GET", "/openapi.json", openapi, {200: "application/json"}))
"""All routes, including the description itself."""


@cache
def rendered() -> bytes:
    """Return the document as bytes."""
    return json.dumps(document(), separators=(",", ":")).encode()


def document() -> Json:
    """Return the description of all routes."""
    models = {response for route in ALL for response in route.responses.values() if isinstance(response, type)} | {Problem}
    _, generated = models_json_schema([(model, "serialization") for model in sorted(models, key=lambda each: each.__name__)],
                                      ref_template="#/components/schemas/{model}")
    paths: dict[str, Json] = {}
    for route in ALL:
        paths.setdefault(route.path, {})[route.method.lower()] = operation(route)
    about = "Warm capacity of serverless pools: current capacity, targets with reasons, and overrides."
    return {
        "openapi": "3.1.0",
        "info": {"title": "Stoker", "version": version("stoker"), "description": about, "license": {"name": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": generated["$defs"],
            "securitySchemes": {TOKEN: {"type": "http", "scheme": "bearer", "description": "The token of `stoker run`, from "
                                        "STOKER_TOKEN or --token-file. Read requests need no token."}},
        },
    }


def operation(route: Route) -> Json:
    """Return the description of one method of one path."""
    described: Json = {"operationId": f"{route.method.lower()}_{route.handler.__name__}", "summary": summary(route),
                  "security": [{TOKEN: []}] if route.guarded else []}
    parameters: list[Json] = [{"name": name, "in": "query", "schema": schema} for name, schema in route.parameters.items()]
    if "{name}" in route.path:
        pattern = RECORDED_NAME if route.path.endswith("/why") else NAME
        allowed: Json = {"enum": list(ASSETS)} if route.path.startswith("/assets") else {"pattern": pattern}
        parameters.insert(0, {"name": "name", "in": "path", "required": True, "schema": {"type": "string", **allowed}})
    if parameters:
        described["parameters"] = parameters
    if route.body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": route.body}}}
    described["responses"] = {str(status): answer(status, response) for status, response in sorted(answers(route).items())}
    return described


def answers(route: Route) -> dict[int, type[Shape] | str | None]:
    """Return the shape of the response for each status of a route, errors included."""
    refused = (WRONG_HOST, *route.refuses, *(writes(route) if route.guarded else ()), *(BODIES if route.body is not None else ()))
    return {**dict.fromkeys(refused, Problem), **route.responses}


def writes(route: Route) -> tuple[int, ...]:
    """Return the statuses of writes that are not accepted."""
    return WRITES[:-1] if route.anywhere else WRITES


def summary(route: Route) -> str:
    """Return the first line of the handler's docstring."""
    return (route.handler.__doc__ or "").strip().splitlines()[0]


def answer(status: int, response: type[Shape] | str | None) -> Json:
    """Return the description of one response: its shape, or its media type."""
    if response is None:
        return {"description": "Not modified."}
    about = ERRORS[status] if response is Problem else "" if isinstance(response, str) else (response.__doc__ or "")
    if isinstance(response, str):
        kind, schema = response, {"type": "string"} if response.startswith("text/") else {}
    else:
        kind, schema = "application/json", {"$ref": f"#/components/schemas/{response.__name__}"}
    return {"description": about or "Success.", "content": {kind: {"schema": schema}}}
