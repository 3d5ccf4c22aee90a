"""The chart: rendered by Helm where there is one, else by as much of its template language as the chart uses; checked by the
schemas of Kubernetes."""

import copy
import json
import shutil
import subprocess

import jsonschema
import pytest
import yaml

from tests.deploy.folder import CLOSES_WITHIN, DEPLOY, clean, is_a_command
from tests.deploy.gotemplate import Failed, rendered
from tests.patience import PATIENCE_SECONDS

CHART = DEPLOY / "helm" / "stoker"
POLICY = 'version: 1\npools:\n  - name: agent  # "quoted", {braced} and $igned\n'
FULL = {"policy": POLICY, "tokenSecret": "stoker-token", "environmentSecrets": ["ping"], "allowedPods": {"app": "prometheus"},
        "image": {"digest": "sha256:" + "0" * 64}, "state": {"storageClass": "gp3"}, "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/stoker"}}}
CHOSEN = pytest.mark.parametrize("changes", [{"policy": POLICY}, {"policy": POLICY, "image": {"tag": "2"}}, FULL],
                                 ids=["plain", "tagged", "full"])


def values(changes):
    return merged(yaml.safe_load((CHART / "values.yaml").read_text()), copy.deepcopy(changes))


def merged(whole, changes):
    """Mappings are merged at every depth, as Helm does; anything else is replaced."""
    both = {name: merged(whole[name], value) for name, value in changes.items()
            if isinstance(value, dict) and isinstance(whole.get(name), dict)}
    return whole | changes | both


def by_us(changes):
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    known = {"Values": values(changes), "Chart": {"Name": chart["name"], "AppVersion": chart["appVersion"]},
             "Release": {"Name": "stoker", "Namespace": "default"}}
    texts = [rendered(path.read_text(), known) for path in sorted((CHART / "templates").glob("*.yaml"))]
    return {each["kind"]: each for each in map(yaml.safe_load, texts) if each}


def manifests(changes, tmp_path):
    ours = by_us(changes)
    if shutil.which("helm") is not None:
        (tmp_path / "values.yaml").write_text(yaml.safe_dump(changes))
        out = clean("helm", "template", "stoker", CHART, "--values", tmp_path / "values.yaml")
        theirs = {each["kind"]: each for each in yaml.safe_load_all(out) if each}
        assert ours == theirs
    return ours


@CHOSEN
def test_every_manifest_is_valid_by_the_schemas_of_kubernetes(changes, tmp_path):
    kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="the schemas of Kubernetes are not installed")
    found = manifests(changes, tmp_path)

    for manifest in found.values():
        kubernetes_validate.validate(manifest, "1.31", strict=True)
    broken = copy.deepcopy(found["StatefulSet"])
    broken["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, "1.31", strict=True)


@CHOSEN
def test_the_schema_of_values_accepts_known_and_refuses_unknown_values(changes):
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values(changes), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values(changes), "tokensecret": "x"}, schema)


def test_without_a_policy_nothing_is_rendered():
    with pytest.raises(Failed, match="--set-file policy"):
        by_us({})


@CHOSEN
def test_the_pod_is_confined_and_has_time_to_shut_down(changes, tmp_path):
    pod = manifests(changes, tmp_path)["StatefulSet"]["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "privileged": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert container["resources"].keys() == {"requests", "limits"}
    assert pod["terminationGracePeriodSeconds"] > CLOSES_WITHIN.total_seconds()
    assert not pod["automountServiceAccountToken"]
    assert {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


@CHOSEN
def test_one_replica_has_a_persistent_volume_and_the_given_policy(changes, tmp_path):
    found = manifests(changes, tmp_path)
    stateful = found["StatefulSet"]["spec"]
    [container] = stateful["template"]["spec"]["containers"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}

    assert stateful["replicas"] == 1
    assert stateful["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert stateful["volumeClaimTemplates"][0]["metadata"]["name"] == mounts["/var/lib/stoker"]["name"]
    assert mounts["/etc/stoker"]["readOnly"]
    assert found["ConfigMap"]["data"] == {"policy.yaml": POLICY}
    assert str(is_a_command(container["args"])["policy_path"]) == "/etc/stoker/policy.yaml"
    assert is_a_command(container["args"])["port"] == container["ports"][0]["containerPort"]


def test_the_token_and_the_network_policy_follow_the_values(tmp_path):
    plain, full = by_us({"policy": POLICY}), by_us(FULL)
    [container] = full["StatefulSet"]["spec"]["template"]["spec"]["containers"]

    assert container["env"] == [{"name": "STOKER_TOKEN", "valueFrom": {"secretKeyRef": {"name": "stoker-token", "key": "token"}}}]
    assert container["image"] == "stoker@sha256:" + "0" * 64
    assert "env" not in plain["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]
    assert ("NetworkPolicy" in full, "NetworkPolicy" in plain) == (True, False)
    assert by_us({"policy": POLICY + "#"})["StatefulSet"] == plain["StatefulSet"], "a changed policy is reloaded, not restarted"


def test_helm_lints_the_chart():
    if shutil.which("helm") is None:
        pytest.skip("helm is not installed: the chart was rendered by our own reading of its templates")
    subprocess.run(["helm", "lint", CHART, "--strict", "--set", "policy=x"], check=True, timeout=PATIENCE_SECONDS)
