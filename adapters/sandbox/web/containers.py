"""Containers behind host names: plain HTTP to units that start on demand, with the same driver as functions.

`/ping` behaves as an application with Stoker's ping handler: it holds the request for `hold_ms` and names its unit. `/metrics`
is a page of counters and starts no unit. Any other path is a user's request.
"""

import asyncio

from aiohttp import web

from adapters.runtime.clock import in_work
from adapters.sandbox.execution import execute, rate_of, reply_after
from adapters.sandbox.faults import Trouble
from adapters.sandbox.operations import Operation
from adapters.sandbox.traffic.recorded import MINUTE_MS
from adapters.sandbox.wire import Call, Json, Reply
from adapters.sandbox.world import Hosted, Sandbox

UNIT_HEADER = "X-Unit"
PING, METRICS = "/ping", "/metrics"
STATUS = {Trouble.THROTTLE: 429, Trouble.SERVER_ERROR: 503}


class ConnectionCut(Exception):
    """The connection must be closed without a response."""


async def answer(sandbox: Sandbox, request: web.BaseRequest) -> web.Response | None:
    """Return the response of the container that the Host header names; None if it names none. Raise `ConnectionCut`."""
    host = request.headers.get("Host", "").partition(":")[0]
    if host not in sandbox.containers and host not in sandbox.urls:
        return None
    operation = OPERATIONS.get(request.path, SERVE)
    body: Json = {"Payload": await request.read()}
    call = Call("http", operation.name, sandbox.clock.now(), "", {"function": host}, dict(request.query), body, request.headers)
    sandbox.calls.count(operation.name, mutating=operation.mutating)
    trouble = sandbox.faults.take(call)
    if trouble is Trouble.HANG:
        await asyncio.get_running_loop().create_future()
    if trouble is Trouble.RESET:
        raise ConnectionCut
    if trouble in STATUS:
        reply = Reply(b"", STATUS[trouble], {"Retry-After": "1"})
    elif trouble is Trouble.GARBAGE:
        reply = Reply(b"\x00\xff", 502)
    elif request.headers.get("Authorization") != sandbox.tokens.get(host, request.headers.get("Authorization")):
        reply = Reply(b"", 401 if "Authorization" not in request.headers else 403)
    else:
        reply = operation.handler(sandbox, call)
    if operation.mutating:
        outcome = "accepted" if reply.status < 400 else str(reply.status)
        sandbox.calls.record(call, outcome, answered=trouble is not Trouble.NO_ANSWER)
    if trouble is Trouble.NO_ANSWER:
        raise ConnectionCut
    if reply.after_seconds:
        with in_work(sandbox.clock):
            await sandbox.clock.sleep(reply.after_seconds)
    return web.Response(body=reply.body, status=reply.status, headers=dict(reply.headers))


def ping(sandbox: Sandbox, call: Call) -> Reply:
    """Hold the request in a warm or new unit, and do no work. An application without a ping handler works and returns 404."""
    if call.function in sandbox.urls:
        return _at_url(sandbox, call, min(5000, max(0, int(call.query.get("hold_ms", "0")))))
    hosted = sandbox.container(call.function)
    if not hosted.function.understands_pings:
        return serve(sandbox, call)
    return _in_a_unit(sandbox, hosted, min(5000, max(0, int(call.query.get("hold_ms", "0")))))


def serve(sandbox: Sandbox, call: Call) -> Reply:
    """Serve a user's request; 404 for `/ping` of an application without a ping handler."""
    if call.function in sandbox.urls:
        return _at_url(sandbox, call, sandbox.settings.ping_hold_ms)
    hosted = sandbox.container(call.function)
    hosted.function.work_done += 1
    reply = _in_a_unit(sandbox, hosted, sandbox.settings.ping_hold_ms)
    missing = call.operation == "Ping"
    return Reply(b"no such page", 404, reply.headers, reply.after_seconds) if missing else reply


def metrics(sandbox: Sandbox, call: Call) -> Reply:
    """Return the gauge of the last whole minute and the counters by unit up to now, in Prometheus' text format."""
    if call.function in sandbox.urls:
        return Reply(b"no such page", 404)
    hosted = sandbox.container(call.function)
    minute = sandbox.now_ms() // MINUTE_MS - 1
    table, totals = hosted.driver.table, hosted.driver.totals
    peak = float(table.window("peak", minute, minute + 1)[0])
    seconds = (totals.warm_busy_ms + totals.on_demand_busy_ms + totals.ping_ms) / 1000
    counters = sandbox.pages[call.function]
    counters.count(totals.invocations + totals.pings, seconds)
    lines = ["# HELP requests_in_flight The most requests at once in the last minute.", "# TYPE requests_in_flight gauge",
             f'requests_in_flight{{service="{call.function}"}} {0.0 if peak != peak else peak}', *counters.lines(), ""]
    return Reply("\n".join(lines).encode(), headers={"Content-Type": "text/plain; version=0.0.4"})


def _in_a_unit(sandbox: Sandbox, hosted: Hosted, hold_ms: int) -> Reply:
    served, _, reply_after = execute(sandbox, hosted, hold_ms, hosted.driver.serving)
    if served.throttled:
        return Reply(b"", 429, {"Retry-After": "1"})
    return Reply(b"pong", 200, {UNIT_HEADER: f"{hosted.function.name}-{served.unit}"}, reply_after)


def _at_url(sandbox: Sandbox, call: Call, hold_ms: int) -> Reply:
    """Hold the request in a unit of another provider's service."""
    held_ms = hold_ms * rate_of(sandbox)
    held = sandbox.urls[call.function](round(held_ms))
    if held is None:
        return Reply(b"", 429, {"Retry-After": "1"})
    return Reply(b"pong", 200, {UNIT_HEADER: held.name}, reply_after(sandbox, held_ms + held.wait_ms))


SERVE = Operation("Request", serve, mutating=True)
OPERATIONS = {PING: Operation("Ping", ping, mutating=True), METRICS: Operation("Metrics", metrics)}
