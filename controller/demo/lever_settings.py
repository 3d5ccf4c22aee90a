"""What the policy of a demo's pool says of its lever, and the address under which the emulated clouds answer for it."""

from typing import Any

REGION = "us-east-1"
PROJECT, LOCATION = "acme", "europe-west1"

PROVISIONED, PING, URL, CLOUD_RUN = "lambda-provisioned-concurrency", "lambda-ping", "http-ping", "cloud-run-min-instances"

LONGEST_PAUSE = "5m"
"""Some emulated units live for no more than five minutes after use: without this bound, rounds of pings would find that out by
losing them.
"""


def settings(kind: str, name: str) -> dict[str, Any]:
    """The `lever` of a pool called `name`."""
    if kind == CLOUD_RUN:
        return {"kind": kind, "project": PROJECT, "location": LOCATION, "service": name}
    if kind == URL:
        return {"kind": kind, "url": f"http://{host(name)}/ping", "demand_url": f"http://{host(name)}/metrics",
                "unit_header": "X-Unit", "longest_pause": LONGEST_PAUSE, "opted_in": True}
    alias = {"kind": kind, "region": REGION, "function": name, "alias": "live"}
    return alias if kind == PROVISIONED else alias | {"handler": "stoker", "longest_pause": LONGEST_PAUSE, "opted_in": True}


def host(name: str) -> str:
    """Of a pool behind a URL."""
    return f"{name}.test"
