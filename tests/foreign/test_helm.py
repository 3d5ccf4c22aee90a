"""The chart as Helm itself renders, checks and lints it, against the schemas of Kubernetes."""

import json

import kubernetes_validate
import pytest
import yaml

from tests.deploy.test_helm import CHART, FULL, POLICY, by_us
from tests.foreign.servers import foreign_python, need

ODD = "# {{ .Values.policy }} \u00e9 \u2028 'quoted' \"twice\" $HOME\r\nversion: 1\npools:\n  - name: agent\n    max: 5\n\n"
VALUES = {
    "plain": {"policy": POLICY},
    "tagged": {"policy": POLICY, "image": {"repository": "registry.example.com:5000/team/stoker", "tag": "2"}},
    "full": FULL,
    "placed": {"policy": POLICY, "service": {"port": 9090}, "state": {"size": "5Gi"},
               "nodeSelector": {"kubernetes.io/arch": "arm64"},
               "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "stoker", "effect": "NoSchedule"}],
               "resources": {"requests": {"cpu": "1"}, "limits": {"cpu": 2, "memory": "2Gi"}}},
    "odd": {"policy": ODD},
}
SETS = pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
RENDER = """
import json, sys
from helm_python import Chart, errors
given = json.load(sys.stdin)
chart = Chart.load(given["chart"])
try:
    chart.validate_schema(given["values"])
    print(json.dumps({"rendered": chart.render(given["values"], name="stoker", namespace="default")}))
except errors.HelmError as error:
    print(json.dumps({"refused": f"{type(error).__name__}: {error}"}))
"""
LINT = """
import json, sys
from helm_python import lint
given = json.load(sys.stdin)
print(json.dumps(lint(given["chart"], given["values"], strict=True, kube_version=sys.argv[1])))
"""


def by_helm(code, values, *arguments):
    need("helm-python-sdk")
    return json.loads(foreign_python(code, *arguments, stdin=json.dumps({"chart": str(CHART), "values": values})))


def rendered(values):
    """Manifests by kind; notes are no manifest."""
    told = by_helm(RENDER, values)
    assert "rendered" in told, told
    texts = [text for path, text in told["rendered"].items() if path.endswith(".yaml")]
    return {each["kind"]: each for each in map(yaml.safe_load, texts) if each}


@SETS
def test_helm_renders_manifests_that_kubernetes_accepts(values):
    found = rendered(values)

    assert {"StatefulSet", "Service", "ConfigMap", "ServiceAccount"} <= found.keys()
    for manifest in found.values():
        for release in ("1.28", "1.31", "1.33"):
            kubernetes_validate.validate(manifest, release, strict=True)
    assert found["ConfigMap"]["data"]["policy.yaml"] == values["policy"]


@SETS
def test_helm_renders_what_the_tests_without_it_render(values):
    assert rendered(values) == by_us(values)


@SETS
@pytest.mark.parametrize("kubernetes", ["v1.28.0", "v1.33.0"])
def test_helm_lints_the_chart_without_a_warning(values, kubernetes):
    report = by_helm(LINT, values, kubernetes)

    assert (report["errors"], [each for each in report["messages"] if each["severity"] > 1]) == ([], [])


@pytest.mark.parametrize(("values", "says"), [
    ({}, "--set-file policy"), ({"policy": POLICY, "tokensecret": "x"}, "tokensecret"),
    ({"policy": POLICY, "service": {"port": "80"}}, "port"), ({"policy": POLICY, "image": {"digest": "latest"}}, "digest"),
])
def test_helm_refuses_values_that_cannot_work(values, says):
    assert says in by_helm(RENDER, values)["refused"]
