"""Which Cloud Run services of a project and location could be pools: those that scale by themselves and have a known price."""

import re
from typing import TYPE_CHECKING

from adapters.gcp.monitoring.metric_reader import Place
from adapters.gcp.names import LOCATION, PROJECT
from adapters.gcp.run.revisions import PRICED
from adapters.gcp.run.services import Service
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.ports.discovery import Found, Skipped, Survey, settings_or_why
from adapters.ports.errors import AdapterError, Unsupported

if TYPE_CHECKING:
    from adapters.gcp.provider import Gcp


async def survey(gcp: "Gcp", project: str, location: str) -> Survey:
    """Of one location of a project."""
    if re.fullmatch(PROJECT, project) is None or re.fullmatch(LOCATION, location) is None:
        raise Unsupported(f"{project} in {location} is no place of Google Cloud: give a project's ID and a region such as "
                          "europe-west1")
    fit: dict[str, tuple[Service, CloudRunMinInstancesSettings]] = {}
    skipped: list[Skipped] = []
    for name, service in (await gcp.plane(project, location).all()).items():
        settings = settings_or_why(CloudRunMinInstancesSettings, {"kind": "cloud-run-min-instances", "project": project,
                                                                  "location": location, "service": name})
        if isinstance(service, AdapterError):
            skipped.append(Skipped(name, str(service)))
        elif (why := unfit(service)) is not None or isinstance(settings, str):
            skipped.append(Skipped(name, str(why or settings)))
        else:
            fit[name] = service, settings
    instances = gcp.instances(project)
    instances.services |= fit.keys()
    found: list[Found] = []
    for name, (service, settings) in fit.items():
        try:
            startup = await instances.startup_seconds(Place(location, name))
        except AdapterError:
            startup = None
        found.append(Found(name, settings, described(service, startup)))
    return Survey(tuple(found), tuple(skipped))


def unfit(service: Service) -> str | None:
    """Why Stoker could not set the service's minimum; None: it could."""
    if service.manual is not None:
        return f"scaled by hand, to {service.manual} instances, so a minimum means nothing"
    if service.regions:
        return f"part of a multi-region service ({', '.join(service.regions)}), which is scaled for all its regions at once"
    if service.unit.accelerator not in PRICED:
        return f"has the GPU {service.unit.accelerator}, of which no price is known: give the pool its own prices"
    return None


def described(service: Service, startup: float | None) -> str:
    """What else is known of a service."""
    unit = service.unit
    start = "" if startup is None else f", starts in about {startup:.1f} s"
    kept = f", keeps {service.effective} now" if service.effective else ""
    return (f"{unit.vcpus:g} vCPU, {unit.memory_mb} MB, up to {unit.concurrency:g} requests at once in an instance, billed by "
            f"{unit.billing.split()[0]}{start}{kept}")
