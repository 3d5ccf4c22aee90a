"""Spans of a tick for OpenTelemetry, where the environment asks for them; else nothing at all.

The tracer of the tick stands in a context variable, which the tasks that a tick begins inherit: a span knows its parent, and two
daemons in one process do not know each other. Names of spans and attributes are fixed, and no value is longer than a name is.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import structlog

from adapters.ports.errors import AdapterError
from config.loading.web_address import fault_of

PREFIX = "stoker."
LONGEST = 120
END_SECONDS = 3.0
"""So long an end waits for the last spans to be sent; a collector that hangs must not keep the daemon."""

log = structlog.get_logger("stoker.tracing")
Value = str | int | float | bool


class Mark:
    """What a span can still be told while it lasts."""

    def set(self, **facts: Value) -> None:
        """Attributes, without the prefix."""


NOTHING: AbstractContextManager[Mark] = nullcontext(Mark())


class SpanMark(Mark):
    def __init__(self, span: Any) -> None:  # noqa: ANN401  (the library's type, and the library may be absent)
        self._span = span

    def set(self, **facts: Value) -> None:
        for name, value in facts.items():
            self._span.set_attribute(PREFIX + name, value[:LONGEST] if isinstance(value, str) else value)


class Tracing:
    """Makes spans with an OpenTelemetry tracer provider, and ends it in order."""

    def __init__(self, provider: Any) -> None:  # noqa: ANN401
        self._provider, self._tracer = provider, provider.get_tracer("stoker")

    @contextmanager
    def span(self, name: str, facts: Mapping[str, Value]) -> Iterator[Mark]:
        """A span, below the one that is open. What is raised in it is told by its kind alone: a message may quote anything."""
        from opentelemetry.trace import Status, StatusCode

        with self._tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as opened:
            mark = SpanMark(opened)
            mark.set(**facts)
            try:
                yield mark
            except BaseException as error:
                code = error.code if isinstance(error, AdapterError) else type(error).__name__
                opened.set_status(Status(StatusCode.ERROR, code))
                mark.set(error=code)
                raise

    async def close(self) -> None:
        """Send what is left, for a moment."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def end() -> None:
            self._provider.shutdown()
            if not loop.is_closed():
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=end, name="end of tracing", daemon=True).start()
        try:
            await asyncio.wait_for(done.wait(), END_SECONDS)
        except TimeoutError:
            log.warning("traces-lost", text=f"the collector did not take the last spans within {END_SECONDS:g} s")


CURRENT: ContextVar[Tracing | None] = ContextVar("tracing", default=None)


def span(name: str, **facts: Value) -> AbstractContextManager[Mark]:
    """A span of the tick that this belongs to; nothing where nobody asked for traces."""
    tracing = CURRENT.get()
    return NOTHING if tracing is None else tracing.span(name, facts)


@contextmanager
def tick(tracing: Tracing | None, **facts: Value) -> Iterator[Mark]:
    """The span of a tick, and whose it is for all that is done within."""
    token = CURRENT.set(tracing)
    try:
        with span("tick", **facts) as mark:
            yield mark
    finally:
        CURRENT.reset(token)


ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FILES = tuple(f"OTEL_EXPORTER_OTLP_{middle}{what}" for middle in ("TRACES_", "")
              for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"))
"""Variables of OpenTelemetry that name files."""


def setting_fault(environment: Mapping[str, str]) -> str | None:
    """Return which variable is wrong, and how; None when none is. The library would report it as trouble with the network."""
    endpoint = next((name for name in ENDPOINTS if environment.get(name)), None)
    if endpoint is not None and (fault := fault_of(environment[endpoint].strip())) is not None:
        return f"{endpoint} {fault}"
    missing = next((name for name in FILES if environment.get(name) and not Path(environment[name]).is_file()), None)
    return None if missing is None else f"{missing} names {environment[missing]}, which is no file"


def tracing_of(environment: Mapping[str, str]) -> Tracing | None:
    """Tracing as OpenTelemetry's own variables say; None unless they say where to, or when its library is absent."""
    asked = any(environment.get(f"OTEL_EXPORTER_OTLP_{middle}ENDPOINT") for middle in ("", "TRACES_"))
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp" if asked else "none").strip()
    if exporter in ("none", "") or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if exporter != "otlp" or protocol not in (None, "", "http/protobuf"):
        log.error("traces-unsupported", text="traces are sent by OTLP over HTTP alone: set OTEL_TRACES_EXPORTER=otlp and "
                                             "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf")
        return None
    if (fault := setting_fault(environment)) is not None:
        log.error("traces-unsupported", text=f"no traces are sent: {fault}: correct it where the daemon runs")
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.error("traces-unsupported", text="traces need a library that is not installed: pip install 'stoker[otel]'")  # noqa: TRY400
        return None

    named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "stoker"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
