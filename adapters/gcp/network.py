"""Endpoints, proxies and channel options of Google's APIs, from environment variables."""

import re
from collections.abc import Mapping
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from adapters.ports.errors import Unsupported

Options = tuple[tuple[str, int | str], ...]

ENDPOINTS = {"run": "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "monitoring": "CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING"}
"""API -> the variable that sets its endpoint. gcloud reads the same ones."""

ENDPOINT = re.compile(r"(?:https://)?([A-Za-z0-9.-]+(?::[0-9]{1,5})?)/?")

PROXIES = ("grpc_proxy", "https_proxy", "HTTPS_PROXY")
"""The first that is set is used. If none is, gRPC uses `http_proxy`."""

CHANNEL: Options = (
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # Without it, a channel that replaces another one shares its connection, which may be dead.
    ("grpc.use_local_subchannel_pool", 1),
)
"""The library's default backoff between connection attempts is up to 2 min, longer than a tick."""


def keepalive(every: float, within: float) -> Options:
    """Return the options by which a connection is pinged every `every` seconds, idle or not, and closed when the answer takes
    longer than `within` seconds. gRPC 1.85 takes that limit from `ping_timeout_ms` (60 s by default), whatever
    `keepalive_timeout_ms` is.
    """
    return (("grpc.keepalive_time_ms", round(every * 1000)), ("grpc.keepalive_timeout_ms", round(within * 1000)),
            ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.ping_timeout_ms", round(within * 1000)))


def endpoint(api: str, environment: Mapping[str, str]) -> str | None:
    """Return the host, with or without a port, that the environment sets for an API; None for the library's own."""
    variable = ENDPOINTS[api]
    given = environment.get(variable, "").strip()
    if not given:
        return None
    found = ENDPOINT.fullmatch(given)
    if found is None:
        raise Unsupported(f"{variable} is {given[:100]!r}: it must be https://HOST/ or https://HOST:PORT/")
    return found[1]


def proxy(host: str, environment: Mapping[str, str]) -> Options:
    """Return the proxy option for an API's host. gRPC itself reads the variables in lower case only, and bypasses a proxy whose
    URL it does not support; requests and most other programs read upper case too.
    """
    name = next((name for name in PROXIES if environment.get(name)), None)
    if name is None:
        return ()
    spared = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    if proxy_bypass_environment(host, {"no": spared}):
        return (("grpc.enable_http_proxy", 0),)
    address = environment[name]
    scheme, found, _ = address.partition("://")
    if found and scheme.lower() != "http":
        raise Unsupported(f"{name} has the scheme {scheme[:20]}, and gRPC supports HTTP proxies only: it must be http://HOST:PORT")
    return (("grpc.http_proxy", address if found else f"http://{address}"),)
