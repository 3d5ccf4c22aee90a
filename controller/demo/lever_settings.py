"""Lever settings of the demo's pools, and their addresses in the emulated clouds."""

from typing import Any

REGION = "us-east-1"
PROJECT, LOCATION = "acme", "europe-west1"

PROVISIONED, PING, URL, CLOUD_RUN = "lambda-provisioned-concurrency", "lambda-ping", "http-ping", "cloud-run-min-instances"

LAYERS = "layers"
"""Kind of a pool with two levers: pings above provisioned concurrency."""

LONGEST_PAUSE = "5m"
"""Some emulated units live only 5 min after use. Without this limit, pings would lose units to measure that."""


def levers(kind: str, name: str) -> dict[str, Any]:
    """Return the `lever` of the pool `name`, or its `levers`, under this key, and its `demand` if that is not the usual one."""
    if kind == URL:
        return {"lever": settings(kind, name), "demand": {"kind": "http-metrics", "url": f"http://{host(name)}/metrics"}}
    if kind == LAYERS:
        return {"levers": [settings(PROVISIONED, name), settings(PING, name)]}
    return {"lever": settings(kind, name)}


def settings(kind: str, name: str) -> dict[str, Any]:
    """Return one lever of the pool `name`."""
    if kind == CLOUD_RUN:
        return {"kind": kind, "project": PROJECT, "location": LOCATION, "service": name}
    if kind == URL:
        return {"kind": kind, "url": f"http://{host(name)}/ping", "unit_header": "X-Unit", "longest_pause": LONGEST_PAUSE,
                "opted_in": True}
    alias = {"kind": kind, "region": REGION, "function": name, "alias": "live"}
    return alias if kind == PROVISIONED else alias | {"handler": "stoker", "longest_pause": LONGEST_PAUSE, "opted_in": True}


def host(name: str) -> str:
    """Return the host name of a pool with a URL."""
    return f"{name}.test"
