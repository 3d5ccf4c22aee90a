"""The demand of a pool in a policy."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy

LAMBDA = "{kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}"
PING = "{kind: http-ping, url: 'https://a.example/'}"


def parsed(lever, demand="", defaults=""):
    head = f"version: 1\n{f'defaults: {{demand: {defaults}}}' if defaults else 'x-none: 1'}\npools:\n"
    own = f"    demand: {demand}\n" if demand else ""
    return parse_policy(f"{head}  - name: agent\n    max: 5\n    lever: {lever}\n{own}", policy_kinds()).pools[0].demand


def problems(*given, **changes):
    with pytest.raises(PolicyError) as raised:
        parsed(*given, **changes)
    return [str(each) for each in raised.value.problems]


def test_absent_keys_are_those_of_the_lever():
    assert parsed(LAMBDA, "{kind: cloudwatch-lambda, function: other}").resource == "region=us-east-1 function=other alias=live"


def test_a_key_that_the_lever_lacks_is_required():
    (problem,) = problems(PING, "{kind: cloudwatch-lambda, region: us-east-1}")

    assert problem.startswith("policy.yaml:7:13 pools[0].demand: the keys function, alias are missing: ")


def test_any_lever_can_have_any_source():
    assert parsed(PING, "{kind: cloudwatch-lambda, region: us-east-1, function: agent, alias: live}").kind == "cloudwatch-lambda"
    assert parsed(LAMBDA, "{kind: http-metrics, url: 'http://a.example/metrics'}").kind == "http-metrics"


def test_a_pools_own_source_replaces_the_default_and_null_is_the_usual_source():
    page = "{kind: http-metrics, url: 'http://a.example/metrics'}"

    assert parsed(LAMBDA, defaults=page).kind == "http-metrics"
    assert parsed(LAMBDA, "{kind: none}", defaults=page).kind == "none"
    assert parsed(LAMBDA, "null", defaults=page) is None


def test_a_problem_of_the_default_is_reported_once_at_the_default():
    (problem,) = problems(LAMBDA, defaults="{kind: http-metrics}")

    assert problem.startswith("policy.yaml:2:20 defaults.demand.url: the key url is missing")


def test_an_unknown_kind_names_the_kinds():
    (problem,) = problems(LAMBDA, "{kind: cloudwach-lambda}")

    assert "unknown demand source kind 'cloudwach-lambda': did you mean cloudwatch-lambda?" in problem
