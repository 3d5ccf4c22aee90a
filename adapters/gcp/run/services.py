"""A Cloud Run service as an answer describes it, reduced to what bears on its minimum instances. Pure."""

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
"""What Cloud Run itself sets in a service, and may change after any write. `latest_created_revision` is not among them: another
revision means another template, even one that was changed and changed back.
"""

NUMBER = re.compile(r"projects/[0-9]+")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Service:
    """`requested` is the service's own minimum, the one number that Stoker sets. `whole_most`: the service's maximum, 0 for none.
    `targets`: the revisions that have traffic or a tag; `revisions`: what is known of them. `rest`: a digest of everything that
    is not Stoker's. `regions`: of a multi-region service.
    """

    requested: int
    whole_most: int
    manual: int | None
    regions: tuple[str, ...]
    generation: int
    reconciling: bool
    failure: str
    broken_deployment: bool
    etag: str
    rest: bytes
    changed_at: datetime | None
    changed_by: str
    targets: tuple[Target, ...]
    revisions: Mapping[str, Revision]

    @property
    def serving(self) -> tuple[tuple[str, int, Revision], ...]:
        """Name, percent of the traffic and facts of each revision that has traffic."""
        return tuple((name, percent, self.revisions[name]) for name, percent in self._shares)

    @property
    def missing(self) -> tuple[str, ...]:
        """Revisions of which the answer did not say how they are made."""
        return tuple(target.revision for target in self.targets if target.revision not in self.revisions)

    @property
    def unit(self) -> Unit:
        """One instance of what serves; of several revisions, on average over the traffic."""
        return blended([(float(percent), revision.unit) for _, percent, revision in self.serving])

    def takes(self, aim: float) -> float:
        """Requests that an instance takes at once before Cloud Run starts another: `aim` is the share of the concurrency that its
        autoscaler aims at. An instance takes one in any case.
        """
        needed = sum(percent / max(1.0, revision.unit.concurrency * aim) for _, percent, revision in self.serving)
        return sum(percent for _, percent, _ in self.serving) / needed

    @property
    def most(self) -> int:
        """The largest minimum that every revision with traffic can follow: a service's minimum is split among them by their
        share of the traffic, and each share is cut at the revision's own maximum.
        """
        most = min(math.floor(revision.most * 100 / percent) for _, percent, revision in self.serving)
        return min(most, self.whole_most) if self.whole_most else most

    @property
    def limit(self) -> Limit:
        """Which maximum `most` comes from."""
        if self.whole_most and self.whole_most == self.most:
            return Limit("service-maximum", f"the service has a maximum of {self.whole_most} instances",
                         "raise the service's maximum instances, or lower the pool's max")
        name, percent, revision = min(self.serving, key=lambda each: math.floor(each[2].most * 100 / each[1]))
        share = "" if percent == 100 else f" and {percent} % of the traffic"
        return Limit("revision-maximum", f"revision {name} has a maximum of {revision.most} instances{share}",
                     "raise the revision's maximum instances, or lower the pool's max")

    @property
    def own(self) -> int:
        """Instances that the service's own minimum keeps."""
        return self._kept(lambda part, _: part)

    @property
    def effective(self) -> int:
        """Instances that Cloud Run keeps for traffic: of each revision with some the greater of its own minimum and its part of
        the service's, within the maxima.
        """
        return self._kept(lambda part, revision: max(part, revision.least))

    @property
    def others(self) -> int:
        """Instances that minima of the revisions keep for traffic beyond the service's own."""
        return max(0, self.effective - self.own)

    @property
    def others_by(self) -> str:
        """Those minima, for people; empty when no revision with traffic has one."""
        return " and ".join(f"the minimum of revision {name} ({revision.least})" for name, _, revision in self.serving
                            if revision.least)

    @property
    def tagged(self) -> int:
        """Instances that revisions without traffic keep, because they have a tag and a minimum of their own."""
        without = (self.revisions[target.revision] for target in self.targets if target.percent <= 0)
        return sum(min(revision.least, revision.most) for revision in without)

    @property
    def _shares(self) -> tuple[tuple[str, int], ...]:
        return tuple((target.revision, target.percent) for target in self.targets if target.percent > 0)

    @classmethod
    def of(cls, answer: Any, name: str) -> "Service":  # noqa: ANN401  (a message of the library)
        """From `run_v2.Service`. `ValueError` when the answer is not about `name`."""
        if not _is_about(answer.name, name):
            raise ValueError(f"it is about {answer.name[:80] or 'nothing'!r}")
        scaling, condition = answer.scaling, answer.terminal_condition
        reconciling = answer.reconciling or answer.observed_generation < answer.generation
        failed = condition.state == FAILED and not answer.reconciling
        targets, newest = targets_of(answer), short(answer.latest_created_revision)
        as_newest = {} if reconciling else {newest: Revision.of(answer.template)}  # else the template may be of one to come
        return cls(
            requested=scaling.min_instance_count, whole_most=scaling.max_instance_count,
            manual=scaling.manual_instance_count if scaling.scaling_mode == MANUAL else None,
            regions=tuple(answer.multi_region_settings.regions), generation=answer.generation, reconciling=reconciling,
            failure=" ".join(condition.message.split())[:200] if failed else "",
            broken_deployment=answer.latest_created_revision != answer.latest_ready_revision, etag=answer.etag,
            rest=_digest(answer), changed_at=_instant(answer), changed_by=answer.last_modifier, targets=targets,
            revisions={each.revision: as_newest[each.revision] for each in targets if each.revision in as_newest},
        )

    def objection(self, resource: str) -> AdapterError | None:
        """Why a minimum must not be written now: a change is being carried out. None: it may."""
        if not self.reconciling:
            return None
        return Conflict(f"{resource}: an earlier change is still being carried out (generation {self.generation}): the next one "
                        "waits for its end")

    def _kept(self, of: Callable[[int, Revision], int]) -> int:
        """Sum over the revisions with traffic, within the maxima, of what `of` makes of each one's part of the minimum."""
        parts = [math.floor(self.requested * percent / 100 + 0.5) for _, percent, _ in self.serving]
        parts[0] += self.requested - sum(parts)  # Cloud Run gives the first what rounding leaves
        kept = sum(min(max(0, of(part, revision)), revision.most)
                   for part, (_, _, revision) in zip(parts, self.serving, strict=True))
        return min(kept, self.whole_most) if self.whole_most else kept


def _is_about(told: str, name: str) -> bool:
    """Whether both name one service; an answer may name the project by its number."""
    project, _, service = told.partition("/locations/")
    wanted, _, wanted_service = name.partition("/locations/")
    return service == wanted_service and (project == wanted or NUMBER.fullmatch(project) is not None)


def _digest(answer: Any) -> bytes:  # noqa: ANN401
    bare = type(run_v2.Service.pb(answer))()
    bare.CopyFrom(run_v2.Service.pb(answer))
    for field in ("name", *STATE):
        bare.ClearField(field)
    bare.scaling.min_instance_count = 0
    bare.DiscardUnknownFields()  # what a newer API sets by itself would pass for a change
    plain: bytes = bare.SerializeToString(deterministic=True)
    return hashlib.sha256(plain).digest()


def _instant(answer: Any) -> datetime | None:  # noqa: ANN401
    at = run_v2.Service.pb(answer).update_time
    try:
        return EPOCH + timedelta(seconds=at.seconds, microseconds=at.nanos // 1000) if at.seconds else None
    except OverflowError:
        return None
