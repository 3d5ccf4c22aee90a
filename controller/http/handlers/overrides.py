"""`/v1/pools/{name}/overrides`: overrides of a pool. Reads need no token, writes need the bearer token."""

import json

from aiohttp import web

from controller.decision.planning.overrides_in_force import Kind, entry
from controller.http.components import Components
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, body_of, json_answer
from controller.overrides.effects import entries_in_force, entry_of, taking_effect
from controller.overrides.parsing import WrongOverride, parse_override
from controller.store.sqlite_file import StoreError

EXAMPLE = '{"kind": "pin", "units": 5, "for": "2h", "reason": "launch", "by": "ana"}'


async def overrides(published: PublishedState, request: web.Request) -> web.Response:
    """Return the active overrides of the pool."""
    name, components = published.pool_of(request)
    return json_answer({"pool": name, "overrides": entries_in_force(components.fleet, name, published.clock.now())})


async def set_override(published: PublishedState, request: web.Request) -> web.Response:
    """Store an override and plan the pool with it at once. It replaces an earlier one of its kind."""
    name, components = published.pool_of(request)
    try:
        override = parse_override(decoded(await body_of(request)), published.clock.now())
    except WrongOverride as error:
        raise BadRequest(str(error)) from None
    try:
        await components.active_overrides.add(name, override)
    except StoreError as error:
        raise unstored(error) from error
    in_force = entries_in_force(components.fleet, name, published.clock.now())
    return json_answer({"pool": name, "set": entry_of(override, in_force),
                        "takes_effect": step_now(published, components, name), "overrides": in_force})


async def clear(published: PublishedState, request: web.Request) -> web.Response:
    """End the overrides of the pool, or those of one kind, and plan it at once; no error if there are none."""
    name, components = published.pool_of(request)
    kind = request.query.get("kind")
    if kind is not None and kind not in tuple(Kind):
        raise BadRequest(f"kind: {kind[:40]!a} is not one of {', '.join(Kind)}")
    kinds = tuple(Kind) if kind is None else (Kind(kind),)
    try:
        ended = await components.active_overrides.clear(name, kinds, published.clock.now())
    except StoreError as error:
        raise unstored(error) from error
    return json_answer({"pool": name, "cleared": [entry(each) for each in ended],
                        "takes_effect": step_now(published, components, name),
                        "overrides": entries_in_force(components.fleet, name, published.clock.now())})


def step_now(published: PublishedState, components: Components, name: str) -> str:
    """Start a step of the pool and notify waiting requests now and at its end. Return when the change takes effect."""
    published.long_poll.notify()
    return taking_effect(components.fleet.immediate_steps.request(name, published.long_poll.notify))


def decoded(body: bytes, example: str = EXAMPLE) -> object:
    """Return the JSON of a body. Raise `WrongOverride` with an example if it is invalid."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise WrongOverride(f"invalid JSON; send an object such as {example}") from None


def unstored(error: StoreError) -> web.HTTPException:
    """Return 503 for an override that cannot be stored: it would be lost at a restart, so it is refused."""
    return web.HTTPServiceUnavailable(reason=f"nothing was changed: {error}")
