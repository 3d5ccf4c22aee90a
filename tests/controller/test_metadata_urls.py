"""Which URLs of a policy lead to a metadata service."""

from adapters.registry import lever_kinds
from config.loader import parse_policy
from controller.metadata_urls import metadata_warnings

POLICY = """version: 1
pools:
  - name: agent
    lever: {kind: http-ping, url: "https://agent.example.com/ping", demand_url: "http://2852039166/metrics"}
    max: 5
  - name: other
    lever: {kind: http-ping, url: "http://metadata.google.internal/"}
    max: 5
  - name: third
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: third, alias: live}
    max: 5
notify:
  - {name: plain, kind: webhook, url: "http://[::ffff:169.254.169.254]/"}
  - {name: good, kind: webhook, url: "https://hooks.example.com/"}
  - {name: hidden, kind: slack, url_env: SLACK_URL}
"""


def test_each_url_that_leads_there_is_named_by_its_place():
    policy = parse_policy(POLICY, lever_kinds())
    places = [warning.partition(" leads to ")[0] for warning in metadata_warnings(policy, {})]

    assert places == ["demand_url of pool agent", "url of pool other", "url of notify sink plain"]


def test_a_url_of_the_environment_is_named_by_its_variable_and_never_shown():
    policy = parse_policy(POLICY, lever_kinds())
    last = metadata_warnings(policy, {"SLACK_URL": "http://169.254.169.254/secret"})[-1]

    assert last.startswith("SLACK_URL of notify sink hidden leads to")
    assert "secret" not in last
    assert len(metadata_warnings(policy, {"SLACK_URL": "https://hooks.slack.com/secret"})) == 3
