"""A Cloud Run service as its control plane knows it: one message, its generations, and what reconciling makes of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.cloud import run_v2
from google.protobuf import field_mask_pb2

SUCCEEDED = run_v2.Condition.State.CONDITION_SUCCEEDED
RECONCILING = run_v2.Condition.State.CONDITION_RECONCILING
FAILED = run_v2.Condition.State.CONDITION_FAILED


@dataclass(slots=True)
class RunService:
    """`message` is what GetService answers. `busy_until`: reconciling ends then (milliseconds). `fails_with`: what the next
    reconciling ends in, once; `maxima`: of each revision, by name.
    """

    message: Any
    busy_until: int = 0
    fails_with: str = ""
    revisions: int = 0
    versions: int = 0
    deploying: bool = False
    maxima: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The whole name, with project and location."""
        return str(self.message.name)

    @property
    def short(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def size(self) -> tuple[float, float]:
        """Processors and GiB of an instance."""
        limits = self.message.template.containers[0].resources.limits
        memory = str(limits["memory"])
        return float(limits["cpu"]), float(memory[:-2]) / (1 if memory.endswith("Gi") else 1024)

    @property
    def concurrency(self) -> int:
        return int(self.message.template.max_instance_request_concurrency) or 80

    @property
    def floor(self) -> int:
        """Instances that are kept: the service's minimum split by traffic, or the revision's own where greater, within maxima."""
        scaling, template = self.message.scaling, self.message.template.scaling
        if scaling.scaling_mode == run_v2.ServiceScaling.ScalingMode.MANUAL:
            return int(scaling.manual_instance_count)
        parts = self.split(scaling.min_instance_count)
        return sum(min(max(part, template.min_instance_count), self.revision_most) for part in parts)

    @property
    def revision_most(self) -> int:
        whole = int(self.message.scaling.max_instance_count)
        revision = int(self.message.template.scaling.max_instance_count) or 100
        return min(whole, revision) if whole else revision

    @property
    def most(self) -> int:
        """Instances at most, over all revisions with traffic."""
        whole = int(self.message.scaling.max_instance_count)
        together = self.revision_most * len(self.shares)
        return min(whole, together) if whole else together

    @property
    def shares(self) -> list[tuple[str, int]]:
        """Revisions with traffic and their percent, in the order of the message."""
        latest = str(self.message.latest_ready_revision)
        found = [(str(target.revision) or latest, int(target.percent)) for target in self.message.traffic if target.percent > 0]
        return [(name.rpartition("/")[2], percent) for name, percent in found] or [(latest.rpartition("/")[2], 100)]

    def split(self, units: int) -> list[int]:
        """`units` over the revisions by share, rounded; the first listed takes what is left over."""
        parts = [int(units * percent / 100 + 0.5) for _, percent in self.shares]
        parts[0] += units - sum(parts)
        return parts

    def publish(self, at: datetime) -> None:
        """A new revision of the template, which takes the traffic of whoever follows the latest."""
        self.revisions += 1
        revision = f"{self.name}/revisions/{self.short}-{self.revisions:05d}"
        self.message.latest_created_revision = self.message.latest_ready_revision = revision
        self._stamp(at)

    def merged(self, newer: Any, paths: list[str]) -> Any:  # noqa: ANN401
        """The message that an update would make: the named fields of `newer`, or all that a client may set when none is named."""
        made = run_v2.Service(self.message)
        names = paths or ["labels", "annotations", "description", "ingress", "template", "traffic", "scaling"]
        field_mask_pb2.FieldMask(paths=names).MergeMessage(
            run_v2.Service.pb(newer), run_v2.Service.pb(made), replace_message_field=True, replace_repeated_field=True)
        return made

    def take(self, made: Any, at: datetime, by: str, until: int) -> None:  # noqa: ANN401
        """An update is accepted: another generation, which is reconciled until `until`."""
        self.deploying = run_v2.Service.pb(made).template != run_v2.Service.pb(self.message).template
        made.generation = self.message.generation + 1
        self.message = made
        self.message.last_modifier = by
        self.message.reconciling, self.busy_until = True, until
        self.message.terminal_condition = {"type_": "Ready", "state": RECONCILING}
        if self.deploying:
            self.revisions += 1
            self.message.latest_created_revision = f"{self.name}/revisions/{self.short}-{self.revisions:05d}"
        self._stamp(at)

    def settle(self, at: int) -> bool:
        """End reconciling when it is due; True when a new revision took over just now."""
        if not self.message.reconciling or at < self.busy_until:
            return False
        state, took_over = FAILED if self.fails_with else SUCCEEDED, self.deploying and not self.fails_with
        self.message.terminal_condition = {"type_": "Ready", "state": state, "message": self.fails_with}
        self.message.reconciling, self.deploying, self.fails_with = False, False, ""
        self.message.observed_generation = self.message.generation
        if took_over:
            self.message.latest_ready_revision = self.message.latest_created_revision
        self._stamp(None)
        return took_over

    def _stamp(self, at: datetime | None) -> None:
        """Another version: what reconciling alone changes counts too, as in life."""
        self.versions += 1
        self.message.etag = f'"v{self.versions:08d}"'
        if at is not None:
            self.message.update_time = at
