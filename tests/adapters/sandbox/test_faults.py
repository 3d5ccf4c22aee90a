"""Injected faults and invalid credentials, as boto3 reports them."""

import asyncio
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, HTTPClientError, ReadTimeoutError

from tests.adapters.sandbox.conftest import CONFIG

PUT = {"FunctionName": "agent", "Qualifier": "live", "ProvisionedConcurrentExecutions": 5}
GET = {"FunctionName": "agent", "Name": "live"}


async def test_a_throttle_applies_to_its_operation_the_given_number_of_times(world) -> None:
    world.sandbox.faults.throttle("GetAlias", times=2)
    for _ in range(2):
        assert (await world.refusal("lambda", "get_alias", **GET)).kind == "TooManyRequestsException"
    await world.aws("lambda", "get_alias", **GET)
    world.sandbox.faults.throttle()
    assert (await world.refusal("cloudwatch", "list_metrics")).code == "Throttling"
    refusal = await world.refusal("application-autoscaling", "describe_scalable_targets", ServiceNamespace="lambda")
    assert refusal.code == "ThrottlingException"
    world.sandbox.faults.clear()
    await world.aws("cloudwatch", "list_metrics")


async def test_a_server_error_is_a_500_and_nothing_is_written(world) -> None:
    world.sandbox.faults.server_error("PutProvisionedConcurrencyConfig")
    refusal = await world.refusal("lambda", "put_provisioned_concurrency_config", **PUT)
    assert (refusal.kind, refusal.status) == ("ServiceException", 500)
    assert not world.sandbox.hosted("agent").function.provisioned
    assert world.sandbox.calls.writes[0].outcome == "ServiceException"


async def test_a_hanging_request_does_not_affect_others(world) -> None:
    world.sandbox.add_function("other")
    world.sandbox.faults.hang("GetAlias", function="agent")
    hasty = boto3.client("lambda", "us-east-1", endpoint_url=world.url, config=CONFIG.merge(Config(read_timeout=0.2)),
                         **world.sandbox.credentials.for_boto3)
    hanging = asyncio.create_task(asyncio.to_thread(hasty.get_alias, **GET))
    await world.aws("lambda", "get_alias", FunctionName="other", Name="live")
    with pytest.raises(ReadTimeoutError):
        await hanging
    hasty.close()


async def test_a_reset_breaks_the_connection_before_anything_happens(world) -> None:
    world.sandbox.faults.reset("PutProvisionedConcurrencyConfig", times=1)
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        await world.aws("lambda", "put_provisioned_concurrency_config", **PUT)
    assert not world.sandbox.hosted("agent").function.provisioned


async def test_a_write_may_take_effect_without_a_response(world) -> None:
    world.sandbox.faults.apply_without_answer("PutProvisionedConcurrencyConfig", times=1)
    with pytest.raises((ConnectionClosedError, HTTPClientError)):
        await world.aws("lambda", "put_provisioned_concurrency_config", **PUT)
    assert world.sandbox.hosted("agent").function.provisioned == 5
    (write,) = world.sandbox.calls.writes
    assert (write.outcome, write.answered) == ("accepted", False)


async def test_boto3_rejects_a_garbage_response(world) -> None:
    world.sandbox.faults.garbage("GetMetricData")
    now = world.clock.now()
    query: dict[str, Any] = {"Id": "q", "MetricStat": {"Metric": {"MetricName": "Invocations"}, "Period": 60, "Stat": "Sum"}}
    with pytest.raises(Exception, match=r"parse|Unable|JSON|utf"):
        await world.aws("cloudwatch", "get_metric_data", MetricDataQueries=[query], StartTime=now, EndTime=now)


async def test_a_dripping_response_exceeds_the_timeout(world) -> None:
    world.sandbox.faults.drip("GetAlias", times=1)
    task = asyncio.create_task(world.aws("lambda", "get_alias", **GET))
    done, _ = await asyncio.wait({task}, timeout=0.5)
    assert not done
    world.client("lambda").close()
    await world.aws("cloudwatch", "list_metrics")
    task.cancel()


async def test_unknown_and_expired_keys_get_the_error_of_each_service(world) -> None:
    world.sandbox.credentials.expired.add("AKIAOLD")
    for service, method, arguments, wrong, expired in (
        ("lambda", "get_alias", GET, "UnrecognizedClientException", "ExpiredTokenException"),
        ("cloudwatch", "list_metrics", {}, "InvalidClientTokenId", "ExpiredToken"),
        ("sts", "get_caller_identity", {}, "InvalidClientTokenId", "ExpiredToken"),
        (
            "application-autoscaling",
            "describe_scalable_targets",
            {"ServiceNamespace": "lambda"},
            "UnrecognizedClientException",
            "ExpiredTokenException",
        ),
    ):
        for key, code in (("AKIAWRONG", wrong), ("AKIAOLD", expired)):
            client = world.client(service, key)
            with pytest.raises(ClientError) as caught:
                await asyncio.to_thread(getattr(client, method), **arguments)
            assert caught.value.response["Error"]["Code"] == code
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


async def test_a_missing_permission_is_named(world) -> None:
    world.sandbox.credentials.denied.add("lambda:PutProvisionedConcurrencyConfig")
    refusal = await world.refusal("lambda", "put_provisioned_concurrency_config", **PUT)
    assert (refusal.code, refusal.status) == ("AccessDeniedException", 403)
    assert "lambda:PutProvisionedConcurrencyConfig" in refusal.message


async def test_an_operation_that_is_not_emulated_is_an_error(world) -> None:
    refusal = await world.refusal("lambda", "list_layers")
    assert (refusal.code, refusal.status) == ("UnknownOperationException", 404)
    assert "not emulated" in refusal.message
    assert (await world.refusal("cloudwatch", "list_dashboards")).code == "UnknownOperationException"


async def test_boto3_reads_a_cut_response_as_empty(world) -> None:
    world.sandbox.faults.cut("PutProvisionedConcurrencyConfig", times=1)
    answer = await world.aws("lambda", "put_provisioned_concurrency_config", **PUT)
    assert answer.keys() == {"ResponseMetadata"}
    assert world.sandbox.hosted("agent").function.provisioned == 5
