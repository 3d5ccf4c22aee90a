"""The Cloud Run service, by the messages of Google's own client."""

import json
from string import Template

import pytest
from google.cloud import run_v2
from google.protobuf import json_format

from tests.deploy.folder import DEPLOY, is_a_command

TEXT = (DEPLOY / "cloud-run" / "service.json").read_text()


def service(text=TEXT):
    message = run_v2.Service.pb(run_v2.Service())
    json_format.Parse(Template(text).substitute(PROJECT="acme", IMAGE="europe-docker.pkg.dev/acme/stoker/stoker:1"), message)
    return message


def test_the_service_parses_as_a_message_of_google():
    assert service().template.containers[0].name == "stoker"
    with pytest.raises(json_format.ParseError):
        service(TEXT.replace('"ingress"', '"ingres"'))


def test_one_instance_runs_with_cpu_always_allocated():
    message = service()

    assert (message.template.scaling.min_instance_count, message.template.scaling.max_instance_count) == (1, 1)
    assert message.scaling.max_instance_count == 1
    assert not message.template.containers[0].resources.cpu_idle
    assert dict(message.template.containers[0].resources.limits) == {"cpu": "1", "memory": "1Gi"}


def test_policy_and_token_come_from_secret_manager_and_state_has_a_volume():
    container = service().template.containers[0]
    mounts = {mount.mount_path: mount.name for mount in container.volume_mounts}
    volumes = {volume.name: volume for volume in service().template.volumes}

    assert volumes[mounts["/etc/stoker"]].secret.items[0].path == "policy.yaml"
    assert volumes[mounts["/var/lib/stoker"]].HasField("empty_dir")
    assert [each.name for each in container.env if not each.HasField("value_source")] == []


def test_probes_and_command_exist_in_the_daemon():
    container = json.loads(TEXT)["template"]["containers"][0]

    assert is_a_command(container["args"])["port"] == container["ports"][0]["containerPort"]
    assert {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/healthz"}
