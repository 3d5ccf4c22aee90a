"""What a service's message says of its instances."""

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
    """A service whose traffic goes to revisions by name: percent, and the template of each."""
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
def test_the_largest_useful_minimum_follows_from_both_maxima(changes, most):
    assert service(**changes).largest_minimum == most


@pytest.mark.parametrize(("maxima", "whole", "most"), [((30, 30), 0, 50), ((30, 30), 40, 40), ((30, 4), 0, 10), ((0, 0), 0, 166)])
def test_where_traffic_is_split_every_revision_must_be_able_to_follow(maxima, whole, most):
    first, second = ({"scaling": {"max_instance_count": each}} for each in maxima)

    assert serving({"a": (60, first), "b": (40, second)}, scaling={"max_instance_count": whole}).largest_minimum == most


@pytest.mark.parametrize(("requested", "least", "whole", "effective"), [
    (5, 0, 0, 5), (5, 8, 0, 8), (50, 0, 20, 20), (0, 3, 2, 2),
])
def test_the_effective_floor_is_the_greater_minimum_within_the_lesser_maximum(requested, least, whole, effective):
    seen = service(scaling={"min_instance_count": requested, "max_instance_count": whole},
                   template=template(scaling={"min_instance_count": least}))

    assert seen.effective == effective


@pytest.mark.parametrize(("requested", "minima", "own", "kept"), [
    (0, (3, 0), 0, 3), (10, (3, 0), 10, 0), (10, (8, 0), 10, 2), (4, (0, 9), 4, 7), (0, (0, 0), 0, 0),
])
def test_what_revisions_keep_beyond_the_services_own_minimum_is_told_apart(requested, minima, own, kept):
    first, second = ({"scaling": {"min_instance_count": each}} for each in minima)
    seen = serving({"a": (60, first), "b": (40, second)}, scaling={"min_instance_count": requested})

    assert (seen.own, seen.others) == (own, kept)


def test_what_a_tagged_revision_without_traffic_keeps_is_not_there_for_traffic():
    seen = serving({"a": (100, {}), "b": (0, {"scaling": {"min_instance_count": 2}})}, scaling={"min_instance_count": 5})

    assert (seen.own, seen.others, seen.effective, seen.tagged) == (5, 0, 5, 2)


def test_a_template_without_traffic_says_nothing_of_what_serves():
    seen = service(traffic=[{"revision": "chat-00001", "percent": 100}], latest_created_revision="chat-00002",
                   latest_ready_revision="chat-00002", template=template(max_instance_request_concurrency=80))

    assert seen.missing == ("chat-00001",)


def test_a_template_that_is_being_carried_out_may_be_of_a_revision_to_come():
    assert service(latest_created_revision="chat-00001", latest_ready_revision="chat-00001").missing == ()
    assert service(latest_created_revision="chat-00001", latest_ready_revision="chat-00001", reconciling=True).missing == (
        "chat-00001",)


@pytest.mark.parametrize(("concurrency", "aim", "takes"), [
    (80, 0.6, 48), (10, 0.95, 9.5), (80, 1.0, 80), (1, 0.6, 1), (0, 0.6, 48),
])
def test_an_instance_is_used_up_to_the_target_and_takes_one_request_in_any_case(concurrency, aim, takes):
    seen = service(template=template(max_instance_request_concurrency=concurrency))
    assert seen.requests_per_instance(aim) == pytest.approx(takes)


def test_split_traffic_needs_at_each_revision_what_that_one_takes():
    seen = serving({"a": (50, {"max_instance_request_concurrency": 1}), "b": (50, {"max_instance_request_concurrency": 80})})

    assert 40 / seen.requests_per_instance(1.0) == pytest.approx(20 + 0.25)


def test_our_own_number_and_the_state_leave_the_rest_as_it_was():
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
"""Another value of each field that somebody else may set."""


@pytest.mark.parametrize("field", OTHER)
def test_whatever_else_changes_changes_the_rest(field):
    assert service(**{field: OTHER[field]}).other_settings != service().other_settings


def test_every_field_of_a_service_is_either_its_state_or_tells_a_change():
    fields = {field.name for field in run_v2.Service.pb(run_v2.Service()).DESCRIPTOR.fields}

    assert fields == {"name", *STATE, *OTHER}


def test_labels_may_come_in_any_order():
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})

    assert service(labels=one).other_settings == service(labels=other).other_settings


def test_an_answer_about_something_else_is_no_answer():
    with pytest.raises(ValueError, match="services/other"):
        Service.of(run_v2.Service(name="projects/acme/locations/europe-west1/services/other"), NAME)
    with pytest.raises(ValueError, match="nothing"):
        Service.of(run_v2.Service(), NAME)


def test_a_generation_that_was_not_observed_yet_is_being_reconciled():
    assert service(generation=4).reconciling
    assert not service().reconciling


def test_a_project_may_be_named_by_its_number_and_nothing_else_may_differ():
    number = NAME.replace("acme", "123456789")

    assert Service.of(run_v2.Service(name=number, template=template()), NAME).requested == 0
    for other in (NAME.replace("acme", "other"), number.replace("chat", "other"), number.replace("west1", "west4")):
        with pytest.raises(ValueError, match="the response is about"):
            Service.of(run_v2.Service(name=other), NAME)


def test_an_instant_out_of_range_is_not_known():
    message = run_v2.Service(name=NAME)
    run_v2.Service.pb(message).update_time.seconds = 2**60

    assert Service.of(message, NAME).changed_at is None
