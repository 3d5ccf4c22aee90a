"""`/v1/pools/{name}/in-flight`: an application reports its requests in flight to a pool whose demand is pushed."""

import json
import re
from collections.abc import Mapping

from aiohttp import web

from adapters.ports.reports import Report, TooMany
from controller.fleet.reports import NotPushed
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, body_of, json_answer

SENDER = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,119}$"
LARGEST = {"sequence": 2**53, "in_flight": 1_000_000, "started": 1_000_000_000, "ended": 1_000_000_000, "peak": 1_000_000}
"""Maximum of each number in a report."""

KEYS = ("sender", *LARGEST, "final")
EXAMPLE = '{"sender": "web-1", "sequence": 1, "in_flight": 3}'


async def in_flight(published: PublishedState, request: web.Request) -> web.Response:
    """Record what a sender has in flight. A rise is planned within 2 s; a repeated report changes nothing."""
    name, components = published.pool_of(request)
    report = report_of(await body_of(request))
    try:
        receipt = components.reports.accept(name, report)
    except NotPushed as error:
        raise web.HTTPForbidden(reason=str(error)) from None
    except TooMany as error:
        again = {} if error.seconds is None else {"Retry-After": f"{error.seconds:.0f}"}
        raise web.HTTPTooManyRequests(reason=str(error), headers=again) from None
    return json_answer({"pool": name, "sender": report.sender, "applied": receipt.applied, "in_flight": receipt.in_flight,
                        "pool_peak": receipt.peak})


def report_of(body: bytes) -> Report:
    """Return the report of a JSON body. `BadRequest` names the first invalid key."""
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest(f"invalid JSON; send an object such as {EXAMPLE}") from None
    if not isinstance(values, Mapping):
        raise BadRequest(f"the body must be a JSON object such as {EXAMPLE}")
    if unknown := [name for name in values if name not in KEYS]:
        raise BadRequest(f"unknown key {str(unknown[0])[:40]!a}; allowed: {', '.join(KEYS)}")
    sender, final = values.get("sender"), values.get("final", False)
    if not isinstance(sender, str) or not re.fullmatch(SENDER, sender):
        raise BadRequest("sender: a name of up to 120 letters, digits and . _ : / @ - that starts with a letter or digit")
    if not isinstance(final, bool):
        raise BadRequest("final: true or false")
    numbers = {name: whole(name, values[name]) for name in LARGEST if name in values}
    if "sequence" not in numbers:
        raise BadRequest("sequence: a number that rises with each report of the sender")
    if ("in_flight" in numbers) == ("ended" in numbers):
        raise BadRequest("send either in_flight, the requests in flight now, or started and ended, those since the last "
                         "report")
    if final and numbers.get("in_flight") != 0:
        raise BadRequest("final: a final report has in_flight 0")
    return Report(sender, final=final, **numbers)


def whole(name: str, value: object) -> int:
    """Return a whole number of a report, from 0 to its maximum. JSON has one type of numbers: 3.0 is whole."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not 0 <= value <= LARGEST[name]:
        raise BadRequest(f"{name}: a whole number from 0 to {LARGEST[name]}")
    return value
