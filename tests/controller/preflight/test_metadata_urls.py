"""Which URLs of a policy lead to a metadata service."""

from adapters.kinds import policy_kinds
from config.loading.loader import parse_policy
from controller.preflight.metadata_urls import metadata_urls

POLICY = """version: 1
pools:
  - name: agent
    lever: {kind: http-ping, url: "https://agent.example.com/ping"}
    demand: {kind: http-metrics, url: "http://2852039166/metrics"}
    max: 5
  - name: other
    lever: {kind: http-ping, url: "http://metadata.google.internal/"}
    max: 5
  - name: third
    lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: third, alias: live}
    max: 5
    leads: [{pool: agent}, {kind: http-metrics, url: "http://169.254.169.254/metrics"}]
notify:
  - {name: plain, kind: webhook, url: "http://[::ffff:169.254.169.254]/"}
  - {name: good, kind: webhook, url: "https://hooks.example.com/"}
  - {name: hidden, kind: slack, url_env: SLACK_URL}
"""


def test_each_url_that_leads_there_is_named_with_its_path():
    policy = parse_policy(POLICY, policy_kinds())

    assert list(metadata_urls(policy, {})) == [
        (("pools", 0, "demand", "url"), "url of pool agent"), (("pools", 1, "lever", "url"), "url of pool other"),
        (("pools", 2, "leads", 1, "url"), "url of pool third"), (("notify", 0, "url"), "url of notify sink plain")]


def test_a_url_of_the_upper_layer_is_named_with_its_path():
    base = "{kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}"
    pool = f"{{name: agent, max: 5, levers: [{base}, {{kind: http-ping, url: 'http://169.254.169.254/'}}]}}"
    policy = parse_policy(f"version: 1\npools:\n  - {pool}\n", policy_kinds())

    assert list(metadata_urls(policy, {})) == [(("pools", 0, "top", "url"), "url of pool agent")]


def test_a_url_of_the_environment_is_named_by_its_variable():
    policy = parse_policy(POLICY, policy_kinds())
    last = list(metadata_urls(policy, {"SLACK_URL": "http://169.254.169.254/secret"}))[-1]

    assert last == (("notify", 2, "url_env"), "SLACK_URL of notify sink hidden")
    assert len(list(metadata_urls(policy, {"SLACK_URL": "https://hooks.slack.com/secret"}))) == 4
