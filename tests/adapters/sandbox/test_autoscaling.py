"""Application Auto Scaling and STS, called with boto3."""

TARGET = {
    "ServiceNamespace": "lambda",
    "ResourceId": "function:agent:live",
    "ScalableDimension": "lambda:function:ProvisionedConcurrency",
}


async def test_no_target_is_registered_at_first(world) -> None:
    answer = await world.aws("application-autoscaling", "describe_scalable_targets", ServiceNamespace="lambda")
    assert answer["ScalableTargets"] == []


async def test_registering_moves_the_capacity_into_the_range(world) -> None:
    await world.aws("application-autoscaling", "register_scalable_target", MinCapacity=4, MaxCapacity=9, **TARGET)
    assert (await world.provisioned())["RequestedProvisionedConcurrentExecutions"] == 4
    await world.aws("application-autoscaling", "register_scalable_target", MinCapacity=6, **TARGET)
    assert (await world.provisioned())["RequestedProvisionedConcurrentExecutions"] == 6
    answer = await world.aws(
        "application-autoscaling", "describe_scalable_targets", ServiceNamespace="lambda", ResourceIds=["function:agent:live"]
    )
    (target,) = answer["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (6, 9)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is False
    assert target["CreationTime"] == world.clock.now()


async def test_targets_are_listed_fifty_per_page(world) -> None:
    for number in range(60):
        world.sandbox.add_function(f"f{number:02d}")
        target = TARGET | {"ResourceId": f"function:f{number:02d}:live"}
        await world.aws("application-autoscaling", "register_scalable_target", MinCapacity=0, MaxCapacity=9, **target)
    first = await world.aws("application-autoscaling", "describe_scalable_targets", ServiceNamespace="lambda")
    rest = await world.aws(
        "application-autoscaling", "describe_scalable_targets", ServiceNamespace="lambda", NextToken=first["NextToken"]
    )
    assert (len(first["ScalableTargets"]), len(rest["ScalableTargets"])) == (50, 10)
    assert "NextToken" not in rest


async def test_deregistering_deletes_policies_and_actions(world) -> None:
    aas = "application-autoscaling"
    await world.aws(aas, "register_scalable_target", MinCapacity=1, MaxCapacity=9, **TARGET)
    await world.aws(aas, "put_scaling_policy", PolicyName="track", PolicyType="TargetTrackingScaling", **TARGET)
    await world.aws(aas, "put_scheduled_action", ScheduledActionName="nine", Schedule="cron(0 9 * * ? *)", **TARGET)
    policies = await world.aws(aas, "describe_scaling_policies", ServiceNamespace="lambda")
    assert [policy["PolicyName"] for policy in policies["ScalingPolicies"]] == ["track"]
    actions = await world.aws(aas, "describe_scheduled_actions", ServiceNamespace="lambda")
    assert [action["Schedule"] for action in actions["ScheduledActions"]] == ["cron(0 9 * * ? *)"]
    await world.aws(aas, "deregister_scalable_target", **TARGET)
    assert (await world.aws(aas, "describe_scaling_policies", ServiceNamespace="lambda"))["ScalingPolicies"] == []
    assert (await world.refusal(aas, "deregister_scalable_target", **TARGET)).kind == "ObjectNotFoundException"


async def test_a_new_target_needs_both_ends_and_in_order(world) -> None:
    for capacities in ({"MinCapacity": 1}, {"MinCapacity": 5, "MaxCapacity": 2}):
        refusal = await world.refusal("application-autoscaling", "register_scalable_target", **capacities, **TARGET)
        assert refusal.kind == "ValidationException"


async def test_get_caller_identity_returns_the_caller(world) -> None:
    assert (await world.aws("sts", "get_caller_identity"))["Account"] == "123456789012"
    assert world.sandbox.calls.mutating.total() == 0
