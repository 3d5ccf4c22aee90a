"""How Google's APIs are reached: endpoints, proxies, and the options of every gRPC channel. Read from the environment."""

import re
from collections.abc import Mapping
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

from adapters.errors import Unsupported

Options = tuple[tuple[str, int | str], ...]

ENDPOINTS = {"run": "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN", "monitoring": "CLOUDSDK_API_ENDPOINT_OVERRIDES_MONITORING"}
"""The variables by which gcloud, too, is sent to a private, regional or restricted endpoint. API -> variable."""

ENDPOINT = re.compile(r"(?:https://)?([A-Za-z0-9.-]+(?::[0-9]{1,5})?)/?")

PROXIES = ("grpc_proxy", "https_proxy", "HTTPS_PROXY")
"""The first that is set counts. With none of them gRPC follows `http_proxy`."""

CHANNEL: Options = (
    ("grpc.max_reconnect_backoff_ms", 10_000),
    # A channel that takes the place of one on which nothing is heard must not share its connection.
    ("grpc.use_local_subchannel_pool", 1),
)
"""Google's library waits up to 2 min before it connects again; the next tick comes sooner."""


def keepalive(every: float, within: float) -> Options:
    """Ping an idle connection, too, every so many seconds; it is closed when no answer comes within the second number.

    gRPC 1.85 waits for an answer as long as the last of these options says, 60 s by default, and not the second.
    """
    return (("grpc.keepalive_time_ms", round(every * 1000)), ("grpc.keepalive_timeout_ms", round(within * 1000)),
            ("grpc.keepalive_permit_without_calls", 1), ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.ping_timeout_ms", round(within * 1000)))


def endpoint(api: str, environment: Mapping[str, str]) -> str | None:
    """Host, perhaps with a port, that the environment names for an API; None: the library's own."""
    variable = ENDPOINTS[api]
    given = environment.get(variable, "").strip()
    if not given:
        return None
    found = ENDPOINT.fullmatch(given)
    if found is None:
        raise Unsupported(f"{variable} is {given[:100]!r}, which is no endpoint: it must be https://HOST/ or https://HOST:PORT/")
    return found[1]


def proxy(host: str, environment: Mapping[str, str]) -> Options:
    """The proxy for an API's host. gRPC itself reads `https_proxy` and `no_proxy` in lower case alone, and goes past a proxy
    whose URL it cannot use; requests and most other programs read capitals, too.
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
        raise Unsupported(f"{name} has the scheme {scheme[:20]}, and Google's gRPC client takes HTTP proxies only: it must be "
                          "http://HOST:PORT")
    return (("grpc.http_proxy", address if found else f"http://{address}"),)
