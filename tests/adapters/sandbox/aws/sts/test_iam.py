"""Evaluation of IAM policy documents in the sandbox."""

import pytest

from adapters.sandbox.aws.sts.iam import allows

AGENT = "arn:aws:lambda:us-east-1:123456789012:function:agent"


def policy(**changes) -> dict:
    statement = {"Sid": "One", "Effect": "Allow", "Action": ["lambda:GetAlias"], "Resource": [AGENT]}
    return {"Version": "2012-10-17", "Statement": [statement | changes]}


def test_only_listed_actions_are_allowed():
    assert allows(policy(), "lambda:GetAlias", AGENT, "us-east-1")
    assert not allows(policy(), "lambda:GetFunction", AGENT, "us-east-1")
    assert not allows(policy(), "lambda:GetAlias", f"{AGENT}:live", "us-east-1")
    assert not allows(policy(), "lambda:GetAlias", "*", "us-east-1")


def test_a_star_stands_for_any_account():
    assert allows(policy(Resource="arn:aws:lambda:us-east-1:*:function:agent"), "lambda:GetAlias", AGENT, "us-east-1")


def test_a_region_that_the_condition_does_not_name_is_refused():
    only = policy(Resource="*", Condition={"StringEquals": {"aws:RequestedRegion": ["us-east-1"]}})

    assert allows(only, "lambda:GetAlias", "*", "us-east-1")
    assert not allows(only, "lambda:GetAlias", "*", "eu-west-1")


@pytest.mark.parametrize("change", [{"Effect": "Deny"}, {"NotAction": ["x"]}, {"Condition": {"Bool": {"aws:Mfa": "true"}}}])
def test_a_statement_with_unsupported_elements_allows_nothing(change):
    assert not allows(policy(**change), "lambda:GetAlias", AGENT, "us-east-1")
