"""`/healthz`: the event loop runs. `/readyz`: ticks run, and the data of every pool is fresh."""

from aiohttp import web

from controller.http.published_state import PublishedState
from controller.http.responses import json_answer

MOST_REASONS = 20
"""Maximum number of listed reasons; `reasons_total` counts all of them."""


async def healthz(published: PublishedState, _: web.Request) -> web.Response:
    """Return 200 while the event loop runs, for liveness probes."""
    refused = None if published.components is None else published.components.policy.refusal
    return json_answer({"status": "ok", "started_at": published.started_at, "policy_refused": refused})


async def readyz(published: PublishedState, _: web.Request) -> web.Response:
    """Return 200 when every pool's demand is fresh and ticks run; else 503 with the reasons."""
    reasons = published.unready()
    body = {"status": "ready" if not reasons else "not ready", "reasons": reasons[:MOST_REASONS], "reasons_total": len(reasons),
            "pools": published.ages(), **({} if published.leadership is None else {"lease": published.leadership.shown()})}
    return json_answer(body, 503 if reasons else 200)
