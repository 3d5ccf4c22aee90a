"""The published description and the server: neither says more than the other, and every answer has the shape that is told."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import validate

from controller.http.app import make_app
from controller.http.openapi import ALL, document
from controller.http.published_state import PublishedState
from controller.http.routes import OTLP, ROUTES
from tests.services import TOKEN, serving

DOCUMENT = document()
ROOT = Path(__file__).parents[1]
PIN = {"kind": "pin", "units": 12, "for": "2h", "reason": "launch", "by": "ana"}


def shape(method, path, status):
    """The schema of an answer, with what it refers to."""
    told = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]["content"]["application/json"]["schema"]
    return {**told, "components": DOCUMENT["components"]}


def test_the_description_is_valid_openapi():
    validate(DOCUMENT)


def test_the_description_lists_exactly_the_served_routes():
    app = make_app(PublishedState.__new__(PublishedState))
    served = {(route.method, route.resource.canonical) for route in app.router.routes() if route.method != "HEAD"}
    described = {(method.upper(), path) for path, told in DOCUMENT["paths"].items() for method in told}

    assert served == described | {(route.method, route.path) for route in OTLP}
    assert all(route.guarded for route in OTLP)


def test_every_path_on_the_page_of_endpoints_is_served():
    page = (ROOT / "docs" / "http.md").read_text()
    named = set(re.findall(r"^\| `(/[^`]*)`", page, re.MULTILINE))

    assert named | {"/assets/{name}"} == set(DOCUMENT["paths"]) | {route.path for route in OTLP}
    assert all(f"`{name}`" in page for name in DOCUMENT["components"]["schemas"]["PoolEntry"]["properties"])
    assert all(f"`{name}" in page or f"{name}=" in page for route in ALL for name in route.parameters)


def test_writing_routes_require_a_token_and_reading_routes_do_not():
    for route in ALL:
        told = DOCUMENT["paths"][route.path][route.method.lower()]
        assert (told["security"] == [{"token": []}]) == (route.method != "GET")
        assert ("401" in told["responses"]) == (route.method != "GET")


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method == "GET"], ids=lambda each: each.path)
async def test_each_response_matches_its_schema(tmp_path, route):
    async with serving(tmp_path) as here:
        await here.components.active_overrides.add("a", shapely())
        await here.ticks(3)
        name = "table.js" if route.path.startswith("/assets") else "a"
        async with here.session.get(here.service.url + route.path.replace("{name}", name)) as answer:
            body, status, kind = await answer.read(), answer.status, answer.content_type
    told = DOCUMENT["paths"][route.path]["get"]["responses"][str(status)]["content"]

    assert kind in told or "*/*" in told
    if kind == "application/json":
        jsonschema.validate(json.loads(body), shape("GET", route.path, status))


def shapely():
    from controller.overrides.parsing import parse_override
    from tests.builders import NOON

    return parse_override(PIN, NOON)


async def test_overrides_and_refusals_match_their_schemas(tmp_path):
    path = "/v1/pools/{name}/overrides"
    async with serving(tmp_path) as here:
        for method, token, more, status in (
                ("POST", TOKEN, {"json": PIN}, 200), ("POST", None, {"json": PIN}, 401), ("POST", TOKEN, {"json": {}}, 400),
                ("POST", TOKEN, {"data": {"kind": "pin"}}, 415), ("POST", TOKEN, {"json": " " * (65 << 10)}, 413),
                ("DELETE", TOKEN, {}, 200), ("DELETE", TOKEN, {"params": {"kind": "x"}}, 400)):
            got, body, _ = await here.ask(method, path.replace("{name}", "a"), token, **more)
            assert got == status
            jsonschema.validate(body, shape(method, path, status))
        got, body, _ = await here.ask("GET", "/v1/pools/nobody")
        jsonschema.validate(body, shape("GET", "/v1/pools/{name}", got))


async def test_the_description_is_served_unchanged(tmp_path):
    async with serving(tmp_path) as here:
        assert (await here.ask("GET", "/openapi.json"))[:2] == (200, DOCUMENT)


@pytest.mark.parametrize("query", ["hours=3&hours=4", "hour=3"])
async def test_a_parameter_that_is_unknown_or_given_twice_is_refused(tmp_path, query):
    async with serving(tmp_path) as here:
        assert (await here.ask("GET", f"/v1/pools/a/history?{query}"))[0] == 400


def test_names_of_pings_are_accepted_only_where_decisions_are_read():
    paths = DOCUMENT["paths"]
    patterns = {path: [each["schema"]["pattern"] for method in methods.values() for each in method.get("parameters", ())
                       if each["name"] in ("name", "pool") and "pattern" in each["schema"]] for path, methods in paths.items()}
    accepting = {path for path, found in patterns.items() if any(re.fullmatch(each, "chat:pings") for each in found)}

    assert accepting == {"/v1/decisions", "/v1/pools/{name}/why"}
    assert all(re.fullmatch(each, "chat") for found in patterns.values() for each in found)
