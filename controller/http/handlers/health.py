"""`/healthz`: the event loop is alive. `/readyz`: what is known is fresh enough to be relied on."""

from aiohttp import web

from controller.http.published_state import PublishedState
from controller.http.responses import json_answer

MOST_REASONS = 20
"""Maximum number of listed reasons; `reasons_total` counts all of them."""


async def healthz(board: PublishedState, _: web.Request) -> web.Response:
    """Return 200 while the event loop runs, for liveness probes."""
    return json_answer({"status": "ok", "started_at": board.started_at})


async def readyz(board: PublishedState, _: web.Request) -> web.Response:
    """Return 200 when every pool's demand is fresh and ticks run; else 503 with the reasons."""
    reasons = board.unready()
    body = {"status": "ready" if not reasons else "not ready", "reasons": reasons[:MOST_REASONS], "reasons_total": len(reasons),
            "pools": board.ages(), **({} if board.leadership is None else {"lease": board.leadership.shown()})}
    return json_answer(body, 503 if reasons else 200)
