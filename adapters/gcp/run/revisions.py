"""Fixed properties of a Cloud Run revision: the size of an instance, and its minimum and maximum of instances. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DEFAULT_MAXIMUM = 100
"""Maximum of a revision that states none."""

DEFAULT_CONCURRENCY = 80
PRICED = ("", "nvidia-l4")
"""GPUs whose price is known; empty for none."""

QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|[KMGT]i?|)$")
SCALE = {"": 1.0, "m": 1e-3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
         "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}


@dataclass(frozen=True, slots=True)
class Unit:
    """One instance. `concurrency`: concurrent requests that it accepts. `billing`: row of the price table."""

    concurrency: float
    vcpus: float
    memory_mb: int
    billing: str
    accelerator: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision, with its own minimum and maximum of instances."""

    unit: Unit
    minimum: int
    maximum: int

    @classmethod
    def of(cls, message: Any) -> "Revision":  # noqa: ANN401  (a message of the library)
        """Return the revision for a `run_v2.Revision` or for the template that it was created from: both have these fields."""
        return cls(unit_of(message), message.scaling.min_instance_count, message.scaling.max_instance_count or DEFAULT_MAXIMUM)


@dataclass(frozen=True, slots=True)
class Target:
    """A revision with `percent` of the traffic. With 0 %, it has only a tag, under which it can be called."""

    revision: str
    percent: int


def targets_of(answer: Any) -> tuple[Target, ...]:  # noqa: ANN401
    """Return the revisions that have instances, each once, in the order of the service.

    Observed traffic has priority over requested traffic. An entry without a revision stands for the newest ready revision.
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
    """Return the last part of a resource name. The API names some revisions by it and some by the whole path."""
    return name.rpartition("/")[2]


def blended(parts: Sequence[tuple[float, Unit]]) -> Unit:
    """Return the average instance of `parts`, pairs of a share of the traffic and the unit of that revision.

    Requests are divided among the revisions, so the capacity that one request needs is the mean over them. `billing` and
    `accelerator` are those of the revision with the greatest share.
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
    """Return the size and billing of one instance. The defaults of Cloud Run for a container are 1 vCPU and 512 MiB."""
    limits = [dict(container.resources.limits) for container in message.containers] or [{}]
    vcpus = sum(_quantity(limit.get("cpu", ""), 1.0) for limit in limits)
    memory = sum(_quantity(limit.get("memory", ""), 512 * 2.0**20) for limit in limits)
    accelerator = message.node_selector.accelerator
    set_resources = [container.resources for container in message.containers if "resources" in container]
    by_request = not accelerator and all(resources.cpu_idle for resources in set_resources)
    billing = "request" if by_request else "instance"
    if accelerator:
        not_redundant = "gpu_zonal_redundancy_disabled" in message and message.gpu_zonal_redundancy_disabled
        billing = f"instance {accelerator}" if not_redundant else f"instance {accelerator} zonal"
    concurrency = message.max_instance_request_concurrency or (DEFAULT_CONCURRENCY if vcpus >= 1 else 1)
    return Unit(max(1, concurrency), vcpus, max(1, round(memory / 2**20)), billing, accelerator)


def _quantity(text: str, default: float) -> float:
    """Return a Kubernetes quantity (`1`, `500m`, `512Mi`) as a number; `default` for any other text."""
    match = QUANTITY.match(text.replace("k", "K"))
    return default if match is None else float(match.group(1)) * SCALE[match.group(2)]
