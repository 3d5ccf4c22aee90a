"""`/v1/pools/{name}/prewarm`: an application requests warm units for demand that it expects."""

import math

from aiohttp import web

from controller.http.handlers.overrides import decoded, unstored
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, body_of, json_answer
from controller.overrides.parsing import WrongOverride, parse_prewarm
from controller.overrides.prewarming import NotAllowed, TooOften
from controller.store.sqlite_file import StoreError


async def prewarm(published: PublishedState, request: web.Request) -> web.Response:
    """Keep units warm for a limited time, within the limits of the policy; overlapping requests are not added up."""
    name, components = published.pool_of(request)
    try:
        request_body = parse_prewarm(decoded(await body_of(request), '{"units": 5, "for": "10m", "reason": "users sign in"}'))
    except WrongOverride as error:
        raise BadRequest(str(error)) from None
    try:
        answer = await components.prewarming.request(name, request_body)
    except NotAllowed as error:
        raise web.HTTPForbidden(reason=str(error)) from None
    except TooOften as error:
        raise web.HTTPTooManyRequests(reason=str(error), headers={"Retry-After": str(math.ceil(error.seconds))}) from None
    except StoreError as error:
        raise unstored(error) from error
    published.long_poll.notify()
    return json_answer(answer)
