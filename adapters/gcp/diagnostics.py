"""What `stoker doctor` asks of Google: whether it knows one, what the clock says there, and which permissions one has.

Cloud Run tells by TestIamPermissions what a caller may do with a service, writes included, without doing any of it.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from adapters.gcp.monitoring.metric_reader import MAX, Query
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict, clock_finding
from adapters.ports.errors import AdapterError, PermissionDenied
from adapters.runtime.clock import SystemClock
from config.model.policy import PoolPolicy
from forecasting.demand import minute_of

if TYPE_CHECKING:
    from adapters.gcp.provider import Gcp


def checks(gcp: "Gcp", pools: Sequence[PoolPolicy]) -> list[Check]:
    """Of each project and location, by its first service."""
    first: dict[tuple[str, str], PoolPolicy] = {}
    for pool in pools:
        settings = pool.lever.model_dump()
        first.setdefault((str(settings["project"]), str(settings["location"])), pool)
    return [Check(f"credentials and clock of Google in {project}, {location}",
                  partial(_identity, gcp, pool, f"{project} in {location}"))
            for (project, location), pool in first.items()]


def probes(gcp: "Gcp", pool: PoolPolicy) -> Mapping[str, Probe]:
    """How each permission of a pool is tried."""
    settings = pool.lever.model_dump()
    project, location, service = (str(settings[key]) for key in ("project", "location", "service"))
    plane = gcp.plane(project, location)

    async def counted() -> None:
        end = minute_of(gcp.clock.now())
        await gcp.reader(project).read(Query("container/instance_count", MAX, end - 5, end, (service,)))

    async def revision() -> None:
        await plane.revision(service, (await plane.get(service)).serving[0][0])

    async def update() -> None:
        permission = "run.services.update"
        if permission not in await plane.permissions(service, (permission,)):
            raise PermissionDenied(f"{plane.resource(service)}: permission {permission} is missing: allow it to Stoker's service "
                                   "account")

    return {"run.services.get": lambda: plane.get(service), "run.services.list": plane.list_one,
            "run.revisions.get": revision,
            "monitoring.timeSeries.list": counted, "run.services.update": update}


async def _identity(gcp: "Gcp", pool: PoolPolicy, subject: str) -> list[Finding]:
    settings = pool.lever.model_dump()
    plane = gcp.plane(str(settings["project"]), str(settings["location"]))
    try:
        await plane.permissions(str(settings["service"]), ("run.services.get",))
        found = Finding("credentials", subject, Verdict.OK, "Google accepts them")
    except AdapterError as error:
        found = Finding("credentials", subject, Verdict.FAIL, str(error))
        if gcp.dated is None:
            return [found]
    dated = gcp.dated
    date, now = (None, gcp.clock.now()) if dated is None else (dated.date, gcp.clock.now() - (SystemClock().now() - dated.at))
    return [found, clock_finding(subject, date, now)]
