"""State of a Cloud Run service in the control plane: its message, generations, revisions and reconciling."""

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
    """A service. `message`: the response of GetService. `busy_until`: end of reconciling (milliseconds). `fails_with`: error of
    the next reconciling, once. `templates`: those of all revisions but the newest, which has the service's. `routed`: routing of
    traffic until reconciling ends; None: that of the message. `room`: instances that the region can start for the service.
    """

    message: Any
    busy_until: int = 0
    fails_with: str = ""
    revisions: int = 0
    versions: int = 0
    deploying: bool = False
    templates: dict[str, Any] = field(default_factory=dict)
    routed: list[Any] | None = None
    room: int = 10_000

    @property
    def name(self) -> str:
        """Full name, with project and location."""
        return str(self.message.name)

    @property
    def short(self) -> str:
        """Name without project and location."""
        return self.name.rpartition("/")[2]

    @property
    def size(self) -> tuple[float, float]:
        """Number of vCPUs and GiB of an instance of the revision with the most traffic."""
        limits = self.template_of(self.main).containers[0].resources.limits
        memory = str(limits["memory"])
        return float(limits["cpu"]), float(memory[:-2]) / (1 if memory.endswith("Gi") else 1024)

    @property
    def main(self) -> str:
        """Revision with the most traffic."""
        return max(self.shares, key=lambda share: share[1])[0]

    @property
    def concurrency(self) -> float:
        """Requests that an instance serves at once; if revisions differ, the average over the traffic."""
        shares = self.shares
        needed = sum(percent / (int(self.template_of(name).max_instance_request_concurrency) or 80) for name, percent in shares)
        return sum(percent for _, percent in shares) / needed

    @property
    def floor(self) -> int:
        """Instances that are kept warm: for each revision with traffic its share of the service's minimum, or its own minimum if
        that is higher, up to its maximum.
        """
        scaling = self.message.scaling
        if scaling.scaling_mode == run_v2.ServiceScaling.ScalingMode.MANUAL:
            return int(scaling.manual_instance_count)
        return sum(min(max(part, self.template_of(name).scaling.min_instance_count), self.ceiling_of(name))
                   for (name, _), part in zip(self.shares, self.split(scaling.min_instance_count), strict=True))

    @property
    def ceiling(self) -> int:
        """Maximum of instances over all revisions with traffic."""
        whole = int(self.message.scaling.max_instance_count)
        together = min(self.room, sum(self.ceiling_of(name) for name, _ in self.shares))
        return min(whole, together) if whole else together

    @property
    def shares(self) -> list[tuple[str, int]]:
        """Revisions with traffic and their share in percent, in the order of the message."""
        latest = str(self.message.latest_ready_revision)
        traffic = self.message.traffic if self.routed is None else self.routed
        routes = [(str(target.revision) or latest, int(target.percent)) for target in traffic if target.percent > 0]
        return [(name.rpartition("/")[2], percent) for name, percent in routes] or [(latest.rpartition("/")[2], 100)]

    def template_of(self, revision: str) -> Any:  # noqa: ANN401
        """Return the template of a revision."""
        return self.templates.get(revision, self.message.template)

    def ceiling_of(self, revision: str) -> int:
        """Return the maximum of instances of a revision."""
        whole = int(self.message.scaling.max_instance_count)
        own = int(self.template_of(revision).scaling.max_instance_count) or 100
        return min(whole, own) if whole else own

    def split(self, units: int) -> list[int]:
        """Return `units` divided among the revisions by share, rounded; the first one gets the remainder."""
        parts = [int(units * percent / 100 + 0.5) for _, percent in self.shares]
        parts[0] += units - sum(parts)
        return parts

    def publish(self, at: datetime) -> None:
        """Create a revision of the template, which receives the traffic routed to the latest revision."""
        self._create(self.message.template)
        self.message.latest_ready_revision = self.message.latest_created_revision
        self._stamp(at)

    def as_response(self) -> Any:  # noqa: ANN401
        """Return the service as in responses. An entry of `traffic_statuses` for the latest revision does not name it."""
        answer = run_v2.Service(self.message)
        answer.traffic_statuses = [
            run_v2.TrafficTargetStatus(type_=each.type_, revision=each.revision, percent=each.percent, tag=each.tag)
            for each in (self.message.traffic if self.routed is None else self.routed)]
        return answer

    def revision(self, name: str) -> Any | None:  # noqa: ANN401
        """Return a revision as GetRevision does; None if it does not exist."""
        existing = {f"{self.short}-{number:05d}" for number in range(1, self.revisions + 1)}
        if name not in existing:
            return None
        template = self.template_of(name)
        return run_v2.Revision(
            name=f"{self.name}/revisions/{name}", service=self.name, scaling=template.scaling, containers=template.containers,
            max_instance_request_concurrency=template.max_instance_request_concurrency, node_selector=template.node_selector,
            service_account=template.service_account)

    def merged(self, newer: Any, paths: list[str]) -> Any:  # noqa: ANN401
        """Return the message after an update: with the named fields of `newer`, or all settable fields if none is named."""
        updated = run_v2.Service(self.message)
        names = paths or ["labels", "annotations", "description", "ingress", "template", "traffic", "scaling"]
        field_mask_pb2.FieldMask(paths=names).MergeMessage(
            run_v2.Service.pb(newer), run_v2.Service.pb(updated), replace_message_field=True, replace_repeated_field=True)
        return updated

    def accept(self, updated: Any, at: datetime, by: str, until: int) -> None:  # noqa: ANN401
        """Accept an update as a new generation, reconciled at `until` (milliseconds). Routing changes at that time."""
        before, self.routed = self.message.template, list(self.message.traffic if self.routed is None else self.routed)
        self.deploying = run_v2.Service.pb(updated).template != run_v2.Service.pb(self.message).template
        updated.generation = self.message.generation + 1
        self.message = updated
        self.message.last_modifier = by
        self.message.reconciling, self.busy_until = True, until
        self.message.terminal_condition = {"type_": "Ready", "state": RECONCILING}
        if self.deploying:
            self._create(before)
        self._stamp(at)

    def settle(self, at: int) -> bool:
        """End reconciling if it is due by `at`. Return whether this changed the routing of traffic."""
        if not self.message.reconciling or at < self.busy_until:
            return False
        state, before = FAILED if self.fails_with else SUCCEEDED, self.shares
        if self.deploying and not self.fails_with:
            self.message.latest_ready_revision = self.message.latest_created_revision
        self.message.terminal_condition = {"type_": "Ready", "state": state, "message": self.fails_with}
        self.message.reconciling, self.deploying, self.fails_with, self.routed = False, False, "", None
        self.message.observed_generation = self.message.generation
        self._stamp(None)
        return self.shares != before

    def _create(self, before: Any) -> None:  # noqa: ANN401
        """Create a revision. `before`: the template of the previous revision."""
        if self.revisions:
            self.templates[str(self.message.latest_created_revision).rpartition("/")[2]] = run_v2.RevisionTemplate(before)
        self.revisions += 1
        self.message.latest_created_revision = f"{self.name}/revisions/{self.short}-{self.revisions:05d}"

    def _stamp(self, at: datetime | None) -> None:
        """Set a new etag. As at Google, changes by reconciling get one too."""
        self.versions += 1
        self.message.etag = f'"v{self.versions:08d}"'
        if at is not None:
            self.message.update_time = at
