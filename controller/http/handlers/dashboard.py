"""`/` and `/assets/{name}`: the dashboard. It ships with the daemon, loads nothing from elsewhere and may run nothing else."""

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
OURS = ("dashboard.css", "dashboard.js", "table.js", "pool.js", "orders.js", "chart.js", "words.js", "icon.svg")
LIBRARY = ("uPlot.iife.min.js", "uPlot.min.css")


class Asset(NamedTuple):
    """A file as it is sent."""

    body: bytes
    kind: str
    tag: str


async def dashboard(_: PublishedState, request: web.Request) -> web.Response:
    """Return the dashboard."""
    return sent(asset("dashboard.html"), request, {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


async def assets(_: PublishedState, request: web.Request) -> web.Response:
    """Return a file of the dashboard."""
    name = request.match_info["name"]
    if name not in OURS and name not in LIBRARY:
        raise Missing(f"no asset is called {name[:80]!a}")
    return sent(asset(name), request)


@cache
def asset(name: str) -> Asset:
    """A file that ships beside this module, or of the library that draws."""
    place = files("controller.assets.uplot") / name if name in LIBRARY else files("controller.http") / "static" / name
    body = place.read_bytes()
    return Asset(body, KINDS[name[name.rindex("."):]], hashlib.sha256(body).hexdigest()[:16])


def sent(this: Asset, request: web.Request, headers: LooseHeaders | None = None) -> web.Response:
    """The file, or that it has not changed."""
    answer = web.Response(headers=headers)
    if asked_for(this.tag, request):
        answer.set_status(304)
    else:
        answer.body, answer.content_type, answer.charset = this.body, this.kind, "utf-8"
    answer.etag = this.tag
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def asked_for(tag: str, request: web.Request) -> bool:
    """Whether the caller has what `tag` names already."""
    return any(each.value == tag for each in request.if_none_match or ())
