"""Metrics and traces in the OpenTelemetry protocol (OTLP) over HTTP."""
