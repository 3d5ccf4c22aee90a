"""API operation Invoke of Lambda: a request in addition to the traffic, served by the same environments."""

import base64
import json
import math
import uuid
from typing import Any, NamedTuple

from adapters.sandbox.aws.lambda_.counts import Served
from adapters.sandbox.aws.lambda_.functions import LATEST, LambdaFunction
from adapters.sandbox.errors import ApiError, conflict, too_many_requests
from adapters.sandbox.execution import execute
from adapters.sandbox.wire import Call, Reply
from adapters.sandbox.world import Sandbox

TAIL_BYTES = 4096


class _Run(NamedTuple):
    """One execution, as in its log; `init_ms` is None where the log reports no start."""

    request: str
    duration_ms: float
    init_ms: float | None
    restored: bool


def invoke(sandbox: Sandbox, call: Call) -> Reply:
    """Run the handler in a warm or new environment, and reply when it ends on the sandbox's clock; at once with a manual clock.

    A handler with ping support holds a ping for `Settings.ping_hold_ms`, or for the time in a ping of Stoker's format, and does
    no work. Other requests, and pings to a handler without ping support, count in `LambdaFunction.work_done`.
    """
    hosted = sandbox.hosted(call.function)
    function, qualifier, kind = hosted.function, call.qualifier or LATEST, call.headers.get("X-Amz-Invocation-Type", "")
    version = hosted.driver.serving if qualifier == function.alias else function.version_of(qualifier)
    if function.state == "Pending":
        raise conflict(
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
        )
    if kind == "DryRun":
        return Reply(status=204)
    requested = _requested_hold(call.body.get("Payload", b"")) if function.understands_pings else None
    hold = sandbox.settings.ping_hold_ms if requested is None else requested
    served, init_ms, reply_after = execute(sandbox, hosted, hold, version)
    if served.throttled:
        raise _throttled(function)
    published = function.versions.get(served.version)
    restored = published is not None and published.snap_start
    run = _Run(str(uuid.uuid4()), hold + 0.37, init_ms, restored)
    is_ping = function.understands_pings and (requested is not None or _is_ping(call.body.get("Payload", b"")))
    function.work_done += not is_ping
    headers = {"X-Amz-Executed-Version": served.version}
    if published is not None and published.init_fails:
        headers["X-Amz-Function-Error"] = "Unhandled"
        payload: Any = {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {run.request} Error: Runtime exited"}
    else:
        payload = {"statusCode": 200, "body": "done"} if not is_ping else "warmed" if requested is None else \
            _pong(function, served, hold, restored=restored)
    if call.headers.get("X-Amz-Log-Type") == "Tail" and kind != "Event":
        headers["X-Amz-Log-Result"] = base64.b64encode(_log(function, served, run).encode()[-TAIL_BYTES:]).decode()
    if kind == "Event":
        return Reply(b"", 202, headers)
    return Reply(json.dumps(payload).encode(), 200, headers, reply_after)


def _pong(function: LambdaFunction, served: Served, held_ms: int, *, restored: bool) -> dict[str, Any]:
    """Return the answer of Stoker's helper to a ping. An older one reports no initialization type."""
    pong: dict[str, Any] = {"environment": f"{function.name}-{served.version}-{served.unit}", "held_ms": held_ms}
    if function.reports_initialization:
        pong["initialization"] = "provisioned-concurrency" if served.provisioned else "snap-start" if restored else "on-demand"
    return {"stoker_ping": pong}


def _is_ping(payload: bytes) -> bool:
    """Return whether the payload is a ping of lambda-warmer or serverless-plugin-warmup."""
    try:
        event = json.loads(payload)
    except ValueError:
        return False
    return isinstance(event, dict) and (event.get("warmer") is True or event.get("source") == "serverless-plugin-warmup")


def _requested_hold(payload: bytes) -> int | None:
    """Return the milliseconds for which a ping of Stoker's format asks to be held; None for any other payload."""
    try:
        event = json.loads(payload)
    except ValueError:
        return None
    ping = event.get("stoker_ping") if isinstance(event, dict) else None
    return min(5000, max(0, int(ping.get("hold_ms", 0)))) if isinstance(ping, dict) else None


def _throttled(function: LambdaFunction) -> ApiError:
    reserved = "Reserved" if function.reserved is not None else ""
    reason = f"{reserved}FunctionConcurrentInvocationLimitExceeded" if reserved else "ConcurrentInvocationLimitExceeded"
    return too_many_requests(1, reason)


def _log(function: LambdaFunction, served: Served, run: _Run) -> str:
    """Return the end of the log with its REPORT line, as text or as JSON platform events."""
    billed = math.ceil(run.duration_ms + ((run.init_ms or 0.0) if served.cold and not run.restored else 0.0))
    used = min(function.memory_mb, 96)
    if function.log_format == "JSON":
        metrics: dict[str, float] = {
            "durationMs": run.duration_ms,
            "billedDurationMs": billed,
            "memorySizeMB": function.memory_mb,
            "maxMemoryUsedMB": used,
        }
        if run.init_ms is not None:
            metrics |= (
                {"restoreDurationMs": round(run.init_ms, 2), "billedRestoreDurationMs": math.ceil(run.init_ms)}
                if run.restored
                else {"initDurationMs": round(run.init_ms, 2)}
            )
        start = {"type": "platform.start", "record": {"requestId": run.request, "version": served.version}}
        report = {"type": "platform.report", "record": {"requestId": run.request, "metrics": metrics, "status": "success"}}
        return f"{json.dumps(start)}\n{json.dumps(report)}\n"
    line = (
        f"START RequestId: {run.request} Version: {served.version}\nEND RequestId: {run.request}\n"
        f"REPORT RequestId: {run.request}\tDuration: {run.duration_ms:.2f} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {function.memory_mb} MB\tMax Memory Used: {used} MB\t"
    )
    if run.init_ms is not None and run.restored:
        return f"{line}Restore Duration: {run.init_ms:.2f} ms\tBilled Restore Duration: {math.ceil(run.init_ms)} ms\t\n"
    return line + (f"Init Duration: {run.init_ms:.2f} ms\t\n" if run.init_ms is not None else "\n")
