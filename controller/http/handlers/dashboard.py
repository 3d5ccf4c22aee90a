"""`/` and `/assets/{name}`: the dashboard. Its files ship with the daemon; it loads and runs nothing from other hosts."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from aiohttp import web
from aiohttp.typedefs import LooseHeaders

from controller.http.published_state import PublishedState
from controller.http.responses import Missing

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
OWN_FILES = (
    "dashboard.css", "icon.svg", "dashboard.js", "overview.js", "comparison.js", "table.js", "row.js", "pool.js", "facts.js",
    "decisions.js", "overrides.js", "chart.js", "legend.js", "columns.js", "forecast.js", "figures.js", "words.js")
LIBRARY = ("uPlot.iife.min.js", "uPlot.min.css")


class Asset(NamedTuple):
    """Body, media type and ETag of a file."""

    body: bytes
    kind: str
    tag: str


async def dashboard(_: PublishedState, request: web.Request) -> web.Response:
    """Return the dashboard."""
    return sent(asset("dashboard.html"), request, {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


async def assets(_: PublishedState, request: web.Request) -> web.Response:
    """Return a file of the dashboard."""
    name = request.match_info["name"]
    if name not in OWN_FILES and name not in LIBRARY:
        raise Missing(f"no asset is called {name[:80]!a}")
    return sent(asset(name), request)


@cache
def asset(name: str) -> Asset:
    """Read a file of the dashboard, or of the chart library."""
    path = files("controller.assets.uplot") / name if name in LIBRARY else files("controller.http") / "static" / name
    body = path.read_bytes()
    return Asset(body, KINDS[name[name.rindex("."):]], hashlib.sha256(body).hexdigest()[:16])


def sent(file: Asset, request: web.Request, headers: LooseHeaders | None = None) -> web.Response:
    """Return the file, or 304 if the client has it."""
    answer = web.Response(headers=headers)
    if is_known(file.tag, request):
        answer.set_status(304)
    else:
        answer.body, answer.content_type, answer.charset = file.body, file.kind, "utf-8"
    answer.etag = file.tag
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def is_known(tag: str, request: web.Request) -> bool:
    """Return whether the client has the file with this ETag."""
    return any(each.value == tag for each in request.if_none_match or ())
