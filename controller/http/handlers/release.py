"""`POST /v1/orphans/{name}/release`: release the units of a pool that left the policy."""

from aiohttp import web

from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, Starting, json_answer

DRY_RUN = {"true": True, "false": False}


async def release(published: PublishedState, request: web.Request) -> web.Response:
    """Set an orphan to its number of units before Stoker's first write, unless another party has changed it since."""
    given = request.query.get("dry_run", "false")
    if given not in DRY_RUN:
        raise BadRequest(f"dry_run: {given[:20]!a} is not true or false")
    if published.release is None:
        raise Starting
    return json_answer(await published.release(request.match_info["name"], not DRY_RUN[given]))
