"""The first policy of a user: one pool in shadow mode, with a comment for each key that is likely to be changed."""

import json
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import yaml

from adapters.aws.names import FUNCTION, Address, address
from adapters.gcp.names import RESOURCE

TIERS: Final = {"background": 0.005, "interactive": 0.05, "critical": 0.5}
"""Price of one cold start in USD: of a job that waits, of a user who waits, of a customer who may leave."""

MOST_UNITS = 10
COMMENT_COLUMN = 34

GOOGLE_NAME = re.compile(r"((?P<project>[^/\s]+)/(?P<location>[^/\s]+)/)?(?P<service>[^/\s]+)")


class Lever(NamedTuple):
    """Settings of a lever, in the order of the file, each with a comment; the last one names the pool."""

    kind: str
    settings: Mapping[str, tuple[str, str]]


def aws_lever(name: str, environment: Mapping[str, str]) -> Lever:
    """Return the lever of a Lambda alias. `name`: FUNCTION, FUNCTION:ALIAS or an ARN. Raise `ValueError`."""
    found = address(name) or Address("", name, "", "")
    if not re.fullmatch(FUNCTION, found.function):
        raise ValueError(f"{name!r} is no name of a Lambda function: give FUNCTION, FUNCTION:ALIAS or its ARN")
    region = found.region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise ValueError(f"the region of {name} is unknown: give the function's ARN, or set AWS_REGION")
    return Lever("lambda-provisioned-concurrency", {
        "region": (region, "the function's region"),
        "alias": (found.qualifier or "live", "the alias that callers use; not $LATEST and not a version number"),
        "function": (found.function, "the function's name")})


def google_lever(name: str, environment: Mapping[str, str]) -> Lever:
    """Return the lever of a Cloud Run service. `name`: SERVICE, PROJECT/LOCATION/SERVICE or a resource name.

    Raise `ValueError`.
    """
    path, plain = RESOURCE.fullmatch(name), GOOGLE_NAME.fullmatch(name)
    if path is not None:
        project, location, service = path["project"], path["location"], path["name"]
    elif plain is not None:
        project, location, service = plain["project"], plain["location"], plain["service"]
    else:
        raise ValueError(f"{name!r} is no name of a Cloud Run service: give SERVICE or PROJECT/LOCATION/SERVICE")
    project = project or environment.get("GOOGLE_CLOUD_PROJECT")
    location = location or environment.get("GOOGLE_CLOUD_REGION")
    if not project or not location:
        raise ValueError(f"project and location of {name} are unknown: give PROJECT/LOCATION/SERVICE, or set "
                         "GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_REGION")
    return Lever("cloud-run-min-instances", {
        "project": (project, "the ID of the project"), "location": (location, "the service's region"),
        "service": (service, "the service's name")})


LEVERS: Final = {"aws": aws_lever, "google": google_lever}


def cost_of(text: str) -> float:
    """Return the price of a cold start in USD, from a number or the name of a tier. Raise `ValueError`."""
    if text in TIERS:
        return TIERS[text]
    try:
        cost = float(text)
    except ValueError:
        cost = 0.0
    if not 0 < cost < float("inf"):
        raise ValueError(f"{text!r} is neither a price in USD above 0, such as 0.05, nor {', '.join(TIERS)}")
    return cost


def first_policy(lever: Lever, cold_start_usd: float) -> str:
    """Return the text of the policy."""
    *_, (name, _) = lever.settings.values()
    rows = [
        ("version: 1", ""), ("pools:", ""),
        (f"  - name: {scalar(name)}", "in URLs, metrics and logs"),
        ("    lever:", "what Stoker sets at the provider; other levers: docs/adapters.md"),
        (f"      kind: {lever.kind}", ""),
        *((f"      {key}: {scalar(value)}", comment) for key, (value, comment) in lever.settings.items()),
        ("    mode: shadow", "plan only; active: also set warm units at the provider"),
        ("    min: 0", "fewest warm units"),
        (f"    max: {MOST_UNITS}", "most warm units, which limits the bill; use a number above your highest peak"),
        ("    objective:", ""),
        (f"      cold_start_cost_usd: {cold_start_usd:.12g}", "what one cold start costs you; stoker tune finds it from a goal"),
        ("    # budget_usd_per_month: 100", "most that warm units may cost in a calendar month"),
        ("    # scale_down_delay: 15m", "lower only to the highest target of this period"),
    ]
    head = ("# Written by stoker init. Every key: docs/policy.md; your traffic in numbers: stoker discover.\n"
            "# Next: stoker doctor, stoker plan, stoker run\n")
    return head + "".join(f"{text:{COMMENT_COLUMN}}# {comment}\n" if comment else f"{text}\n" for text, comment in rows)


def scalar(text: str) -> str:
    """Return text as YAML: quoted if it would be read as another type."""
    return text if yaml.safe_load(text) == text else json.dumps(text)
