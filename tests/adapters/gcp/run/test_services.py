"""Instances of a service, from its message."""

from dataclasses import replace

import pytest
from google.cloud import run_v2

from adapters.gcp.run.revisions import Revision
from adapters.gcp.run.services import STATE, Service

NAME = "projects/acme/locations/europe-west1/services/chat"


def template(**changes) -> run_v2.RevisionTemplate:
    plain = {"containers": [{"resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "cpu_idle": True}}]}
    return run_v2.RevisionTemplate(**(plain | changes))


def service(**changes) -> Service:
    plain = {"name": NAME, "template": template(), "traffic": [{"percent": 100}], "generation": 3, "observed_generation": 3}
    return Service.of(run_v2.Service(**(plain | changes)), NAME)


def serving(shares: dict[str, tuple[int, dict]], **changes) -> Service:
    """Return a service with traffic to revisions: name -> percent and template."""
    names = list(shares)
    traffic = [{"revision": name, "percent": percent, "tag": "" if percent else "old"} for name, (percent, _) in shares.items()]
    seen = service(traffic=traffic, latest_ready_revision=names[-1], latest_created_revision=names[-1], **changes)
    return replace(seen, revisions={name: Revision.of(template(**made)) for name, (_, made) in shares.items()})


@pytest.mark.parametrize(("changes", "most"), [
    ({}, 100),
    ({"template": template(scaling={"max_instance_count": 30})}, 30),
    ({"scaling": {"max_instance_count": 20}}, 20),
    ({"traffic": [{"percent": 100}, {"tag": "beta"}]}, 100),
])
def test_the_largest_minimum_is_limited_by_both_maxima(changes, most):
    assert service(**changes).largest_minimum == most


@pytest.mark.parametrize(("maxima", "whole", "most"), [((30, 30), 0, 50), ((30, 30), 40, 40), ((30, 4), 0, 10), ((0, 0), 0, 166)])
def test_with_split_traffic_every_revision_limits_the_minimum(maxima, whole, most):
    first, second = ({"scaling": {"max_instance_count": each}} for each in maxima)

    assert serving({"a": (60, first), "b": (40, second)}, scaling={"max_instance_count": whole}).largest_minimum == most


@pytest.mark.parametrize(("requested", "least", "whole", "effective"), [
    (5, 0, 0, 5), (5, 8, 0, 8), (50, 0, 20, 20), (0, 3, 2, 2),
])
def test_the_effective_minimum_is_the_greater_minimum_within_the_lower_maximum(requested, least, whole, effective):
    seen = service(scaling={"min_instance_count": requested, "max_instance_count": whole},
                   template=template(scaling={"min_instance_count": least}))

    assert seen.effective == effective


@pytest.mark.parametrize(("requested", "minima", "own", "kept"), [
    (0, (3, 0), 0, 3), (10, (3, 0), 10, 0), (10, (8, 0), 10, 2), (4, (0, 9), 4, 7), (0, (0, 0), 0, 0),
])
def test_instances_of_revision_minima_are_counted_separately(requested, minima, own, kept):
    first, second = ({"scaling": {"min_instance_count": each}} for each in minima)
    seen = serving({"a": (60, first), "b": (40, second)}, scaling={"min_instance_count": requested})

    assert (seen.own, seen.others) == (own, kept)


def test_instances_of_a_tagged_revision_do_not_count_for_traffic():
    seen = serving({"a": (100, {}), "b": (0, {"scaling": {"min_instance_count": 2}})}, scaling={"min_instance_count": 5})

    assert (seen.own, seen.others, seen.effective, seen.tagged) == (5, 0, 5, 2)


def test_a_template_without_traffic_does_not_describe_serving_revisions():
    seen = service(traffic=[{"revision": "chat-00001", "percent": 100}], latest_created_revision="chat-00002",
                   latest_ready_revision="chat-00002", template=template(max_instance_request_concurrency=80))

    assert seen.missing == ("chat-00001",)


def test_a_template_during_a_change_may_be_of_a_future_revision():
    assert service(latest_created_revision="chat-00001", latest_ready_revision="chat-00001").missing == ()
    assert service(latest_created_revision="chat-00001", latest_ready_revision="chat-00001", reconciling=True).missing == (
        "chat-00001",)


@pytest.mark.parametrize(("concurrency", "aim", "takes"), [
    (80, 0.6, 48), (10, 0.95, 9.5), (80, 1.0, 80), (1, 0.6, 1), (0, 0.6, 48),
])
def test_an_instance_takes_requests_up_to_the_target_and_at_least_one(concurrency, aim, takes):
    seen = service(template=template(max_instance_request_concurrency=concurrency))
    assert seen.requests_per_instance(aim) == pytest.approx(takes)


def test_requests_per_instance_are_averaged_by_traffic():
    seen = serving({"a": (50, {"max_instance_request_concurrency": 1}), "b": (50, {"max_instance_request_concurrency": 80})})

    assert 40 / seen.requests_per_instance(1.0) == pytest.approx(20 + 0.25)


def test_the_minimum_and_the_state_do_not_change_the_other_settings():
    before = service()

    after = service(scaling={"min_instance_count": 9}, generation=4, etag="x", last_modifier="stoker")
    assert after.other_settings == before.other_settings


OTHER = {
    "description": "x", "labels": {"a": "b"}, "annotations": {"a": "b"}, "client": "terraform", "client_version": "2",
    "ingress": 2, "launch_stage": 4, "binary_authorization": {"use_default": True}, "template": template(service_account="x"),
    "traffic": [{"percent": 50}, {"percent": 50}], "scaling": {"max_instance_count": 9}, "invoker_iam_disabled": True,
    "default_uri_disabled": True, "iap_enabled": True, "multi_region_settings": {"regions": ["europe-west1", "us-central1"]},
    "custom_audiences": ["x"], "latest_created_revision": "chat-00002", "build_config": {"source_location": "gs://x"},
}
"""Another value of each field that other clients may set."""


@pytest.mark.parametrize("field", OTHER)
def test_any_other_field_changes_the_other_settings(field):
    assert service(**{field: OTHER[field]}).other_settings != service().other_settings


def test_every_field_of_a_service_is_state_or_a_setting():
    fields = {field.name for field in run_v2.Service.pb(run_v2.Service()).DESCRIPTOR.fields}

    assert fields == {"name", *STATE, *OTHER}


def test_labels_can_have_any_order():
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})

    assert service(labels=one).other_settings == service(labels=other).other_settings


def test_a_response_about_another_service_is_rejected():
    with pytest.raises(ValueError, match="services/other"):
        Service.of(run_v2.Service(name="projects/acme/locations/europe-west1/services/other"), NAME)
    with pytest.raises(ValueError, match="nothing"):
        Service.of(run_v2.Service(), NAME)


def test_an_unobserved_generation_is_being_reconciled():
    assert service(generation=4).reconciling
    assert not service().reconciling


def test_only_the_project_number_may_differ_in_a_name():
    number = NAME.replace("acme", "123456789")

    assert Service.of(run_v2.Service(name=number, template=template()), NAME).requested == 0
    for other in (NAME.replace("acme", "other"), number.replace("chat", "other"), number.replace("west1", "west4")):
        with pytest.raises(ValueError, match="the response is about"):
            Service.of(run_v2.Service(name=other), NAME)


def test_an_instant_out_of_range_is_unknown():
    message = run_v2.Service(name=NAME)
    run_v2.Service.pb(message).update_time.seconds = 2**60

    assert Service.of(message, NAME).changed_at is None
