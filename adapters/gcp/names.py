"""Checks of a project ID, a location and a service name of Google Cloud, with the correction for common mistakes.

Each check returns the value unless it is a known mistake; it then raises `ValueError`. The pattern of the setting rejects other
values.
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
    """Return `value`. Raise `ValueError` when it is a project number, a path or not a project ID."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return value
    if text.isdecimal():
        raise ValueError(f"{text} is a project number: write its ID, which this command shows: gcloud projects describe {text} "
                         "--format='value(projectId)'")
    path = PROJECT_PATH.fullmatch(text)
    if path is not None:
        raise ValueError(f"{shown(text)} is a resource name: write project: {path['project']}")
    if not re.fullmatch(PROJECT, text):
        raise ValueError(f"{shown(text)} is not a project ID, which has 4 to 30 lower-case letters, digits and hyphens: "
                         "gcloud projects list shows IDs and display names")
    return text


def location_name(value: object) -> object:
    """Return `value`. Raise `ValueError` when it is a zone, a multi-region or an AWS region."""
    if isinstance(value, str):
        zone = ZONE.fullmatch(value)
        if zone is not None:
            raise ValueError(f"{shown(value)} is a zone: write location: {zone['location']}")
        if AWS_REGION.fullmatch(value):
            raise ValueError(f"{shown(value)} has the form of an AWS region: write a region of Google Cloud, such as us-east1")
        if value.lower() in ("us", "eu", "asia", "global"):
            raise ValueError(f"{shown(value)} is not a region: a Cloud Run service is in one region, such as europe-west1")
    return value


def service_name(value: object, info: ValidationInfo) -> object:
    """Return `value`. Raise `ValueError` when it is a URL or a full resource name."""
    if not isinstance(value, str):
        return value
    path = RESOURCE.fullmatch(value)
    if path is not None:
        if path["kind"] != "services":
            raise ValueError(f"{shown(value)} is not the resource name of a service: {instead(path['kind'])}")
        parts = {key: path[key] or "" for key in ("project", "location") if not (path[key] or "").isdecimal()}
        raise ValueError(f"{shown(value)} is a resource name: write {written(path['name'], parts, info)}")
    url = NEW_URL.fullmatch(value) or OLD_URL.fullmatch(value)
    if url is not None:
        parts = {key: text.lower() for key, text in url.groupdict().items() if key == "location"}
        raise ValueError(f"{shown(value)} is the URL of a service: write {written(url['service'].lower(), parts, info)}")
    if FUNCTION_URL.fullmatch(value):
        raise ValueError(f"{shown(value)} is the URL of a Cloud Run function: {instead('functions')}")
    if "://" in value:
        raise ValueError(f"{shown(value)} is a URL: write the service's name, as gcloud run services list shows it")
    return value


def written(service: str, parts: dict[str, str], info: ValidationInfo) -> str:
    """Return the settings to write: the service's name, and those of `parts` that differ from the policy."""
    differ = [f"{key}: {text}" for key, text in parts.items() if text and text != info.data.get(key)]
    return " and ".join([f"service: {service}", *differ])


def instead(kind: str) -> str:
    """Return what to write instead of a resource that is not a service. `kind`: such as `functions` or `revisions`."""
    if kind == "functions":
        return "write the name of the service that runs it, as gcloud run services list shows it"
    if kind == "revisions":
        return "minimum instances are set on the service: write the service's name"
    return f"{kind} have no minimum instances: write the name of a service, as gcloud run services list shows it"
