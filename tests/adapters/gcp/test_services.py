"""What a service's message says of its instances."""

import pytest
from google.cloud import run_v2

from adapters.gcp.services import Service, unit_of

NAME = "projects/acme/locations/europe-west1/services/chat"


def template(**changes) -> run_v2.RevisionTemplate:
    plain = {"containers": [{"resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "cpu_idle": True}}]}
    return run_v2.RevisionTemplate(**(plain | changes))


def service(**changes) -> Service:
    plain = {"name": NAME, "template": template(), "traffic": [{"percent": 100}], "generation": 3, "observed_generation": 3}
    return Service.of(run_v2.Service(**(plain | changes)), NAME)


@pytest.mark.parametrize(("resources", "vcpus", "memory_mb"), [
    ({"limits": {"cpu": "1000m", "memory": "512Mi"}}, 1.0, 512),
    ({"limits": {"cpu": "4", "memory": "16Gi"}}, 4.0, 16384),
    ({"limits": {"cpu": "0.5", "memory": "512M"}}, 0.5, 488),
    ({"limits": {}}, 1.0, 512),
    ({"limits": {"cpu": "many", "memory": ""}}, 1.0, 512),
])
def test_limits_are_read_in_the_units_they_are_written_in(resources, vcpus, memory_mb):
    unit = unit_of(template(containers=[{"resources": resources}]))

    assert (unit.vcpus, unit.memory_mb) == (vcpus, memory_mb)


def test_sidecars_count():
    container = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "cpu_idle": True}}

    assert unit_of(template(containers=[container, container])).memory_mb == 2048


@pytest.mark.parametrize(("changes", "concurrency"), [
    ({}, 80), ({"max_instance_request_concurrency": 7}, 7),
    ({"containers": [{"resources": {"limits": {"cpu": "500m"}, "cpu_idle": True}}]}, 1),
])
def test_concurrency_that_is_not_said_is_what_cloud_run_takes(changes, concurrency):
    assert unit_of(template(**changes)).concurrency == concurrency


@pytest.mark.parametrize(("changes", "billing"), [
    ({}, "request"),
    ({"containers": [{}]}, "request"),
    ({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}, "instance"),
    ({"node_selector": {"accelerator": "nvidia-l4"}}, "instance nvidia-l4 zonal"),
    ({"node_selector": {"accelerator": "nvidia-l4"}, "gpu_zonal_redundancy_disabled": True}, "instance nvidia-l4"),
    ({"node_selector": {"accelerator": "nvidia-l4"}, "gpu_zonal_redundancy_disabled": False}, "instance nvidia-l4 zonal"),
])
def test_billing_is_read_and_not_assumed(changes, billing):
    assert unit_of(template(**changes)).billing == billing


@pytest.mark.parametrize(("changes", "most"), [
    ({}, 100),
    ({"template": template(scaling={"max_instance_count": 30})}, 30),
    ({"scaling": {"max_instance_count": 20}}, 20),
    ({"template": template(scaling={"max_instance_count": 30}), "traffic": [{"percent": 60}, {"percent": 40}]}, 50),
    ({"template": template(scaling={"max_instance_count": 30}), "scaling": {"max_instance_count": 40},
      "traffic": [{"percent": 60}, {"percent": 40}]}, 40),
    ({"traffic": [{"percent": 100}, {"tag": "beta"}]}, 100),
])
def test_the_largest_useful_minimum_follows_from_both_maxima_and_the_split_of_traffic(changes, most):
    assert service(**changes).most == most


@pytest.mark.parametrize(("requested", "least", "whole", "effective"), [
    (5, 0, 0, 5), (5, 8, 0, 8), (50, 0, 20, 20), (0, 3, 2, 2),
])
def test_the_effective_floor_is_the_greater_minimum_within_the_lesser_maximum(requested, least, whole, effective):
    seen = service(scaling={"min_instance_count": requested, "max_instance_count": whole},
                   template=template(scaling={"min_instance_count": least}))

    assert seen.effective == effective


def test_our_own_number_and_the_state_leave_the_rest_as_it_was():
    before = service()

    assert service(scaling={"min_instance_count": 9}, generation=4, etag="x", last_modifier="stoker").rest == before.rest


@pytest.mark.parametrize("changes", [
    {"scaling": {"max_instance_count": 9}}, {"labels": {"a": "b"}}, {"traffic": [{"percent": 50}, {"percent": 50}]},
    {"template": template(service_account="x")}, {"latest_created_revision": "chat-00002"},
])
def test_whatever_else_changes_changes_the_rest(changes):
    assert service(**changes).rest != service().rest


def test_labels_may_come_in_any_order():
    one, other = ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})

    assert service(labels=one).rest == service(labels=other).rest


def test_an_answer_about_something_else_is_no_answer():
    with pytest.raises(ValueError, match="services/other"):
        Service.of(run_v2.Service(name="projects/acme/locations/europe-west1/services/other"), NAME)
    with pytest.raises(ValueError, match="nothing"):
        Service.of(run_v2.Service(), NAME)


def test_a_generation_that_was_not_observed_yet_is_being_reconciled():
    assert service(generation=4).reconciling
    assert not service().reconciling
