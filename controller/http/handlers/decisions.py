"""`/v1/decisions?pool=&since=&limit=&before=`: recorded decisions with their reasons, newest first, in pages."""

import re
from datetime import datetime

from aiohttp import web

from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, dumps

MOST = 1000
DEFAULT = 100
CURSOR = re.compile(r"(\d{1,17})-(\d{1,15})")


async def decisions(published: PublishedState, request: web.Request) -> web.Response:
    """Return decisions with their reasons, newest first.

    `{"items": [...], "next": cursor or null}`: send `next` as `before` for the following page.
    """
    query = request.query
    pool = query.get("pool")
    if pool is not None and pool not in published.recorded_names:
        raise BadRequest(f"pool: the policy has no pool called {pool[:80]!a}")
    since, limit, before = instant_of("since", query.get("since")), limit_of(query.get("limit")), before_of(query.get("before"))
    rows = await published.store.run(published.store.store.decisions, pool, since, limit + 1, before)
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = rows[-1]["cursor"]
    return await published.recent_bodies.compressed(dumps({"items": rows, "next": following})).answer(request)


def instant_of(name: str, text: str | None) -> datetime | None:
    """Return an instant in ISO 8601 with its zone; None without the parameter. Raise `BadRequest`."""
    if text is None:
        return None
    wrong = BadRequest(f"{name}: {text[:40]!a} is not an instant: send ISO 8601 with a zone, such as 2026-03-02T12:00:00Z")
    try:
        since = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped plus in a query is a space
    except ValueError:
        raise wrong from None
    if since.tzinfo is None:
        raise wrong
    return since


def limit_of(text: str | None) -> int:
    """Return the maximum number of items. Raise `BadRequest`."""
    if text is None:
        return DEFAULT
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MOST:
        raise BadRequest(f"limit: {text[:40]!a} is not a whole number from 1 to {MOST}")
    return int(text)


def before_of(text: str | None) -> tuple[int, int] | None:
    """Return the cursor of a page: microseconds and row. Raise `BadRequest`."""
    if text is None:
        return None
    match = CURSOR.fullmatch(text)
    if match is None:
        raise BadRequest(f"before: {text[:40]!a} is not a cursor; use `next` of an earlier page")
    return int(match[1]), int(match[2])
