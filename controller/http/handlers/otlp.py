"""`/v1/metrics` and `/v1/traces`: exports of OpenTelemetry for pools whose demand is pushed.

Requests, responses and errors are those of the OpenTelemetry protocol (OTLP) over HTTP, in protobuf and JSON.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

from adapters.ports.reports import Impossible, TooMany
from controller.fleet.reports import Reports
from controller.http.otlp.status import JSON, PROTOBUF, Retry
from controller.http.published_state import PublishedState
from controller.http.responses import BadRequest, body_of

if TYPE_CHECKING:
    from controller.http.otlp.decoding import Exported

Item = TypeVar("Item")
MOST_BYTES = 4 << 20
"""Maximum size of a decompressed export."""

MOST_AT_ONCE = 8
"""Exports that are read at the same time; more are to be sent again."""

EXPORTS_A_TURN, SPANS_A_TURN = 20, 500
"""Resources with metrics, and spans, that are recorded before other tasks run."""

SPANS = "spans"
"""Sender of spans whose resource does not identify the process."""

ENCODINGS = ("", "identity", "gzip", "deflate")


async def metrics(published: PublishedState, request: web.Request) -> web.Response:
    """Record the requests in flight in an export of metrics."""
    return await handled(published, request, "metrics", recorded_points)


async def traces(published: PublishedState, request: web.Request) -> web.Response:
    """Record the ended work in an export of traces."""
    return await handled(published, request, "traces", recorded_spans)


async def handled(published: PublishedState, request: web.Request, signal: str,
                  record: "Callable[[Reports, list[Exported]], Awaitable[tuple[int, str]]]") -> web.Response:
    """Return the response to one export."""
    as_json = request.content_type == JSON
    if not as_json and request.content_type != PROTOBUF:
        raise web.HTTPUnsupportedMediaType(reason=f"send {PROTOBUF} or {JSON}")
    if request.headers.get("Content-Encoding", "").lower() not in ENCODINGS:
        raise web.HTTPUnsupportedMediaType(reason="the Content-Encoding is not supported: send gzip, deflate or none")
    try:
        decoding = await asyncio.to_thread(import_module, "controller.http.otlp.decoding")  # the first time takes a moment
    except ModuleNotFoundError as missing:
        raise web.HTTPNotImplemented(reason=f"OTLP needs the library {missing.name}, which is not installed where the daemon "
                                            "runs: install the wheel with the extra otel") from None
    reports = published.started().reports
    if published.exports >= MOST_AT_ONCE:
        raise Retry(503, f"{MOST_AT_ONCE} exports are being read, the maximum at a time: retry", 1.0)
    published.exports += 1
    try:
        body = await body_of(request, MOST_BYTES)
        read = decoding.read_metrics if signal == "metrics" else decoding.read_spans
        found = await asyncio.to_thread(read, body, as_json)
        rejected, text = await record(reports, found)
    except decoding.Unreadable as error:
        raise BadRequest(str(error)) from None
    finally:
        published.exports -= 1
    answer = decoding.response_of(signal, rejected, text, as_json)
    return web.Response(body=answer, content_type=JSON if as_json else PROTOBUF)


async def recorded_points(reports: Reports, exports: "list[Exported]") -> tuple[int, str]:
    """Record points of metrics; return how many were refused, and why. A later 429 does not undo them: repeats change nothing."""
    from controller.http.otlp.decoding import by_sender

    rejected, why = 0, ""
    for count, export in enumerate(exports):
        if count % EXPORTS_A_TURN == EXPORTS_A_TURN - 1:
            await others_run()
        by_pool, stray = grouped(reports, export.points)
        rejected, why = rejected + lost(reports, export), export.why or why or stray
        for pool, points in by_pool.items():
            for sender, own in by_sender(export, points).items():
                try:
                    reports.measure(pool, sender, own)
                except (TooMany, Impossible) as error:
                    rejected, why = rejected + len(own), refusal(error, pool)
        if not export.points:
            heard(reports, export, None)
    return rejected, why


async def recorded_spans(reports: Reports, exports: "list[Exported]") -> tuple[int, str]:
    """Record spans; return how many were refused, and why."""
    rejected, why = 0, ""
    for export in exports:
        by_pool, stray = grouped(reports, export.spans)
        rejected, why = rejected + lost(reports, export), export.why or why or stray
        parts = ((pool, spans[at : at + SPANS_A_TURN]) for pool, spans in by_pool.items()
                 for at in range(0, len(spans), SPANS_A_TURN))
        for pool, spans in parts:
            try:
                late = reports.finish(pool, export.sender or SPANS, spans, export.newest)
            except TooMany as error:
                late, why = len(spans), refusal(error, pool)
            if late:
                rejected, why = rejected + late, why or f"{pool}: spans are older than 1 h, or too many"
            await others_run()
        if not export.spans:
            heard(reports, export, export.newest)
    return rejected, why


async def others_run() -> None:
    """Let other tasks run: a collector sends the exports of many senders in one body."""
    await asyncio.sleep(0)  # noqa: TID251


def heard(reports: Reports, export: "Exported", newest: float | None) -> None:
    """Record that a sender runs, for its pools. Another signal is no proof: spans can be missing while metrics arrive."""
    for pool in reports.pools_of(export.labels):
        with contextlib.suppress(TooMany):
            reports.heard(pool, export.sender or SPANS, newest)


def lost(reports: Reports, export: "Exported") -> int:
    """Return the number of points or spans that cannot be used; the minute is unknown for their pools."""
    for labels in export.wrong:
        for pool in reports.pools_of(labels):
            reports.lost(pool)
    return len(export.wrong)


def grouped(reports: Reports, items: Iterable[tuple[dict[str, str], Item]]) -> tuple[dict[str, list[Item]], str]:
    """Return points or spans by pool, and a warning if some belong to none."""
    found: dict[str, list[Item]] = {}
    stray = ""
    for labels, item in items:
        pools = reports.pools_of(labels)
        stray = "" if pools else unmatched(labels)
        for pool in pools:
            found.setdefault(pool, []).append(item)
    return found, stray


def refusal(error: TooMany | Impossible, pool: str) -> str:
    """Return why points or spans of a pool are refused. Raise 429 if they can be sent again."""
    if isinstance(error, TooMany) and error.seconds is not None:
        raise Retry(429, f"{pool}: {error}", error.seconds) from None
    return f"{pool}: {error}"


def unmatched(labels: dict[str, str]) -> str:
    """Return why points or spans with these attributes belong to no pool. It is a warning: other receivers may use them."""
    return (f"no pool of the policy has the attributes of service.name={labels.get('service.name', '')[:80]!a}: name the service "
            "like the pool, or set demand.match")
