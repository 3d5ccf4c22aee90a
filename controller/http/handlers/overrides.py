"""`/v1/pools/{name}/overrides`: overrides of a pool. Reads need no token, writes need the bearer token."""

import json
from datetime import datetime
from typing import Any

from aiohttp import web

from controller.decision.planning.overrides_in_force import Kind, entry
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, body_of, json_answer
from controller.overrides.parsing import WrongOverride, parse_override
from controller.store.sqlite_file import StoreError

EXAMPLE = '{"kind": "pin", "units": 5, "for": "2h", "reason": "launch", "by": "ana"}'
TAKES_EFFECT = "at the next tick"


async def overrides(published: PublishedState, request: web.Request) -> web.Response:
    """Return the active overrides of the pool."""
    name, components = published.pool_of(request)
    return json_answer({"pool": name, "overrides": entries(components, name, published.clock.now())})


async def set_override(published: PublishedState, request: web.Request) -> web.Response:
    """Store an override; it replaces an earlier one of its kind and takes effect at the next tick."""
    name, components = published.pool_of(request)
    try:
        override = parse_override(decoded(await body_of(request)), published.clock.now())
    except WrongOverride as error:
        raise BadRequest(str(error)) from None
    try:
        await components.active_overrides.add(name, override)
    except StoreError as error:
        raise unstored(error) from error
    published.long_poll.notify()
    return json_answer({"pool": name, "set": entry(override), "takes_effect": TAKES_EFFECT,
                        "overrides": entries(components, name, published.clock.now())})


async def clear(published: PublishedState, request: web.Request) -> web.Response:
    """End the overrides of the pool, or those of one kind; no error if there are none."""
    name, components = published.pool_of(request)
    kind = request.query.get("kind")
    if kind is not None and kind not in tuple(Kind):
        raise BadRequest(f"kind: {kind[:40]!a} is not one of {', '.join(Kind)}")
    kinds = tuple(Kind) if kind is None else (Kind(kind),)
    try:
        ended = await components.active_overrides.clear(name, kinds, published.clock.now())
    except StoreError as error:
        raise unstored(error) from error
    published.long_poll.notify()
    return json_answer({"pool": name, "cleared": [entry(each) for each in ended], "takes_effect": TAKES_EFFECT,
                        "overrides": entries(components, name, published.clock.now())})


def entries(components: Components, name: str, now: datetime) -> list[dict[str, Any]]:
    """Return the active overrides of a pool as JSON values."""
    return [entry(each) for each in components.active_overrides.of(name, now)]


def decoded(body: bytes, example: str = EXAMPLE) -> object:
    """Return the JSON of a body. Raise `WrongOverride` with an example if it is invalid."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise WrongOverride(f"invalid JSON; send an object such as {example}") from None


def unstored(error: StoreError) -> web.HTTPException:
    """Return 503 for an override that cannot be stored: it would be lost at a restart, so it is refused."""
    return web.HTTPServiceUnavailable(reason=f"nothing was changed: {error}")
