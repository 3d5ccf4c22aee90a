"""Settings of the demand source in a policy."""

import pytest

from adapters.kinds import policy_kinds
from adapters.prometheus.settings import PrometheusSettings
from config.loading.loader import PolicyError, parse_policy

PEAK = "peak: 'max_over_time(x{app=\"{pool}\"}[1m])'"


def parsed(keys):
    text = ("version: 1\ndefaults:\n  max: 5\n  demand:\n    kind: prometheus\n    url: http://prometheus:9090/prefix\n"
            + "".join(f"    {key}\n" for key in keys)
            + "pools:\n  - name: agent\n    lever: {kind: http-ping, url: 'https://a.example/'}\n")
    return parse_policy(text, policy_kinds()).pools[0].demand


def problem(*keys):
    with pytest.raises(PolicyError) as raised:
        parsed(keys)
    (found,) = raised.value.problems
    return str(found)


def test_one_default_serves_all_pools_and_what_authenticates_is_not_part_of_the_resource():
    found = parsed([PEAK, "bearer_env: TOKEN"])

    assert found.resource == 'url=http://prometheus:9090/prefix peak=max_over_time(x{app="{pool}"}[1m])'
    assert "TOKEN" in found.connection
    assert "peak" not in found.connection


def test_another_query_is_another_resource():
    assert parsed([PEAK]).resource != parsed([PEAK, "requests: 'sum(increase(y[1m]))'"]).resource


@pytest.mark.parametrize(("keys", "words"), [
    ([], "demand.peak: the key peak is missing"),
    (["peak: sum(x)"], "demand.peak: it has no range, so Prometheus repeats the last value for 5 min"),
    (["peak: sum(x)"], "write it like max_over_time(…[1m]), or add a proof query"),
    (["peak: sum(x)", "proof: up"], "demand.proof: it has no range"),
    ([PEAK, "requests: 'rate({pool}_total[1m])'"], "demand.requests: {pool} stands outside quotes"),
    ([PEAK, "bearer_env: A", "bearer_file: b"], "bearer_file and bearer_env are given: give one"),
    ([PEAK, "bearer_env: A", "headers_from: {authorization: B}"], "bearer_env and headers_from authorization are given"),
    ([PEAK, "basic: {username: a}"], "demand.basic: give exactly one of password_env and password_file"),
    ([PEAK, "basic: {username: a, password: b}"], "secrets are not allowed in the file"),
    ([PEAK, "tls: {ca_file: a}"], "demand.url: tls needs a URL with https://"),
    ([PEAK, "google: true", "azure: {}"], "google and azure are given: give one"),
    ([PEAK, "azure: {client_secret: a}"], "secrets are not allowed in the file"),
    ([PEAK, "azure: {client_secret_env: A, federated_token_file: b}"], "client_secret_env and federated_token_file are given"),
    ([PEAK, "sigv4: {region: virginia}"], "demand.sigv4.region: 'virginia' is not valid"),
])
def test_settings_that_could_not_work_are_refused_with_a_remedy(keys, words):
    assert words in problem(*keys)


def test_a_key_without_a_certificate_is_refused():
    with pytest.raises(ValueError, match="key_file needs cert_file"):
        PrometheusSettings.model_validate({"kind": "prometheus", "url": "https://a.example", "peak": "max_over_time(x[1m])",
                                           "tls": {"key_file": "k"}})
