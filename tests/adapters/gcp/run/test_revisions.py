"""Instances of a revision, and the revisions that serve."""

import pytest
from google.cloud import run_v2

from adapters.gcp.run.revisions import Target, Unit, blended, targets_of, unit_of


def template(**changes) -> run_v2.RevisionTemplate:
    plain = {"containers": [{"resources": {"limits": {"cpu": "2", "memory": "1Gi"}, "cpu_idle": True}}]}
    return run_v2.RevisionTemplate(**(plain | changes))


@pytest.mark.parametrize(("resources", "vcpus", "memory_mb"), [
    ({"limits": {"cpu": "1000m", "memory": "512Mi"}}, 1.0, 512),
    ({"limits": {"cpu": "4", "memory": "16Gi"}}, 4.0, 16384),
    ({"limits": {"cpu": "0.5", "memory": "512M"}}, 0.5, 488),
    ({"limits": {}}, 1.0, 512),
    ({"limits": {"cpu": "many", "memory": ""}}, 1.0, 512),
])
def test_limits_are_read_in_all_units(resources, vcpus, memory_mb):
    unit = unit_of(template(containers=[{"resources": resources}]))

    assert (unit.vcpus, unit.memory_mb) == (vcpus, memory_mb)


def test_sidecars_count():
    container = {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "cpu_idle": True}}

    assert unit_of(template(containers=[container, container])).memory_mb == 2048


@pytest.mark.parametrize(("changes", "concurrency"), [
    ({}, 80), ({"max_instance_request_concurrency": 7}, 7),
    ({"containers": [{"resources": {"limits": {"cpu": "500m"}, "cpu_idle": True}}]}, 1),
])
def test_unset_concurrency_is_cloud_runs_default(changes, concurrency):
    assert unit_of(template(**changes)).concurrency == concurrency


@pytest.mark.parametrize(("changes", "billing"), [
    ({}, "request"),
    ({"containers": [{}]}, "request"),
    ({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}, "instance"),
    ({"node_selector": {"accelerator": "nvidia-l4"}}, "instance nvidia-l4 zonal"),
    ({"node_selector": {"accelerator": "nvidia-l4"}, "gpu_zonal_redundancy_disabled": True}, "instance nvidia-l4"),
    ({"node_selector": {"accelerator": "nvidia-l4"}, "gpu_zonal_redundancy_disabled": False}, "instance nvidia-l4 zonal"),
])
def test_billing_is_read_from_the_template(changes, billing):
    assert unit_of(template(**changes)).billing == billing


def test_units_of_several_revisions_are_averaged_by_traffic():
    small, large = Unit(1, 1.0, 512, "request", ""), Unit(80, 4.0, 2048, "instance", "")

    assert blended([(100.0, large)]) == large
    mixed = blended([(25.0, small), (75.0, large)])
    assert mixed.concurrency == pytest.approx(1 / (0.25 / 1 + 0.75 / 80))
    assert (mixed.vcpus, mixed.memory_mb, mixed.billing) == (3.25, 1664, "instance")


def service(**fields) -> run_v2.Service:
    path = "projects/acme/locations/europe-west1/services/chat/revisions"
    return run_v2.Service(latest_ready_revision=f"{path}/chat-00003", latest_created_revision=f"{path}/chat-00004", **fields)


@pytest.mark.parametrize(("fields", "targets"), [
    ({"traffic": [{"percent": 100}]}, [("chat-00003", 100)]),
    ({"traffic_statuses": [{"percent": 100}]}, [("chat-00003", 100)]),
    ({"traffic": [{"percent": 100}], "traffic_statuses": [{"revision": "chat-00002", "percent": 100}]}, [("chat-00002", 100)]),
    ({"traffic_statuses": [{"revision": "projects/1/locations/x/services/chat/revisions/chat-00002", "percent": 100}]},
     [("chat-00002", 100)]),
    ({"traffic_statuses": [{"percent": 30}, {"revision": "chat-00001", "percent": 70}]},
     [("chat-00003", 30), ("chat-00001", 70)]),
    ({"traffic_statuses": [{"percent": 100}, {"revision": "chat-00003", "tag": "beta"}]}, [("chat-00003", 100)]),
    ({"traffic_statuses": [{"percent": 100}, {"revision": "chat-00001", "tag": "old"}]},
     [("chat-00003", 100), ("chat-00001", 0)]),
    ({}, [("chat-00003", 100)]),
    ({"traffic_statuses": [{"revision": "chat-00001", "tag": "old"}]}, [("chat-00003", 100), ("chat-00001", 0)]),
])
def test_targets_are_the_revisions_with_traffic_or_a_tag(fields, targets):
    assert targets_of(service(**fields)) == tuple(Target(*each) for each in targets)
