"""`/v1/decisions?pool=&since=&limit=&before=`: what was decided and why, newest first, page by page."""

import re
from datetime import datetime

from aiohttp import web

from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, dumps

MOST = 1000
DEFAULT = 100
CURSOR = re.compile(r"(\d{1,17})-(\d{1,15})")


async def decisions(board: PublishedState, request: web.Request) -> web.Response:
    """Return decisions with their reasons, newest first.

    `{"items": [...], "next": cursor or null}`; `next` is given as `before` to get the page after this one.
    """
    query = request.query
    pool = query.get("pool")
    if pool is not None and pool not in board.policy_names:
        raise BadRequest(f"pool: the policy has no pool called {pool[:80]!a}")
    since, limit, before = instant_of("since", query.get("since")), limit_of(query.get("limit")), before_of(query.get("before"))
    rows = await board.store.run(board.store.store.decisions, pool, since, limit + 1, before)
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = rows[-1]["cursor"]
    return await board.packed(dumps({"items": rows, "next": following})).answer(request)


def instant_of(name: str, text: str | None) -> datetime | None:
    """An instant with its zone, in ISO 8601."""
    if text is None:
        return None
    wrong = BadRequest(f"{name}: {text[:40]!a} is no instant; give ISO 8601 with a zone, such as 2026-03-02T12:00:00Z")
    try:
        since = datetime.fromisoformat(text.replace(" ", "+"))  # a plus in a query means a space unless it is escaped
    except ValueError:
        raise wrong from None
    if since.tzinfo is None:
        raise wrong
    return since


def limit_of(text: str | None) -> int:
    """How many at most."""
    if text is None:
        return DEFAULT
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= MOST:
        raise BadRequest(f"limit: {text[:40]!a} is not a whole number from 1 to {MOST}")
    return int(text)


def before_of(text: str | None) -> tuple[int, int] | None:
    """The cursor that an earlier page gave as `next`."""
    if text is None:
        return None
    found = CURSOR.fullmatch(text)
    if found is None:
        raise BadRequest(f"before: {text[:40]!a} is not a cursor; use `next` of an earlier page")
    return int(found[1]), int(found[2])
