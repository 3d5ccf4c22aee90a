"""Cloud Run services of a project and location that can be pools: those with automatic scaling and a known price."""

import re

from adapters.gcp.monitoring.metric_reader import Place
from adapters.gcp.names import LOCATION, PROJECT
from adapters.gcp.run.revisions import PRICED
from adapters.gcp.run.services import Service
from adapters.gcp.sessions import GcpSessions
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.ports.discovery import Found, Size, Skipped, Survey, Wanted, settings_or_why
from adapters.ports.errors import AdapterError, Unsupported


async def survey(sessions: GcpSessions, project: str, location: str, wanted: Wanted | None = None) -> Survey:
    """Return the services of one location of a project that can be pools, and the skipped ones with the reason.

    With `wanted`, only those that it accepts, and no start times; a service that cannot be read is then an error, because its
    labels are unknown.
    """
    if re.fullmatch(PROJECT, project) is None or re.fullmatch(LOCATION, location) is None:
        raise Unsupported(f"{project} in {location} is not a location of Google Cloud: give a project ID and a region, such as "
                          "europe-west1")
    fit: dict[str, tuple[Service, CloudRunMinInstancesSettings]] = {}
    skipped: list[Skipped] = []
    for name, service in (await sessions.plane(project, location).all()).items():
        settings = settings_or_why(CloudRunMinInstancesSettings, {"kind": "cloud-run-min-instances", "project": project,
                                                                  "location": location, "service": name})
        if isinstance(service, AdapterError):
            if wanted is not None:
                raise service
            skipped.append(Skipped(name, str(service)))
        elif wanted is not None and not wanted.accepts(name, service.labels):
            continue
        elif (why := unfit(service)) is not None or isinstance(settings, str):
            skipped.append(Skipped(name, str(why or settings)))
        else:
            fit[name] = service, settings
    if wanted is not None:
        return Survey(tuple(_found(name, service, settings) for name, (service, settings) in fit.items()), tuple(skipped))
    instances = sessions.instances(project)
    instances.services |= fit.keys()
    found: list[Found] = []
    for name, (service, settings) in fit.items():
        try:
            startup = await instances.startup_seconds(Place(location, name))
        except AdapterError:
            startup = None
        found.append(_found(name, service, settings, startup))
    return Survey(tuple(found), tuple(skipped))


def _found(name: str, service: Service, settings: CloudRunMinInstancesSettings, startup: float | None = None) -> Found:
    unit = service.unit
    return Found(name, settings, described(service, startup), tags=service.labels,
                 size=Size(unit.memory_mb, vcpus=unit.vcpus, billing=unit.billing))


def unfit(service: Service) -> str | None:
    """Return why Stoker cannot set the service's minimum; None when it can."""
    if service.manual is not None:
        return f"manual scaling to {service.manual} instances: a minimum has no effect"
    if service.regions:
        return f"part of a multi-region service ({', '.join(service.regions)}), which is scaled for all its regions at once"
    if service.unit.accelerator not in PRICED:
        return f"has the GPU {service.unit.accelerator}, whose price is unknown: set prices for the pool"
    return None


def described(service: Service, startup: float | None) -> str:
    """Return a text with size, concurrency, billing, mean start time in seconds and current minimum of a service."""
    unit = service.unit
    start = "" if startup is None else f", mean start time {startup:.1f} s"
    minimum = f", {service.effective} minimum instances now" if service.effective else ""
    return (f"{unit.vcpus:g} vCPU, {unit.memory_mb} MB, up to {unit.concurrency:g} concurrent requests per instance, billed by "
            f"{unit.billing.split()[0]}{start}{minimum}")
