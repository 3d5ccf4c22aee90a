"""OpenTelemetry spans of a tick, if the environment configures them; otherwise no operation.

The tracer of a tick is in a context variable, which the tasks of the tick inherit: spans have parents, and two daemons in one
process have separate traces. Names of spans and attributes are fixed; values are cut to `LONGEST` characters.
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
"""Time limit for sending the last spans: a collector that hangs must not delay the shutdown."""

log = structlog.get_logger("stoker.tracing")
Value = str | int | float | bool


class Mark:
    """An open span."""

    def set(self, **facts: Value) -> None:
        """Set attributes, named without the prefix."""


NOTHING: AbstractContextManager[Mark] = nullcontext(Mark())


class SpanMark(Mark):
    """An open span of OpenTelemetry."""

    def __init__(self, span: Any) -> None:  # noqa: ANN401  (the library's type, and the library may be absent)
        self._span = span

    def set(self, **facts: Value) -> None:
        """Set attributes, named without the prefix; cut texts to `LONGEST` characters."""
        for name, value in facts.items():
            self._span.set_attribute(PREFIX + name, value[:LONGEST] if isinstance(value, str) else value)


class Tracing:
    """An OpenTelemetry tracer provider: opens spans, and is shut down by `close`."""

    def __init__(self, provider: Any) -> None:  # noqa: ANN401
        self._provider, self._tracer = provider, provider.get_tracer("stoker")

    @contextmanager
    def span(self, name: str, facts: Mapping[str, Value]) -> Iterator[Mark]:
        """Open a span below the current one. Of an error it records only the code or class: a message may quote secrets."""
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
        """Send the remaining spans, for at most `END_SECONDS`."""
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
    """Return a span of the current tick; one without any effect if tracing is not configured."""
    tracing = CURRENT.get()
    return NOTHING if tracing is None else tracing.span(name, facts)


@contextmanager
def tick(tracing: Tracing | None, **facts: Value) -> Iterator[Mark]:
    """Open the span of a tick, and set `tracing` for all spans within it."""
    token = CURRENT.set(tracing)
    try:
        with span("tick", **facts) as mark:
            yield mark
    finally:
        CURRENT.reset(token)


ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FILES = tuple(f"OTEL_EXPORTER_OTLP_{middle}{what}" for middle in ("TRACES_", "")
              for what in ("CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"))
"""Environment variables of OpenTelemetry that name files."""


def setting_fault(environment: Mapping[str, str]) -> str | None:
    """Return which variable is invalid, and why; None if all are valid. The library would report it as a network error."""
    endpoint = next((name for name in ENDPOINTS if environment.get(name)), None)
    if endpoint is not None and (fault := fault_of(environment[endpoint].strip())) is not None:
        return f"{endpoint} {fault}"
    missing = next((name for name in FILES if environment.get(name) and not Path(environment[name]).is_file()), None)
    return None if missing is None else f"{missing} names {environment[missing]}, which is not a file"


def tracing_of(environment: Mapping[str, str]) -> Tracing | None:
    """Return tracing by the variables of OpenTelemetry; None if no endpoint is set, or if its library is not installed."""
    endpoint = any(environment.get(f"OTEL_EXPORTER_OTLP_{middle}ENDPOINT") for middle in ("", "TRACES_"))
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp" if endpoint else "none").strip()
    if exporter in ("none", "") or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if exporter != "otlp" or protocol not in (None, "", "http/protobuf"):
        log.error("traces-unsupported", text="traces are sent only by OTLP over HTTP: set OTEL_TRACES_EXPORTER=otlp and "
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
        log.error("traces-unsupported", text="traces need a library that is not installed: install the wheel with the extra otel")  # noqa: TRY400
        return None

    named = "OTEL_SERVICE_NAME" in environment or "service.name=" in environment.get("OTEL_RESOURCE_ATTRIBUTES", "")
    provider = TracerProvider(resource=Resource.create({} if named else {"service.name": "stoker"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
