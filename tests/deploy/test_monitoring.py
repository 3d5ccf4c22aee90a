"""The dashboard and the alerts name nothing that a running daemon does not export, and promtool finds nothing wrong with them."""

import asyncio
import json
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from controller.decision.planning.reason_codes import ReasonCode
from controller.metrics.catalogue import FAMILIES
from tests.patience import PATIENCE_SECONDS
from tests.scrapes import UNTOLD, eventful

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "stoker.json"
needs_promtool = pytest.mark.skipif(which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")

SCRAPED = {"instance", "job"}
"""Labels that Prometheus adds to everything."""

NAME = re.compile(r"\bstoker[_:][\w:]+")
MATCHERS = re.compile(r"(stoker[_:][\w:]+)\{([^}]*)\}")
GROUPED = re.compile(r"\b(?:by|without|on|group_left|group_right)\s*\(([^)]*)\)")
LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def rules():
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def queries():
    return [target for panel in panels() for target in panel["targets"]]


def variables():
    return json.loads(DASHBOARD.read_text())["templating"]["list"]


EXPRESSIONS = [rule["expr"] for rule in rules()] + [target["expr"] for target in queries()]
RECORDED = {rule["record"] for rule in rules() if "record" in rule}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Names of samples with their labels, of a daemon to which everything has happened."""
    found = {name: set(FAMILIES[name].labels) for name in UNTOLD}
    text = asyncio.run(eventful(tmp_path_factory.mktemp("daemon")))
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def known_labels(exported, name):
    if name not in RECORDED:
        return exported[name] | SCRAPED
    source = next(rule["expr"] for rule in rules() if rule.get("record") == name)
    return set.union(*(known_labels(exported, each) for each in NAME.findall(source))) | SCRAPED


def test_every_queried_metric_is_exported(exported):
    asked = {name for expression in EXPRESSIONS for name in NAME.findall(expression)}
    asked |= {name for variable in variables() for name in NAME.findall(str(variable["query"]))}

    assert len(asked) > 30
    assert asked - exported.keys() - RECORDED == set()


def test_every_label_in_a_selector_belongs_to_its_metric(exported):
    wrong = [(name, label) for expression in EXPRESSIONS for name, inner in MATCHERS.findall(expression)
             for label in re.findall(r"(\w+)\s*[=!]~?", inner) if label not in known_labels(exported, name)]

    assert wrong == []


def test_every_label_in_a_group_or_legend_belongs_to_its_metric(exported):
    texts = [(rule["expr"], json.dumps(rule.get("annotations", {}))) for rule in rules()]
    texts += [(target["expr"], target["legendFormat"]) for target in queries()]
    wrong = []
    for expression, shown in texts:
        there = set.union(*(known_labels(exported, name) for name in NAME.findall(expression))) | {"le"}
        used = [label.strip() for inner in GROUPED.findall(expression) for label in inner.split(",") if label.strip()]
        wrong += [(expression, label) for label in used + LEGEND.findall(shown) if label not in there]

    assert wrong == []


def test_every_matched_reason_is_a_reason_code():
    asked = {reason for expression in EXPRESSIONS for found in re.findall(r'reason=~?"([^"]*)"', expression)
             for reason in found.split("|")}

    assert asked - {code.value for code in ReasonCode} == set()


def test_pools_in_shadow_mode_raise_no_alert():
    per_pool = [rule for rule in rules() if "alert" in rule and any(
        "pool" in FAMILIES[name].labels for name in NAME.findall(rule["expr"]) if name in FAMILIES)]

    assert len(per_pool) >= 6
    assert [rule["alert"] for rule in per_pool if 'mode="active"' not in rule["expr"]] == []


def test_the_dashboard_queries_one_selectable_data_source():
    assert {variable["name"] for variable in variables()} >= {"datasource", "pool"}
    assert {target["datasource"]["uid"] for target in queries()} == {"${datasource}"}
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_panels_do_not_overlap():
    cells = [(x, y) for panel in panels() for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]

    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)


def test_every_alert_has_a_test_of_its_rule():
    tried = {rule["alertname"] for test in yaml.safe_load(RULES.with_name("alerts_test.yaml").read_text())["tests"]
             for rule in test.get("alert_rule_test", []) if rule["exp_alerts"]}

    assert tried == {rule["alert"] for rule in rules() if "alert" in rule}


def promtool(*arguments, folder=RULES.parent):
    told = subprocess.run(["promtool", *arguments], cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    return told.returncode, told.stdout + told.stderr


@needs_promtool
def test_promtool_accepts_the_rules():
    code, text = promtool("check", "rules", "--lint=all", "--lint-fatal", RULES.name)

    assert code == 0, text


@needs_promtool
def test_alerts_fire_after_their_delay_and_not_before():
    code, text = promtool("test", "rules", "alerts_test.yaml")

    assert code == 0, text


@needs_promtool
def test_promtool_can_read_every_query_of_the_dashboard(tmp_path):
    filled = [target["expr"].replace("$__rate_interval", "5m") for target in queries()]
    body = {"groups": [{"name": "dashboard", "rules": [{"record": f"q:{at}", "expr": each} for at, each in enumerate(filled)]}]}
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump(body))
    code, text = promtool("check", "rules", "queries.yaml", folder=tmp_path)

    assert code == 0, text


def test_every_alert_is_explained_in_the_docs():
    page = (ROOT / "docs" / "metrics.md").read_text()
    told = set(re.findall(r"^\| `(Stoker\w+)` \|", page, re.MULTILINE))

    assert told == {rule["alert"] for rule in rules() if "alert" in rule}
    assert set(re.findall(r"`(stoker:[\w:]+)`", page)) == RECORDED


def test_no_sum_of_units_adds_the_pings_of_layers_to_their_bases():
    units = re.compile(r"sum by \(mode\) \(stoker_(actual|simulated)_(ready|requested)_units")
    sums = [target for target in queries() if units.match(target["expr"])]

    assert len(sums) > 6
    for target in sums:
        pings = 'pool=~".+:pings"' in target["expr"]
        assert pings != ('pool!~".+:pings"' in target["expr"]), target["expr"]
        assert pings == target["legendFormat"].endswith("kept by pings")
