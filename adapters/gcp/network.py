"""Endpoints, proxies and channel options of Google's APIs, read from environment variables."""

import re
from collections.abc import Mapping
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from adapters.ports.errors import Unsupported

Options = tuple[tuple[str, int | str], ...]

ENDPOINTS = {"run": "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "monitoring": "CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING"}
"""API -> variable that sets its endpoint. gcloud reads the same variables."""

ENDPOINT = re.compile(r"(?:https://)?([A-Za-z0-9.-]+(?::[0-9]{1,5})?)/?")

PROXIES = ("grpc_proxy", "https_proxy", "HTTPS_PROXY")
"""The first one that is set is used. If none is set, gRPC uses `http_proxy`."""

CHANNEL: Options = (
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # Without it, a channel that replaces another one shares its connection, which may be broken.
    ("grpc.use_local_subchannel_pool", 1),
)
"""Options of every channel. The library's default backoff between connection attempts is up to 2 min, longer than a tick."""


def keepalive(every: float, within: float) -> Options:
    """Return the options for a ping every `every` seconds, also on an idle connection.

    The connection is closed when the response takes longer than `within` seconds. gRPC 1.85 reads that limit from
    `ping_timeout_ms` (60 s by default) and ignores `keepalive_timeout_ms`.
    """
    return (("grpc.keepalive_time_ms", round(every * 1000)), ("grpc.keepalive_timeout_ms", round(within * 1000)),
            ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.ping_timeout_ms", round(within * 1000)))


def endpoint(api: str, environment: Mapping[str, str]) -> str | None:
    """Return `HOST` or `HOST:PORT` that the environment sets for an API; None for the library's default.

    Raise `Unsupported` when the value has another form.
    """
    variable = ENDPOINTS[api]
    value = environment.get(variable, "").strip()
    if not value:
        return None
    match = ENDPOINT.fullmatch(value)
    if match is None:
        raise Unsupported(f"{variable} is {value[:100]!r}: it must be https://HOST/ or https://HOST:PORT/")
    return match[1]


def proxy(host: str, environment: Mapping[str, str]) -> Options:
    """Return the proxy option for an API's host. Raise `Unsupported` for a proxy URL that gRPC does not support.

    gRPC itself reads only variables in lower case and bypasses a proxy whose URL it does not support. The library requests and
    most programs also read variables in upper case.
    """
    name = next((name for name in PROXIES if environment.get(name)), None)
    if name is None:
        return ()
    no_proxy = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if proxy_bypass_environment(host, {"no": no_proxy}):
        return (("grpc.enable_http_proxy", 0),)
    address = environment[name]
    scheme, separator, _ = address.partition("://")
    if separator and scheme.lower() != "http":
        raise Unsupported(f"{name} has the scheme {scheme[:20]}, and gRPC supports HTTP proxies only: it must be http://HOST:PORT")
    return (("grpc.http_proxy", address if separator else f"http://{address}"),)
