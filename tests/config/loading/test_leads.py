"""`leads` of a pool: what can be a leading signal, and the place and the remedy of each mistake."""

import json

import jsonschema
import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.loading.schema import policy_schema
from config.model.layers import in_file_keys
from config.yaml_text.document import read_document

LAMBDA = "{kind: lambda-provisioned-concurrency, region: us-east-1, function: %s, alias: live}"
QUEUE = "{kind: cloudwatch, peak: {namespace: AWS/SQS, metric: Depth, dimensions: {QueueName: q}, statistic: Maximum}}"
FILE = "{kind: history-file, path: /var/depth.csv}"
QUERY = "{kind: prometheus, url: 'http://prometheus:9090', peak: 'max(max_over_time(depth{app=\"{pool}\"}[1m]))'}"


def text(*leads: str, more: str = "") -> str:
    """Return a policy of the pools planner and tool, which has `leads`."""
    pools = "".join(f"  - name: {name}\n    max: 5\n    lever: {LAMBDA % name}\n" for name in ("planner", "tool"))
    listed = "".join(f"      - {lead}\n" for lead in leads)
    return "version: 1\npools:\n" + pools + ("    leads:\n" + listed if leads else "") + more


def leads_of(*leads: str):
    return parse_policy(text(*leads), policy_kinds()).pools[1].leads


def problems(whole: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(whole, policy_kinds())
    return [str(problem).removeprefix("policy.yaml:") for problem in caught.value.problems]


def test_a_lead_is_another_pool_or_a_demand_source():
    pool, queue, file = leads_of("{pool: planner}", QUEUE, FILE)

    assert (pool.pool, pool.source, pool.name, pool.series) == ("planner", None, "pool planner", "planner")
    assert (queue.pool, queue.source.kind, queue.name) == (None, "cloudwatch", "cloudwatch AWS/SQS:Depth:Maximum(QueueName=q)")
    assert file.name == "history-file path=/var/depth.csv"


def test_the_name_of_a_stored_signal_is_no_pools_name_and_depends_on_what_is_read():
    queue, file = leads_of(QUEUE, FILE)

    assert queue.series.startswith("lead:cloudwatch:")
    assert leads_of(FILE, QUEUE)[1].series == queue.series != file.series


def test_absent_keys_of_a_source_are_taken_from_the_lever_and_the_pool():
    queue, query = leads_of(QUEUE, QUERY)

    assert queue.source.region == "us-east-1"
    assert query.source.peak == 'max(max_over_time(depth{app="tool"}[1m]))'


def test_a_pool_without_leads_has_none():
    assert parse_policy(text(), policy_kinds()).pools[1].leads == ()


def test_leads_are_written_as_in_the_file():
    assert in_file_keys(parse_policy(text("{pool: planner}", FILE), policy_kinds()).pools[1])["leads"] == [
        {"pool": "planner"}, {"kind": "history-file", "path": "/var/depth.csv"}]


def test_a_pool_with_two_layers_cannot_have_leads():
    top = LAMBDA.replace("provisioned-concurrency", "ping").replace("}", ", handler: stoker, opted_in: true}") % "tool"
    whole = text("{pool: planner}").replace(f"lever: {LAMBDA % 'tool'}", f"levers: [{LAMBDA % 'tool'}, {top}]")

    assert problems(whole) == ["10:7 pools[1].leads: a pool with two layers cannot have leads: remove leads, or use one lever"]


@pytest.mark.parametrize(("lead", "at", "problem"), [
    ("{pool: planer}", "10:16 .pool", "no pool is named 'planer': did you mean planner? name another pool of this file"),
    ("{pool: tool}", "10:16 .pool", "a pool cannot lead itself: remove it, or name another pool"),
    ("{pool: 5}", "10:16 .pool", "5 is not the name of a pool"),
    ("{pool: planner, delay: 2m}", "10:25 .delay", "unknown key 'delay': allowed: pool"),
    ("{pool: planner, kind: push}", "10:25 .kind", "remove it, or the key pool: a lead is another pool or a demand source"),
    ("planner", "10:9 ", ("'planner' is not a lead: write {pool: NAME} for another pool, or a demand source with kind and its "
                          "keys")),
    ("{kind: none}", "10:16 .kind", "none has no values: remove it"),
    ("{kind: push}", "10:16 .kind", "push is reported to a pool: name the pool that it is reported to, {pool: NAME}"),
    ("{kind: history-file}", "10:9 .path", (
        "the key path is missing: Absolute path of the file, in the form of `stoker history`, for example path: "
        "/var/lib/gateway/support-agent.csv")),
    ("{kind: cloud-monitoring}", "10:9 ", (
        "the keys project, location, service, concurrency_target are missing: cloud-monitoring needs them below "
        "lambda-provisioned-concurrency, which has no such key")),
])
def test_a_mistake_is_reported_with_its_place_and_remedy(lead, at, problem):
    place, _, key = at.partition(" ")

    assert problems(text(lead)) == [f"{place} pools[1].leads[0]{key}: {problem}"]


def test_a_signal_is_read_once_and_at_most_four_are_allowed():
    assert problems(text(FILE, "{pool: planner}", FILE)) == [
        "12:9 pools[1].leads[2]: leads[0] already reads this signal: remove one of the two"]
    assert problems(text(*[f"{{kind: history-file, path: /{at}}}" for at in range(5)])) == [
        "14:9 pools[1].leads[4]: 5 leads: a pool has at most 4; remove the others"]


def test_a_lead_needs_a_pool_with_demand():
    silent = text("{pool: planner}").replace("name: planner\n", "name: planner\n    demand: {kind: none}\n")

    assert problems(silent) == [
        "11:16 pools[1].leads[0].pool: pool planner has no demand source: add demand to it, or remove this lead"]


def test_leads_are_no_default():
    assert problems(text() + "defaults: {leads: []}\n") == [
        "9:12 defaults.leads: leads cannot have a default: set it in each pool"]


def test_leads_are_a_list():
    (problem,) = problems(text(more="    leads: {pool: planner}\n"))

    assert problem.startswith("9:12 pools[1].leads: a mapping is not a list of leads")


def test_the_schema_accepts_leads_and_rejects_what_cannot_be_one():
    check = jsonschema.Draft202012Validator(policy_schema(policy_kinds()))

    def fits(*leads: str) -> bool:
        root, _ = read_document(text(*leads))
        return check.is_valid(json.loads(json.dumps(root.plain())))

    assert fits("{pool: planner}", QUEUE, FILE, QUERY)
    assert not any(fits(lead) for lead in ("{kind: push}", "{kind: none}", "{pool: 5}", "{pool: a, kind: push}", "planner"))


@pytest.mark.parametrize("host", ["redis://cache.example.com:6379/0", "redis://cache.example.com", "cache.example.com:6379"])
def test_a_url_as_the_host_is_answered_with_its_host(host):
    (found,) = problems(text(f"{{kind: redis, host: '{host}', command: LLEN, key: jobs}}"))

    assert found.endswith("write cache.example.com")


def test_a_pool_with_invalid_demand_is_not_called_one_without_demand_where_it_leads():
    lever = "{kind: http-ping, url: 'https://a.example'}"
    page = f"  - {{name: page, max: 5, lever: {lever}, demand: {{kind: push, silence: 1s}}}}\n"
    (found,) = problems(text("{pool: page}", more=page))

    assert found.endswith("1s is not from 5s to 5m")
