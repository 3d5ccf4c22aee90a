"""What is fixed once a Cloud Run revision is made: one instance of it, and how many it keeps and may have. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_MOST = 100
"""What Cloud Run grants a revision that names no maximum."""

DEFAULT_CONCURRENCY = 80
PRICED = ("", "nvidia-l4")
"""GPUs of which the price is known."""

QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|[KMGT]i?|)$")
SCALE = {"": 1.0, "m": 1e-3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
         "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


@dataclass(frozen=True, slots=True)
class Unit:
    """One instance: the requests it takes at once and what it is paid by. `billing`: the row of the price table."""

    concurrency: float
    vcpus: float
    memory_mb: int
    billing: str
    accelerator: str


@dataclass(frozen=True, slots=True)
class Revision:
    """`least`, `most`: its own minimum and maximum of instances."""

    unit: Unit
    least: int
    most: int

    @classmethod
    def of(cls, message: Any) -> "Revision":  # noqa: ANN401  (a message of the library)
        """From a revision, or from the template that it was made from: both have these fields."""
        return cls(unit_of(message), message.scaling.min_instance_count, message.scaling.max_instance_count or DEFAULT_MOST)


@dataclass(frozen=True, slots=True)
class Target:
    """A revision that has `percent` of the traffic, or only a tag, under which it can be called."""

    revision: str
    percent: int


def targets_of(answer: Any) -> tuple[Target, ...]:  # noqa: ANN401
    """The revisions that instances run for, each once, those with traffic in the order of the service. What is observed goes
    before what is asked for; an entry without a name follows the newest revision that is ready.
    """
    shares: dict[str, int] = {}
    for entry in answer.traffic_statuses or answer.traffic:
        name = short(entry.revision) or short(answer.latest_ready_revision)
        shares[name] = shares.get(name, 0) + entry.percent
    if not any(percent > 0 for percent in shares.values()):
        newest = short(answer.latest_ready_revision)
        shares = {newest: 100, **{name: 0 for name in shares if name != newest}}
    return tuple(Target(name, percent) for name, percent in shares.items())


def short(name: str) -> str:
    """The last part of a name: the API gives some revisions by it and some by the whole path."""
    return name.rpartition("/")[2]


def blended(parts: Sequence[tuple[float, Unit]]) -> Unit:
    """One instance on average, where each of `parts` has a share of the traffic: requests that come in are divided among the
    revisions, so a request needs the mean of what it needs at each. Billed as at the revision with the greatest share.
    """
    if len(parts) == 1:
        return parts[0][1]
    total = sum(share for share, _ in parts)
    needed = sum(share / unit.concurrency for share, unit in parts) / total
    vcpus = sum(share * unit.vcpus for share, unit in parts) / total
    memory = sum(share * unit.memory_mb for share, unit in parts) / total
    main = max(parts, key=lambda part: part[0])[1]
    return Unit(1 / needed, vcpus, max(1, round(memory)), main.billing, main.accelerator)


def unit_of(message: Any) -> Unit:  # noqa: ANN401
    """What one instance is made of. Cloud Run gives a container 1 vCPU and 512 MiB unless it is configured otherwise."""
    limits = [dict(container.resources.limits) for container in message.containers] or [{}]
    vcpus = sum(_quantity(limit.get("cpu", ""), 1.0) for limit in limits)
    memory = sum(_quantity(limit.get("memory", ""), 512 * 2.0**20) for limit in limits)
    accelerator = message.node_selector.accelerator
    set_resources = [container.resources for container in message.containers if "resources" in container]
    by_request = not accelerator and all(resources.cpu_idle for resources in set_resources)
    billing = "request" if by_request else "instance"
    if accelerator:
        alone = "gpu_zonal_redundancy_disabled" in message and message.gpu_zonal_redundancy_disabled
        billing = f"instance {accelerator}" if alone else f"instance {accelerator} zonal"
    concurrency = message.max_instance_request_concurrency or (DEFAULT_CONCURRENCY if vcpus >= 1 else 1)
    return Unit(max(1, concurrency), vcpus, max(1, round(memory / 2**20)), billing, accelerator)


def _quantity(text: str, otherwise: float) -> float:
    """A Kubernetes quantity (`1`, `500m`, `512Mi`) as a number; what is not one counts as not given."""
    match = QUANTITY.match(text.replace("k", "K"))
    return otherwise if match is None else float(match.group(1)) * SCALE[match.group(2)]
