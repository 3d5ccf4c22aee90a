"""What people write in the place of a project, a location or a service of Google Cloud: why it cannot stand there, and what can.

Each check returns the value when it is not one of these; the pattern of the setting judges the rest. `ValueError` otherwise.
"""

import re

from pydantic_core.core_schema import ValidationInfo

from config.loading.wording import shown

PROJECT = r"^([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{2,28}[a-z0-9]$"
LOCATION = r"^[a-z]+(-[a-z]+)+[0-9]+$"
SERVICE = r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"

RESOURCE = re.compile(r"(//[a-z.]+/)?(v\d/)?(projects|namespaces)/(?P<project>[^/]+)(/locations/(?P<location>[^/]+))?"
                      r"/(?P<kind>[a-z]+)/(?P<name>[^/]+)(/.*)?")
PROJECT_PATH = re.compile(r"(//[a-z.]+/)?projects/(?P<project>[^/]+)(/.*)?")
NEW_URL = re.compile(r"(https?://)?(?P<service>[a-z][a-z0-9-]*)-\d{6,}\.(?P<location>[a-z0-9-]+)\.run\.app([:/].*)?",
                     re.IGNORECASE)
OLD_URL = re.compile(r"(https?://)?(?P<service>[a-z][a-z0-9-]*)-[a-z0-9]{10}-[a-z]{2,3}\.a\.run\.app([:/].*)?", re.IGNORECASE)
FUNCTION_URL = re.compile(r"(https?://)?[a-z0-9-]+\.cloudfunctions\.net(/.*)?", re.IGNORECASE)
ZONE = re.compile(r"(?P<location>[a-z]+(-[a-z]+)+[0-9]+)-[a-z]")
AWS_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+[a-z]?")


def project_id(value: object) -> object:
    """`value`, unless it is a project's number or a path."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return value
    if text.isdecimal():
        raise ValueError(f"{text} is a project's number: write its ID, which this command shows: gcloud projects describe {text} "
                         "--format='value(projectId)'")
    path = PROJECT_PATH.fullmatch(text)
    if path is not None:
        raise ValueError(f"{shown(text)} is a resource name: write project: {path['project']}")
    if not re.fullmatch(PROJECT, text):
        raise ValueError(f"{shown(text)} is not the ID of a project, which has 4 to 30 small letters, digits and hyphens: "
                         "gcloud projects list shows the IDs beside the display names")
    return text


def location_name(value: object) -> object:
    """`value`, unless it is a zone, a multi-region or a region of AWS."""
    if isinstance(value, str):
        zone = ZONE.fullmatch(value)
        if zone is not None:
            raise ValueError(f"{shown(value)} is a zone: write location: {zone['location']}")
        if AWS_REGION.fullmatch(value):
            raise ValueError(f"{shown(value)} has the form of a region of AWS: write a region of Google Cloud, such as us-east1")
        if value.lower() in ("us", "eu", "asia", "global"):
            raise ValueError(f"{shown(value)} is not a region: a Cloud Run service is in one region, such as europe-west1")
    return value


def service_name(value: object, info: ValidationInfo) -> object:
    """`value`, unless it is a URL or a full resource name."""
    if not isinstance(value, str):
        return value
    path = RESOURCE.fullmatch(value)
    if path is not None:
        if path["kind"] != "services":
            raise ValueError(f"{shown(value)} is the resource name of something else: {instead(path['kind'])}")
        told = {key: path[key] or "" for key in ("project", "location") if not (path[key] or "").isdecimal()}
        raise ValueError(f"{shown(value)} is a resource name: write {written(path['name'], told, info)}")
    url = NEW_URL.fullmatch(value) or OLD_URL.fullmatch(value)
    if url is not None:
        told = {key: text.lower() for key, text in url.groupdict().items() if key == "location"}
        raise ValueError(f"{shown(value)} is the URL of a service: write {written(url['service'].lower(), told, info)}")
    if FUNCTION_URL.fullmatch(value):
        raise ValueError(f"{shown(value)} is the URL of a Cloud Run function: {instead('functions')}")
    if "://" in value:
        raise ValueError(f"{shown(value)} is a URL: write the service's name, as gcloud run services list shows it")
    return value


def written(service: str, told: dict[str, str], info: ValidationInfo) -> str:
    """What to write: the service's name, and whatever the policy says otherwise than the resource does."""
    differ = [f"{key}: {text}" for key, text in told.items() if text and text != info.data.get(key)]
    return " and ".join([f"service: {service}", *differ])


def instead(kind: str) -> str:
    """What to do with a resource that is not a service."""
    if kind == "functions":
        return "write the name of the service underneath it, as gcloud run services list shows it"
    if kind == "revisions":
        return "minimum instances are set at the service: write the service's name"
    return f"{kind} have no minimum instances: write the name of a service, as gcloud run services list shows it"
