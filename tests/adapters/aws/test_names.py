"""Functions, aliases and regions in a wrong form are refused with the correct value."""

import pytest
from pydantic import ValidationError

from adapters.aws.settings import LambdaPingSettings, LambdaProvisionedConcurrencySettings

RIGHT = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": "agent", "alias": "live"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:agent"


def refused(**changes: object) -> list[tuple[str, str]]:
    """Return the refused settings, each with the error."""
    with pytest.raises(ValidationError) as caught:
        LambdaProvisionedConcurrencySettings.model_validate(RIGHT | changes)
    return [(str(error["loc"][0]), str(error.get("ctx", {}).get("error", error["type"]))) for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (ARN, "is the ARN of a function: write function: agent"),
        (f"{ARN}:live", "is the ARN of a function with a qualifier: write function: agent and alias: live"),
        (ARN.replace("us-east-1", "eu-west-1"), "write function: agent and region: eu-west-1"),
        (ARN.replace("arn:aws:", "arn:aws-us-gov:"), "write function: agent"),
        (f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{ARN}:live/invocations",
         "is a longer ARN that contains the ARN of a function: write function: agent and alias: live"),
        ("123456789012:function:agent:live", "is a part of a function's ARN: write function: agent and alias: live"),
        ("function:agent", "is a part of a function's ARN: write function: agent"),
        ("agent:live", "is a function with a qualifier: write function: agent and alias: live"),
        ("agent:7", "write function: agent. 7 is a version number, which changes with every deployment"),
        ("agent:$LATEST", "write function: agent. $LATEST is not an alias, and AWS provisions no concurrency for it"),
        ("https://us-east-1.console.aws.amazon.com/lambda/home?region=us-east-1#/functions/agent?tab=code",
         "is a page of the AWS console: write function: agent"),
        ("https://console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/agent/aliases/blue?tab=configure",
         "write function: agent and region: eu-west-1 and alias: blue"),
        ("agent:$LATEST.PUBLISHED", "write function: agent. $LATEST.PUBLISHED is not an alias"),
        ("arn:aws:sqs:us-east-1:123456789012:queue", "is not the ARN of a Lambda function"),
        ("https://abc123.lambda-url.us-east-1.on.aws/", "is the URL of a function, which does not contain its name"),
    ],
)
def test_an_arn_or_url_is_refused_with_the_parts_to_write(function, says):
    ((setting, why),) = refused(function=function)

    assert setting == "function"
    assert says in why
    assert "^" not in why, "no regular expression is shown"


@pytest.mark.parametrize(
    ("alias", "says"),
    [
        ("$LATEST", "publish a version (aws lambda publish-version --function-name agent), create an alias (aws lambda create"),
        ("$latest", "is not an alias"),
        ("$LATEST.PUBLISHED", "$LATEST.PUBLISHED is not an alias, and AWS provisions no concurrency for it"),
        ("7", "create an alias (aws lambda create-alias --function-name agent --name live --function-version 7)"),
        (7, "7 is a version number"),
        ("agent:live", "write alias: live"),
        (f"{ARN}:live", "write alias: live"),
        (f"{ARN}:7", "7 is a version number"),
        (ARN, "names no alias"),
        ("123456789012:function:agent:$LATEST", "is a part of a function's ARN. $LATEST is not an alias"),
    ],
)
def test_a_qualifier_that_is_not_an_alias_is_refused_with_a_remedy(alias, says):
    ((setting, why),) = refused(alias=alias)

    assert setting == "alias"
    assert says in why


@pytest.mark.parametrize(("region", "says"), [("us-east-1a", "is an availability zone: write region: us-east-1"),
                                              ("us-east1", "has the form of a region of Google Cloud")])
def test_a_zone_or_google_region_is_refused_with_its_form(region, says):
    assert says in dict(refused(region=region))["region"]


@pytest.mark.parametrize("value", [None, 5, True, ["agent"], "", "a b", "é"])
@pytest.mark.parametrize("setting", ["region", "function", "alias"])
def test_other_values_are_checked_by_type_and_pattern(setting, value):
    (found,) = refused(**{setting: value})

    assert found[0] == setting


@pytest.mark.parametrize("function", ["agent", "Agent_1-x", "7", "a" * 140])
@pytest.mark.parametrize("alias", ["live", "v7", "7-blue", "LATEST", "_"])
def test_plain_names_are_accepted(function, alias):
    settings = LambdaProvisionedConcurrencySettings.model_validate(RIGHT | {"function": function, "alias": alias})

    assert (settings.function, settings.alias) == (function, alias)


def test_ping_settings_have_the_same_checks():
    with pytest.raises(ValidationError, match="write function: agent and alias: live"):
        LambdaPingSettings.model_validate(RIGHT | {"kind": "lambda-ping", "handler": "stoker", "function": f"{ARN}:live"})
