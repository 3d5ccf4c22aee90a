"""A Cloud Run service as an answer describes it, reduced to what bears on its minimum instances. Pure."""

import hashlib
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.cloud import run_v2

from adapters.errors import AdapterError, Conflict

MANUAL = run_v2.ServiceScaling.ScalingMode.MANUAL
FAILED = run_v2.Condition.State.CONDITION_FAILED
DEFAULT_REVISION_MAX = 100
"""What Cloud Run grants a revision that names no maximum."""

DEFAULT_CONCURRENCY = 80
PRICED = ("", "nvidia-l4")
"""GPUs of which the price is known."""

QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(m|[KMGT]i?|)$")
SCALE = {"": 1.0, "m": 1e-3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
         "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40}
REST = ("template", "traffic", "ingress", "labels", "annotations", "launch_stage", "binary_authorization",
        "latest_created_revision")
"""With `scaling` but for its minimum: what tells a change by somebody else from our own."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One instance: what it can take and what it is paid by. `billing`: the row of the price table."""

    concurrency: int
    vcpus: float
    memory_mb: int
    billing: str
    accelerator: str


@dataclass(frozen=True, slots=True)
class Service:
    """`requested` is the service's own minimum, the one number that Stoker sets. `most`: beyond it a minimum has no effect.
    `least`: what the revisions keep by a minimum of their own. `rest`: a digest of everything that is not Stoker's.
    """

    requested: int
    most: int
    least: int
    manual: int | None
    generation: int
    reconciling: bool
    failure: str
    broken_deployment: bool
    etag: str
    rest: bytes
    changed_at: datetime | None
    changed_by: str
    unit: Unit

    @property
    def effective(self) -> int:
        """Instances that Cloud Run keeps: the greater of the minima, capped by the lesser of the maxima."""
        return min(max(self.requested, self.least), self.most)

    @classmethod
    def of(cls, answer: Any, name: str) -> "Service":  # noqa: ANN401  (a message of the library)
        """From `run_v2.Service`. `ValueError` when the answer is not about `name`."""
        if answer.name != name:
            raise ValueError(f"it is about {answer.name[:80] or 'nothing'!r}")
        scaling, template, condition = answer.scaling, answer.template, answer.terminal_condition
        manual = scaling.manual_instance_count if scaling.scaling_mode == MANUAL else None
        failed = condition.state == FAILED and not answer.reconciling
        return cls(
            requested=scaling.min_instance_count, most=_most(answer), least=template.scaling.min_instance_count, manual=manual,
            generation=answer.generation, reconciling=answer.reconciling or answer.observed_generation < answer.generation,
            failure=" ".join(condition.message.split())[:200] if failed else "",
            broken_deployment=answer.latest_created_revision != answer.latest_ready_revision, etag=answer.etag,
            rest=_digest(answer), changed_at=_instant(answer), changed_by=answer.last_modifier, unit=unit_of(template),
        )

    def objection(self, resource: str) -> AdapterError | None:
        """Why a minimum must not be written now: a change is being carried out. None: it may."""
        if not self.reconciling:
            return None
        return Conflict(f"{resource}: an earlier change is still being carried out (generation {self.generation}): the next one "
                        "waits for its end")


def unit_of(template: Any) -> Unit:  # noqa: ANN401
    """What one instance of a template is made of. Cloud Run gives a container 1 vCPU and 512 MiB unless told otherwise."""
    limits = [dict(container.resources.limits) for container in template.containers] or [{}]
    vcpus = sum(_quantity(limit.get("cpu", ""), 1.0) for limit in limits)
    memory = sum(_quantity(limit.get("memory", ""), 512 * 2.0**20) for limit in limits)
    accelerator = template.node_selector.accelerator
    set_resources = [container.resources for container in template.containers if "resources" in container]
    by_request = not accelerator and all(resources.cpu_idle for resources in set_resources)
    billing = "request" if by_request else "instance"
    if accelerator:
        alone = "gpu_zonal_redundancy_disabled" in template and template.gpu_zonal_redundancy_disabled
        billing = f"instance {accelerator}" if alone else f"instance {accelerator} zonal"
    concurrency = template.max_instance_request_concurrency or (DEFAULT_CONCURRENCY if vcpus >= 1 else 1)
    return Unit(concurrency, vcpus, max(1, round(memory / 2**20)), billing, accelerator)


def _most(answer: Any) -> int:  # noqa: ANN401
    """The largest minimum that every revision with traffic can follow: a service's minimum is split among them by their share
    of the traffic, and each share is cut at the revision's own maximum. Only the newest revision's maximum is known here.
    """
    a_revision = answer.template.scaling.max_instance_count or DEFAULT_REVISION_MAX
    shares = [target.percent for target in answer.traffic if target.percent > 0]
    most = math.floor(a_revision * 100 / max(shares, default=100))
    whole = answer.scaling.max_instance_count
    return min(most, whole) if whole else most


def _digest(answer: Any) -> bytes:  # noqa: ANN401
    bare = run_v2.Service({name: getattr(answer, name) for name in REST})
    bare.scaling = run_v2.ServiceScaling(answer.scaling)
    bare.scaling.min_instance_count = 0
    plain: bytes = run_v2.Service.pb(bare).SerializeToString(deterministic=True)
    return hashlib.sha256(plain).digest()


def _instant(answer: Any) -> datetime | None:  # noqa: ANN401
    at = run_v2.Service.pb(answer).update_time
    return datetime.fromtimestamp(at.seconds + at.nanos / 1e9, tz=UTC) if at.seconds else None


def _quantity(text: str, otherwise: float) -> float:
    """A Kubernetes quantity (`1`, `500m`, `512Mi`) as a number; what is not one counts as not said."""
    match = QUANTITY.match(text.replace("k", "K"))
    return otherwise if match is None else float(match.group(1)) * SCALE[match.group(2)]
