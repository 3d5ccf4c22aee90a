"""`/v1/pools/{name}/overrides`: what operators order for a while. Reading is free, writing needs the bearer token."""

import json
from typing import Any

from aiohttp import web

from controller.decision.planning.overrides import Kind, entry
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, Missing, body_of, json_answer
from controller.overrides.active_overrides import ActiveOverrides
from controller.overrides.parsing import WrongOverride, parse_override
from controller.store.sqlite_file import StoreError

EXAMPLE = '{"kind": "pin", "units": 5, "for": "2h", "reason": "launch", "by": "ana"}'
WHEN = "with the next tick"


async def overrides(board: PublishedState, request: web.Request) -> web.Response:
    """Return the active overrides of the pool."""
    steering, name = under(board, request)
    return json_answer({"pool": name, "overrides": orders(board, steering, name)})


async def order(board: PublishedState, request: web.Request) -> web.Response:
    """Store an override; it replaces an earlier one of its kind and takes effect at the next tick."""
    steering, name = under(board, request)
    try:
        taken = parse_override(decoded(await body_of(request)), board.clock.now())
    except WrongOverride as error:
        raise BadRequest(str(error)) from None
    try:
        await steering.put(name, taken)
    except StoreError as error:
        raise unstored(error) from error
    board.long_poll.tell()
    return json_answer({"pool": name, "set": entry(taken), "takes_effect": WHEN, "overrides": orders(board, steering, name)})


async def clear(board: PublishedState, request: web.Request) -> web.Response:
    """End the overrides of the pool, or those of one kind; no error if there are none."""
    steering, name = under(board, request)
    kind = request.query.get("kind")
    if kind is not None and kind not in tuple(Kind):
        raise BadRequest(f"kind: {kind[:40]!a} is not one of {', '.join(Kind)}")
    try:
        ended = await steering.clear(name, tuple(Kind) if kind is None else (Kind(kind),), board.clock.now())
    except StoreError as error:
        raise unstored(error) from error
    board.long_poll.tell()
    return json_answer({"pool": name, "cleared": [entry(each) for each in ended], "takes_effect": WHEN,
                        "overrides": orders(board, steering, name)})


def under(board: PublishedState, request: web.Request) -> tuple[ActiveOverrides, str]:
    """What steers, and the pool that the path names; 404 where the policy has none, 503 while the daemon starts."""
    name = request.match_info["name"]
    if name not in board.policy_names:
        raise Missing(f"the policy has no pool called {name[:80]!a}")
    if board.active_overrides is None:
        raise web.HTTPServiceUnavailable(reason="starting: history is being loaded")
    return board.active_overrides, name


def orders(board: PublishedState, steering: ActiveOverrides, name: str) -> list[dict[str, Any]]:
    """The orders that hold now, as they are shown."""
    return [entry(each) for each in steering.of(name, board.clock.now())]


def decoded(body: bytes, such: str = EXAMPLE) -> object:
    """The JSON of a body, which should be `such` an object."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise WrongOverride(f"invalid JSON; send an object such as {such}") from None


def unstored(error: StoreError) -> web.HTTPException:
    """An order that could not be kept would be lost by a restart: it is not taken."""
    return web.HTTPServiceUnavailable(reason=f"nothing was changed: {error}")
