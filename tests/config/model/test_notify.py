import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy

HEAD = """version: 1
pools:
  - {name: a, max: 3, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: f, alias: live}}
notify:
"""


def problems(sinks):
    with pytest.raises(PolicyError) as caught:
        parse_policy(HEAD + sinks, policy_kinds())
    return str(caught.value)


def test_a_sink_is_read():
    sink = "  - {name: hook, kind: webhook, url: 'https://h.example/x', secret_env: KEY, reasons: [fault]}\n"
    policy = parse_policy(HEAD + sink, policy_kinds())

    assert policy.notify[0].url == "https://h.example/x"
    assert policy.notify[0].wants("fault")
    assert not policy.notify[0].wants("started")


def test_without_sinks_no_notification_is_sent():
    assert parse_policy(HEAD.removesuffix("notify:\n"), policy_kinds()).notify == ()


@pytest.mark.parametrize(("sink", "message"), [
    ("  - {name: a, kind: webhook}\n", "policy.yaml:5:5 notify[0]: give exactly one of url and url_env"),
    ("  - {name: a, kind: webhook, url: 'https://x', url_env: X}\n", "give exactly one of url and url_env"),
    ("  - {name: a, kind: slack, url: 'https://hooks.slack.com/services/T0/B0/x'}\n", "is a secret: use url_env"),
    ("  - {name: a, kind: slack, url_env: X, secret_env: Y}\n", "Slack does not check signatures"),
    ("  - {name: a, kind: webhook, url: 'ftp://x'}\n", "notify[0].url: 'ftp://x' is not valid"),
    ("  - {name: a, kind: webhook, url: 'https://u:p@x'}\n", "looks like a secret"),
    ("  - {name: a, kind: webhook, url_env: 'https://x'}\n", "notify[0].url_env"),
    ("  - {name: a, kind: email, url: 'https://x'}\n", "'email' is not allowed: write webhook or cloudevents or slack"),
    ("  - {name: a, kind: webhook, url: 'https://x', reasons: [faults]}\n", "notify[0].reasons[0]: 'faults' is not allowed"),
    ("  - {name: a, kind: webhook, url: 'https://x', secret: hunter2}\n", "notify[0].secret: the name looks like a secret"),
    ("  - {name: a, kind: webhook, url_env: X}\n  - {name: a, kind: webhook, url_env: X}\n", "two sinks have the same name"),
    ("  5\n", "notify: 5 is not a list"),
])
def test_an_invalid_sink_is_reported_with_its_place(sink, message):
    assert message in problems(sink)


def test_a_secret_in_a_sink_is_not_repeated():
    assert "hunter2" not in problems("  - {name: a, kind: webhook, url: 'https://x', secret: hunter2}\n")
