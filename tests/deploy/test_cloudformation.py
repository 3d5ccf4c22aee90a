"""The CloudFormation template, as the linter of AWS checks it."""

from tests.deploy.folder import DEPLOY, clean


def test_the_cloudformation_linter_finds_nothing():
    assert clean("cfn-lint", DEPLOY / "cloudformation" / "stoker.yaml") == ""
