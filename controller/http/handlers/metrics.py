"""`/metrics`: the exposition for Prometheus."""

from aiohttp import web

from controller.http.published_state import PublishedState

METRICS_TYPE = "text/plain"


async def metrics(published: PublishedState, _: web.Request) -> web.Response:
    """Return all metrics in the Prometheus text format."""
    kind = f"{METRICS_TYPE}; version=0.0.4; charset=utf-8"
    return web.Response(body=await published.exposition.text(), headers={"Content-Type": kind})
