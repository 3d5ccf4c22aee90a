"""Checks of `stoker doctor` at Google: credentials, clock and permissions.

Cloud Run's TestIamPermissions returns which actions a caller may perform on a service, writes included, and performs none.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from adapters.gcp.metric_settings import CloudMonitoringMetricSettings
from adapters.gcp.monitoring.metric_reader import MAX, Query
from adapters.gcp.monitoring.metric_series import SeriesQuery, read_series
from adapters.gcp.sessions import GcpSessions
from adapters.gcp.settings import CloudMonitoringSettings
from adapters.ports.demand_source import Demands
from adapters.ports.diagnostics import Check, Finding, Probe, Verdict, clock_finding, metrics_of, names_of, refusal
from adapters.ports.errors import AdapterError, Misconfigured, NotFound, PermissionDenied
from adapters.runtime.clock import SystemClock
from config.model.demand import DemandSettings
from config.model.lever import LeverSettings
from config.model.policy import PoolPolicy
from forecasting.demand import minute_of

LOOKED_BACK = 60
"""Minutes in which a check looks for points of a metric."""


def checks(sessions: GcpSessions, pools: Sequence[PoolPolicy]) -> list[Check]:
    """Return the checks of credentials, projects and locations, each on its first service, and of services with pings above."""
    layered = [Check(f"layers of {pool.name}", partial(_layers, sessions, pool), names_of([pool])) for pool in pools
               if pool.top is not None]
    return _identities(sessions, [(names_of([pool]), pool.lever) for pool in pools]) + layered


def demand_checks(sessions: GcpSessions, pools: Demands) -> list[Check]:
    """Return the checks of credentials, projects and locations whose services' metrics are read, and of the metrics of each pool
    that reads any others.
    """
    metrics = [Check(f"metrics of {pool.name}", partial(_points, sessions, pool.name, demand), metrics_of([pool.name]))
               for pool, demand in pools if isinstance(demand, CloudMonitoringMetricSettings)]
    return _identities(sessions, [(metrics_of([pool.name]), demand) for pool, demand in pools
                                  if isinstance(demand, CloudMonitoringSettings)]) + metrics


def probes(sessions: GcpSessions, pool: PoolPolicy) -> Mapping[str, Probe]:
    """Return the test of each permission of a pool."""
    settings = pool.lever.model_dump()
    project, location, service = (str(settings[key]) for key in ("project", "location", "service"))
    plane = sessions.plane(project, location)

    async def counted() -> None:
        end = minute_of(sessions.clock.now())
        await sessions.reader(project).read(Query("container/instance_count", MAX, end - 5, end, (service,)))

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


async def _layers(sessions: GcpSessions, pool: PoolPolicy) -> list[Finding]:
    """Return whether an instance takes 1 request at a time. Otherwise the minimum instances can serve all pings of a round."""
    settings = pool.lever.model_dump()
    try:
        service = await sessions.plane(str(settings["project"]), str(settings["location"])).get(str(settings["service"]))
    except AdapterError:
        return []  # the check of the pool reports it
    most = max((revision.unit.concurrency for _, _, revision in service.serving), default=1)
    if most <= 1:
        return [Finding("layers", pool.name, Verdict.OK, "an instance takes 1 request at a time, as pings need it")]
    return [Finding("layers", pool.name, Verdict.WARN, f"an instance takes {most:g} requests at a time, so the minimum instances "
                    "can serve all pings, and none above them is kept warm",
                    "deploy it with a concurrency of 1, or remove the second lever")]


def _identities(sessions: GcpSessions, resources: Sequence[tuple[frozenset[str], LeverSettings | DemandSettings]]) -> list[Check]:
    """Return the checks on which all others depend: credentials, then each project and location."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    about: dict[tuple[str, str], frozenset[str]] = {}
    for names, each in resources:
        settings = each.model_dump()
        place = str(settings["project"]), str(settings["location"])
        first.setdefault(place, settings)
        about[place] = about.get(place, frozenset()) | names
    if not first:
        return []
    who = "" if sessions.account is None else f" as {sessions.account}"
    everything = frozenset[str]().union(*about.values())
    one = partial(_credentials, sessions, next(iter(first.values())), f"Google{who}")
    return [Check(f"credentials of Google{who}", one, everything, gates=True),
            *(Check(f"credentials and clock of Google in {project}, {location}{who}",
                    partial(_identity, sessions, settings, f"{project} in {location}{who}"), about[project, location], gates=True)
              for (project, location), settings in first.items())]


async def _points(sessions: GcpSessions, pool: str, demand: CloudMonitoringMetricSettings) -> list[Finding]:
    """Check that each metric of a pool has a point in the last hour: an unknown label gives no error."""
    end, reader = minute_of(sessions.clock.now()), sessions.reader(str(demand.project))
    empty = []
    for role, settings in demand.series.items():
        query = SeriesQuery(settings, f"{role} of pool {pool}", end - LOOKED_BACK, end)
        if np.isnan(await read_series(reader, query)).all():
            empty.append(role)
    if empty:
        return [Finding("demand", pool, Verdict.WARN, f"no point within {LOOKED_BACK} min: {', '.join(empty)}",
                        "correct filter, unless the pool was idle")]
    return [Finding("demand", pool, Verdict.OK, f"every metric has points within {LOOKED_BACK} min")]


async def _credentials(sessions: GcpSessions, settings: Mapping[str, Any], subject: str) -> list[Finding]:
    """Return a finding when there are no valid credentials, for all projects at once."""
    try:
        await _permitted(sessions, settings)
    except Misconfigured as error:
        return [refusal("credentials", subject, error)]
    except AdapterError:
        return []  # the check of the project reports it
    return []


async def _permitted(sessions: GcpSessions, settings: Mapping[str, Any]) -> None:
    plane = sessions.plane(str(settings["project"]), str(settings["location"]))
    with suppress(NotFound):  # the check of the pool reports it
        await plane.permissions(str(settings["service"]), ("run.services.get",))


async def _identity(sessions: GcpSessions, settings: Mapping[str, Any], subject: str) -> list[Finding]:
    try:
        await _permitted(sessions, settings)
        credentials = Finding("credentials", subject, Verdict.OK, "Google accepts them")
    except AdapterError as error:
        credentials = refusal("credentials", subject, error)
        if sessions.dated is None:
            return [credentials]
    dated, now = sessions.dated, sessions.clock.now()
    if dated is None:
        return [credentials, clock_finding(subject, None, now)]
    return [credentials, clock_finding(subject, dated.date, now - (SystemClock().now() - dated.at))]
