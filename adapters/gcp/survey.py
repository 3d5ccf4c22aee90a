"""Which Cloud Run services of a project and location could be pools: those that scale by themselves and have a known price."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from adapters.errors import AdapterError, Unsupported
from adapters.gcp.metric_reader import Place
from adapters.gcp.names import LOCATION, PROJECT
from adapters.gcp.services import PRICED, Service
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.survey import Found, Skipped, Survey

if TYPE_CHECKING:
    from adapters.gcp.provider import Gcp

KEEP_ALIVE = timedelta(minutes=15)


async def survey(gcp: "Gcp", project: str, location: str) -> Survey:
    """Of one location of a project."""
    if re.fullmatch(PROJECT, project) is None or re.fullmatch(LOCATION, location) is None:
        raise Unsupported(f"{project} in {location} is no place of Google Cloud: give a project's ID and a region such as "
                          "europe-west1")
    services = await gcp.plane(project, location).all()
    instances = gcp.instances(project)
    instances.services |= services.keys()
    found: list[Found] = []
    skipped: list[Skipped] = []
    for name, service in sorted(services.items()):
        why = unfit(service)
        if why is not None:
            skipped.append(Skipped(name, why))
            continue
        try:
            startup = await instances.startup_seconds(Place(location, name))
        except AdapterError:
            startup = None
        settings = {"kind": "cloud-run-min-instances", "project": project, "location": location, "service": name}
        found.append(Found(name, CloudRunMinInstancesSettings.model_validate(settings), described(service, startup), KEEP_ALIVE))
    return Survey(tuple(found), tuple(skipped))


def unfit(service: Service) -> str | None:
    """Why Stoker could not set the service's minimum; None: it could."""
    if service.manual is not None:
        return f"scaled by hand, to {service.manual} instances, so a minimum means nothing"
    if service.unit.accelerator not in PRICED:
        return f"has the GPU {service.unit.accelerator}, of which no price is known: give the pool its own prices"
    return None


def described(service: Service, startup: float | None) -> str:
    """What else is known of a service."""
    unit = service.unit
    start = "" if startup is None else f", starts in about {startup:.1f} s"
    kept = f", keeps {service.effective} now" if service.effective else ""
    return (f"{unit.vcpus:g} vCPU, {unit.memory_mb} MB, up to {unit.concurrency} requests at once in an instance, billed by "
            f"{unit.billing.split()[0]}{start}{kept}")
