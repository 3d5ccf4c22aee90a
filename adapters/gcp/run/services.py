"""A Cloud Run service, reduced to the facts that concern its minimum instances. Pure."""

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud import run_v2

from adapters.gcp.run.revisions import Revision, Target, Unit, blended, short, targets_of
from adapters.ports.errors import AdapterError, Conflict, Limit

MANUAL = run_v2.ServiceScaling.ScalingMode.MANUAL
FAILED = run_v2.Condition.State.CONDITION_FAILED
STATE = frozenset({"uid", "generation", "create_time", "update_time", "delete_time", "expire_time", "creator", "last_modifier",
                   "observed_generation", "terminal_condition", "conditions", "latest_ready_revision", "traffic_statuses", "uri",
                   "urls", "satisfies_pzs", "threat_detection_enabled", "reconciling", "etag"})
"""Fields of a service that Cloud Run itself sets and may change after any write. `latest_created_revision` is not one of them:
another revision means that the template was changed, even if the change was reverted.
"""

NUMBER = re.compile(r"projects/[0-9]+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """The state of a service.

    `requested`: the service's own minimum, the only field that Stoker sets. `service_maximum`: the service's maximum, 0 for none.
    `manual`: number of instances under manual scaling. `regions`: of a multi-region service. `targets`: revisions with traffic or
    a tag. `revisions`: name -> revision, for those that have been read. `other_settings`: digest of all settings except the
    minimum.
    """

    requested: int
    service_maximum: int
    manual: int | None
    regions: tuple[str, ...]
    generation: int
    reconciling: bool
    failure: str
    broken_deployment: bool
    etag: str
    other_settings: bytes
    changed_at: datetime | None
    changed_by: str
    targets: tuple[Target, ...]
    revisions: Mapping[str, Revision]
    labels: Mapping[str, str]

    @property
    def serving(self) -> tuple[tuple[str, int, Revision], ...]:
        """Name, percent of the traffic and properties of each revision with traffic."""
        return tuple((name, percent, self.revisions[name]) for name, percent in self._shares)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of revisions that the response did not describe."""
        return tuple(target.revision for target in self.targets if target.revision not in self.revisions)

    @property
    def unit(self) -> Unit:
        """The average instance over the traffic."""
        return blended([(float(percent), revision.unit) for _, percent, revision in self.serving])

    def requests_per_instance(self, aim: float) -> float:
        """Return the concurrent requests of an instance above which Cloud Run starts another, at least 1.

        `aim`: share of the concurrency that Cloud Run's autoscaler aims at.
        """
        needed = sum(percent / max(1.0, revision.unit.concurrency * aim) for _, percent, revision in self.serving)
        return sum(percent for _, percent, _ in self.serving) / needed

    @property
    def largest_minimum(self) -> int:
        """The largest minimum that has full effect.

        Cloud Run splits a service's minimum by traffic among the revisions and limits each part by the revision's own maximum.
        """
        largest = min(math.floor(revision.maximum * 100 / percent) for _, percent, revision in self.serving)
        return min(largest, self.service_maximum) if self.service_maximum else largest

    @property
    def limit(self) -> Limit:
        """The maximum that determines `largest_minimum`."""
        if self.service_maximum and self.service_maximum == self.largest_minimum:
            return Limit("service-maximum", f"the service has a maximum of {self.service_maximum} instances",
                         "raise the service's maximum instances, or lower the pool's max")
        name, percent, revision = min(self.serving, key=lambda each: math.floor(each[2].maximum * 100 / each[1]))
        share = "" if percent == 100 else f" and {percent} % of the traffic"
        return Limit("revision-maximum", f"revision {name} has a maximum of {revision.maximum} instances{share}",
                     "raise the revision's maximum instances, or lower the pool's max")

    @property
    def own(self) -> int:
        """Instances that the service's own minimum keeps."""
        return self._kept(lambda part, _: part)

    @property
    def effective(self) -> int:
        """Instances that Cloud Run keeps for revisions with traffic.

        Each keeps the greater of the revision's minimum and its part of the service's minimum, limited by the maxima.
        """
        return self._kept(lambda part, revision: max(part, revision.minimum))

    @property
    def others(self) -> int:
        """Instances that the revisions' own minima keep in addition to the service's minimum."""
        return max(0, self.effective - self.own)

    @property
    def others_by(self) -> str:
        """Text that names the minima of revisions with traffic. Empty when there are none."""
        return " and ".join(f"the minimum of revision {name} ({revision.minimum})" for name, _, revision in self.serving
                            if revision.minimum)

    @property
    def tagged(self) -> int:
        """Instances of revisions without traffic, which have a tag and their own minimum."""
        without = (self.revisions[target.revision] for target in self.targets if target.percent <= 0)
        return sum(min(revision.minimum, revision.maximum) for revision in without)

    @property
    def _shares(self) -> tuple[tuple[str, int], ...]:
        return tuple((target.revision, target.percent) for target in self.targets if target.percent > 0)

    @classmethod
    def of(cls, answer: Any, name: str) -> "Service":  # noqa: ANN401  (a message of the library)
        """Return the state in a `run_v2.Service`. Raise `ValueError` when it is not the service `name`."""
        if not _is_about(answer.name, name):
            raise ValueError(f"the response is about {answer.name[:80] or 'nothing'!r}")
        scaling, condition = answer.scaling, answer.terminal_condition
        reconciling = answer.reconciling or answer.observed_generation < answer.generation
        failed = condition.state == FAILED and not answer.reconciling
        targets, newest = targets_of(answer), short(answer.latest_created_revision)
        as_newest = {} if reconciling else {newest: Revision.of(answer.template)}  # else it may be a future revision's
        return cls(
            requested=scaling.min_instance_count, service_maximum=scaling.max_instance_count,
            manual=scaling.manual_instance_count if scaling.scaling_mode == MANUAL else None,
            regions=tuple(answer.multi_region_settings.regions), generation=answer.generation, reconciling=reconciling,
            failure=" ".join(condition.message.split())[:200] if failed else "",
            broken_deployment=answer.latest_created_revision != answer.latest_ready_revision, etag=answer.etag,
            other_settings=_digest(answer), changed_at=_instant(answer), changed_by=answer.last_modifier, targets=targets,
            revisions={each.revision: as_newest[each.revision] for each in targets if each.revision in as_newest},
            labels=dict(answer.labels),
        )

    def change_in_progress(self, resource: str) -> AdapterError | None:
        """Return why a minimum must not be written now: a change is in progress. None when it may be written."""
        if not self.reconciling:
            return None
        return Conflict(f"{resource}: an earlier change is still in progress (generation {self.generation}): the next write "
                        "waits until it is complete")

    def _kept(self, of: Callable[[int, Revision], int]) -> int:
        """Return the sum over revisions with traffic of `of(part of the minimum, revision)`, limited by the maxima."""
        parts = [math.floor(self.requested * percent / 100 + 0.5) for _, percent, _ in self.serving]
        parts[0] += self.requested - sum(parts)  # Cloud Run adds the rounding difference to the first revision
        kept = sum(min(max(0, of(part, revision)), revision.maximum)
                   for part, (_, _, revision) in zip(parts, self.serving, strict=True))
        return min(kept, self.service_maximum) if self.service_maximum else kept


def _is_about(answered: str, name: str) -> bool:
    """Return whether both names are of the same service. A response may name the project by its number."""
    project, _, service = answered.partition("/locations/")
    wanted, _, wanted_service = name.partition("/locations/")
    return service == wanted_service and (project == wanted or NUMBER.fullmatch(project) is not None)


def _digest(answer: Any) -> bytes:  # noqa: ANN401
    bare = type(run_v2.Service.pb(answer))()
    bare.CopyFrom(run_v2.Service.pb(answer))
    for field in ("name", *STATE):
        bare.ClearField(field)
    bare.scaling.min_instance_count = 0
    bare.DiscardUnknownFields()  # a field that only a newer API sets is not a change
    plain: bytes = bare.SerializeToString(deterministic=True)
    return hashlib.sha256(plain).digest()


def _instant(answer: Any) -> datetime | None:  # noqa: ANN401
    at = run_v2.Service.pb(answer).update_time
    try:
        return EPOCH + timedelta(seconds=at.seconds, microseconds=at.nanos // 1000) if at.seconds else None
    except OverflowError:
        return None
