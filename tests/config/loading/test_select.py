"""`select` in policy files: an entry is checked as a pool of a sample resource, with its own keys beside."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.model.select import MOST_SELECTED

ONE, TWO = ("arn:aws:iam::111122223333:role/stoker", "arn:aws:iam::444455556666:role/stoker")
LEVER = "lever: {kind: lambda-provisioned-concurrency, region: us-east-1}"


def entry(*lines: str, lever: str = LEVER, head: str = "") -> str:
    """Return a policy with one entry of these lines."""
    return f"version: 1\n{head}select:\n  - {lever}\n" + "".join(f"    {line}\n" for line in lines)


def parsed(text: str):
    return parse_policy(text, policy_kinds())


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parsed(text)
    return [str(problem).removeprefix("policy.yaml:") for problem in caught.value.problems]


def test_a_policy_needs_no_pools_beside_select():
    policy = parsed(entry("include: {name: 'agent-*'}", "max: 5"))
    (select,) = policy.select

    assert policy.pools == ()
    assert (select.template, select.keys.most, select.settings["max"]) == ("{function}", MOST_SELECTED, 5)
    assert [listing.where for listing in select.listings] == [{"region": "us-east-1"}]


def test_each_place_is_listed_with_each_of_the_credentials():
    roles = f"credentials: [{{role_arn: '{ONE}'}}, {{role_arn: '{TWO}'}}]"
    lever = LEVER.replace("us-east-1", "[us-east-1, eu-west-1]")
    (select,) = parsed(entry("include: {name: a}", "max: 5", roles, lever=lever)).select

    found = [(each.where["region"], each.credentials.account) for each in select.listings]

    assert found == [
        ("us-east-1", "111122223333"), ("eu-west-1", "111122223333"),
        ("us-east-1", "444455556666"), ("eu-west-1", "444455556666")]


def test_defaults_apply_to_entries_as_to_pools():
    head = f"defaults: {{max: 7, mode: active, credentials: {{role_arn: '{ONE}'}}}}\n"
    (own,) = parsed(entry("include: {name: a}", "mode: shadow", "credentials: null", head=head)).select
    (inherited,) = parsed(entry("include: {name: a}", head=head)).select

    assert (own.settings["mode"], own.settings["max"], own.listings[0].credentials) == ("shadow", 7, None)
    assert (inherited.settings["mode"], inherited.listings[0].credentials.account) == ("active", "111122223333")


@pytest.mark.parametrize(("lines", "message"), [
    (("max: 5",), "select[0].include: the key include is missing"),
    (("include: {}", "max: 5"), "select[0].include: empty: give name, alias, tags or labels"),
    (("include: {name: []}", "max: 5"), "select[0].include.name: "),
    (("include: {name: a}",), "select[0].max: the key max is missing"),
    (("include: {name: a}", "max: 5", "min: 6"), "select[0].max: max 5 is below min 6"),
    (("include: {name: a}", "max: 5", "most: 0"), "select[0].most: 0 is out of range: at least 1 is allowed"),
    (("include: {name: a}", "max: 5", "mosst: 9"), "select[0].mosst: unknown key 'mosst': did you mean most?"),
    (("include: {labels: {a: b}}", "max: 5"), "select[0].include.labels: resources of this lever have no labels: write tags"),
    (("include: {name: a}", "max: 5", "name: '{acount}'"), "select[0].name: unknown {acount}: did you mean {account}?"),
    (("include: {name: a}", "max: 5", "name: '{account}'"), "select[0].name: {account} needs credentials with role_arn"),
    (("include: {name: a}", "max: 5", "name: 'a b'"), "select[0].name: 'a b' gives no valid name"),
    (("include: {name: a}", "max: 5", "leads: [{pool: other}]"), "select[0].leads[0]: no pool of this file is named 'other'"),
    (("include: {name: a}", "max: 5", "credentials: [{role_arn: x}]"), "select[0].credentials[0].role_arn: 'x' is not valid"),
])
def test_a_problem_has_its_place(lines, message):
    (problem,) = problems(entry(*lines))

    assert message in problem


@pytest.mark.parametrize(("lever", "message"), [
    ("lever: {kind: http-ping, url: 'https://a.example.com/'}", "select[0].lever.kind: its resources cannot be listed"),
    (LEVER.replace("}", ", function: a}"), "select[0].lever.function: function is found by select: remove it"),
    (LEVER.replace("us-east-1", "[us-east-1, nowhere]"), "select[0].lever.region: 'nowhere' is not valid"),
    (LEVER.replace(", region: us-east-1", ""), "select[0].lever.region: the key region is missing"),
    ("lever: {kind: lambda}", "select[0].lever.kind: unknown lever kind 'lambda'"),
    ("lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1}\n    exclude: {alias: live}",
     "select[0].exclude.alias: resources of this lever have no alias"),
])
def test_a_lever_without_the_resource_is_checked_like_that_of_a_pool(lever, message):
    (problem,) = problems(entry("include: {name: a}", "max: 5", lever=lever))

    assert message in problem


@pytest.mark.parametrize("text", ["select: 5", "select: []", "select: {include: {name: a}}", "select: [5]"])
def test_other_values_are_refused(text):
    assert len(problems(f"version: 1\n{text}\n")) == 1


def test_layers_can_be_selected():
    levers = ("levers: [{kind: lambda-provisioned-concurrency, region: us-east-1}, "
              "{kind: lambda-ping, handler: stoker, opted_in: true}]")
    (select,) = parsed(entry("include: {name: a}", "max: 5", lever=levers)).select

    assert [select.lever.kind, select.top.kind] == ["lambda-provisioned-concurrency", "lambda-ping"]
    assert select.top.region == "us-east-1"
