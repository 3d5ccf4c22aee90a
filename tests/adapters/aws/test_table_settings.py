"""Settings of counts: every placeholder has a value, and no value is without a placeholder."""

import pytest
from pydantic import ValidationError

from adapters.aws.table_settings import DynamoQuerySettings
from config.model.demand import DemandSettings
from tests.builders import pool_policy


def settings(**changes):
    return DynamoQuerySettings.model_validate({"kind": "dynamodb-query", "table": "sessions", "key_condition": "pool = :pool",
                                               "values": {":pool": "agent"}} | changes)


@pytest.mark.parametrize(("changes", "what"), [
    ({"values": {}}, ":pool is not in values"),
    ({"key_condition": "#p = :pool"}, "#p is not in names"),
    ({"values": {":pool": "agent", ":x": 1}}, ":x is not in key_condition"),
    ({"values": {":pool": "agent", ":now": 1}}, ":now is the current time"),
    ({"values": {":pool": True}}, "values"),
    ({"table": "arn:aws:dynamodb:us-east-1:1:table/x"}, "pattern"),
])
def test_incomplete_settings_are_refused(changes, what):
    with pytest.raises(ValidationError, match=what):
        settings(**changes)


def test_the_region_is_that_of_the_lever():
    found: DemandSettings = settings().completed(pool_policy().lever)

    assert found.model_dump()["region"] == pool_policy().lever.model_dump()["region"]
