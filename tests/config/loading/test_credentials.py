"""`credentials` in policy files: on a pool and in defaults, resources by account, and keys that nothing uses."""

import pytest

from adapters.kinds import policy_kinds
from config.loading.loader import PolicyError, parse_policy
from config.model.credentials import Credentials

ONE, TWO = ("arn:aws:iam::111122223333:role/stoker", "arn:aws:iam::444455556666:role/stoker")
LEVER = "lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: agent, alias: live}"
RUN = "lever: {kind: cloud-run-min-instances, project: acme, location: europe-west1, service: chat}"


def policy(*pools: str, head: str = "") -> str:
    """Return a policy of pools a, b … with these lines."""
    return f"version: 1\n{head}pools:\n" + "".join(
        f"  - name: {name}\n    max: 5\n" + "".join(f"    {line}\n" for line in lines.split("\n"))
        for name, lines in zip("abc", pools, strict=False))


def parsed(text: str):
    return parse_policy(text, policy_kinds()).pools


def problems(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        parsed(text)
    return [str(problem).removeprefix("policy.yaml:") for problem in caught.value.problems]


def test_a_default_applies_unless_the_pool_has_its_own_or_null():
    head = f"defaults: {{credentials: {{role_arn: '{ONE}', external_id: known-id}}}}\n"
    first, second, third = parsed(policy(LEVER, f"{LEVER}\ncredentials: {{role_arn: '{TWO}'}}", f"{LEVER}\ncredentials: null",
                                         head=head))

    assert first.credentials == Credentials(role_arn=ONE, external_id="known-id")
    assert second.credentials == Credentials(role_arn=TWO), "a pool replaces the whole default"
    assert third.credentials is None
    assert [each.account for each in (first, second, third)] == ["111122223333", "444455556666", None]


def test_one_function_name_in_two_accounts_is_two_resources():
    first, second = parsed(policy(*(f"{LEVER}\ncredentials: {{role_arn: '{arn}'}}" for arn in (ONE, TWO))))

    assert first.lever == second.lever


def test_two_pools_on_one_resource_are_refused_also_with_two_roles_of_its_account():
    roles = (ONE, ONE.replace("stoker", "other"))
    (problem,) = problems(policy(*(f"{LEVER}\ncredentials: {{role_arn: '{arn}'}}" for arn in roles)))

    assert "pools[0] already sets region=us-east-1 function=agent alias=live" in problem


def test_a_lead_with_the_pools_role_is_another_signal_in_each_account():
    lead = "leads: [{kind: cloudwatch, peak: {namespace: AWS/SQS, metric: Depth, statistic: Maximum}}]"
    pools = parsed(policy(*(f"{LEVER}\ncredentials: {{role_arn: '{arn}'}}\n{lead}" for arn in (ONE, TWO))))

    assert pools[0].leads[0].series != pools[1].leads[0].series
    assert pools[0].leads[0].credentials == Credentials(role_arn=ONE)
    assert pools[0].leads[0].name == pools[1].leads[0].name


@pytest.mark.parametrize(("lines", "text"), [
    (f"{RUN}\ncredentials: {{role_arn: '{ONE}'}}", "10:30 pools[0].credentials.role_arn"),
    (f"{LEVER}\ncredentials: {{role_arn: '{ONE}', impersonate: stoker@acme.iam.gserviceaccount.com}}", "impersonate"),
])
def test_a_key_that_nothing_about_the_pool_uses_is_refused(lines, text):
    (problem,) = problems(policy(lines))

    assert "nothing about this pool calls" in problem
    assert text.split()[-1] in problem


def test_a_default_may_be_for_other_pools():
    head = f"defaults: {{credentials: {{role_arn: '{ONE}', impersonate: stoker@acme.iam.gserviceaccount.com}}}}\n"

    assert [each.account for each in parsed(policy(LEVER, RUN, head=head))] == ["111122223333", None]


def test_a_role_of_another_partition_than_the_region_is_refused():
    china = ONE.replace("arn:aws:", "arn:aws-cn:")
    (problem,) = problems(policy(f"{LEVER}\ncredentials: {{role_arn: '{china}'}}"))

    assert "is in the partition aws-cn, and the region us-east-1 of pool a in aws" in problem


def test_the_reason_against_an_invalid_role_names_its_place():
    (problem,) = problems(policy(f"{LEVER}\ncredentials: {{role_arn: stoker}}"))

    assert "pools[0].credentials.role_arn" in problem
