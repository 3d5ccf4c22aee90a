"""Other notations of a project, location or service are rejected with the correct one."""

import pytest
from pydantic import ValidationError

from adapters.gcp.settings import CloudRunMinInstancesSettings

RIGHT = {"kind": "cloud-run-min-instances", "project": "acme", "location": "europe-west1", "service": "chat"}


def refused(**changes: object) -> list[tuple[str, str]]:
    """Return the rejected settings, each with the reason."""
    with pytest.raises(ValidationError) as caught:
        CloudRunMinInstancesSettings.model_validate(RIGHT | changes)
    return [(str(error["loc"][0]), str(error.get("ctx", {}).get("error", error["type"]))) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("projects/acme/locations/europe-west1/services/chat", "is a resource name: write service: chat"),
        ("//run.googleapis.com/projects/other/locations/europe-west4/services/chat",
         "write service: chat and project: other and location: europe-west4"),
        ("namespaces/123456789012/services/chat", "is a resource name: write service: chat"),
        ("https://chat-api-abcdefghij-ew.a.run.app", "is the URL of a service: write service: chat-api"),
        ("https://chat-123456789012.europe-west4.run.app/v1", "write service: chat and location: europe-west4"),
        ("chat-123456789012.europe-west1.run.app", "is the URL of a service: write service: chat"),
        ("https://europe-west1-acme.cloudfunctions.net/chat", "write the name of the service that runs it"),
        ("projects/acme/locations/europe-west1/functions/chat", "write the name of the service that runs it"),
        ("projects/acme/locations/europe-west1/services/chat/revisions/chat-00001-abc", "write service: chat"),
        ("projects/acme/locations/europe-west1/jobs/nightly", "jobs have no minimum instances"),
        ("https://chat.example.com", "is a URL: write the service's name"),
    ],
)
def test_other_addresses_of_a_service_are_rejected_with_its_name(service, says):
    ((setting, why),) = refused(service=service)

    assert setting == "service"
    assert says in why
    assert "^" not in why, "no regular expression is shown"


@pytest.mark.parametrize(
    ("project", "says"),
    [
        ("projects/acme", "is a resource name: write project: acme"),
        (123456789012, "123456789012 is a project number: write its ID"),
        ("123456789012", "gcloud projects describe 123456789012 --format='value(projectId)'"),
        ("Acme Inc.", "gcloud projects list shows IDs and display names"),
    ],
)
def test_an_invalid_project_id_is_rejected_with_the_command_that_shows_it(project, says):
    assert says in dict(refused(project=project))["project"]


@pytest.mark.parametrize(
    ("location", "says"),
    [("europe-west1-b", "is a zone: write location: europe-west1"), ("us-east-1", "has the form of an AWS region"),
     ("EU", "is not a region"), ("global", "is not a region")],
)
def test_an_invalid_region_is_rejected_with_its_kind(location, says):
    assert says in dict(refused(location=location))["location"]


@pytest.mark.parametrize("value", [None, 1.5, True, ["chat"]])
@pytest.mark.parametrize("setting", ["project", "location", "service"])
def test_other_values_are_checked_by_the_pattern(setting, value):
    (found,) = refused(**{setting: value})

    assert found[0] == setting


def test_valid_names_are_unchanged():
    settings = CloudRunMinInstancesSettings.model_validate(RIGHT | {"project": "example.com:acme", "service": "chat-00012-abc"})

    assert (settings.project, settings.service) == ("example.com:acme", "chat-00012-abc")
