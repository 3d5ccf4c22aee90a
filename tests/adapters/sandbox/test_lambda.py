"""Lambda's control plane, called with boto3."""

import asyncio


async def test_no_unit_is_available_until_the_allocation_completes(world) -> None:
    answer = await world.provision(60)
    assert (answer["Status"], answer["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    await world.pass_time(seconds=60)
    shown = await world.provisioned()
    assert (shown["Status"], shown["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    await world.pass_time(seconds=80)
    shown = await world.provisioned()
    assert shown["Status"] == "READY"
    assert shown["RequestedProvisionedConcurrentExecutions"] == shown["AvailableProvisionedConcurrentExecutions"] == 60
    assert shown["LastModified"] == "2026-03-02T12:00:00.000+0000"


async def test_available_units_stay_available_during_an_increase(world) -> None:
    await world.provision(5)
    await world.pass_time(minutes=3)
    await world.provision(9)
    shown = await world.provisioned()
    assert (shown["Status"], shown["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 5)


async def test_a_decrease_takes_effect_at_once(world) -> None:
    await world.provision(5)
    await world.pass_time(minutes=3)
    answer = await world.provision(2)
    assert (answer["Status"], answer["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)


async def test_a_repeated_put_does_not_restart_the_allocation(world) -> None:
    await world.provision(5)
    for _ in range(3):
        await world.pass_time(seconds=50)
        await world.provision(5)
    assert (await world.provisioned())["Status"] == "READY"


async def test_a_qualifier_without_provisioned_concurrency_is_a_typed_404(world) -> None:
    refusal = await world.refusal("lambda", "get_provisioned_concurrency_config", FunctionName="agent", Qualifier="live")
    assert (refusal.kind, refusal.status) == ("ProvisionedConcurrencyConfigNotFoundException", 404)
    refusal = await world.refusal("lambda", "get_provisioned_concurrency_config", FunctionName="missing", Qualifier="live")
    assert (refusal.kind, refusal.status) == ("ResourceNotFoundException", 404)


async def test_delete_releases_all_units_and_is_idempotent(world) -> None:
    await world.provision(5)
    for _ in range(2):
        await world.aws("lambda", "delete_provisioned_concurrency_config", FunctionName="agent", Qualifier="live")
    refusal = await world.refusal("lambda", "get_provisioned_concurrency_config", FunctionName="agent", Qualifier="live")
    assert refusal.kind == "ProvisionedConcurrencyConfigNotFoundException"


async def test_all_configurations_of_a_function_are_listed(world) -> None:
    await world.aws("lambda", "publish_version", FunctionName="agent")
    await world.provision(2)
    await world.provision(4, qualifier="2")
    listed = await world.aws("lambda", "list_provisioned_concurrency_configs", FunctionName="agent")
    found = {c["FunctionArn"].rpartition(":")[2]: c for c in listed["ProvisionedConcurrencyConfigs"]}
    assert found["live"]["RequestedProvisionedConcurrentExecutions"] == 2
    assert found["2"]["RequestedProvisionedConcurrentExecutions"] == 4


async def test_latest_cannot_be_provisioned(world) -> None:
    await world.aws("lambda", "create_alias", FunctionName="agent", Name="head", FunctionVersion="$LATEST")
    refusal = await world.refusal(
        "lambda",
        "put_provisioned_concurrency_config",
        FunctionName="agent",
        Qualifier="head",
        ProvisionedConcurrentExecutions=1,
    )
    assert refusal.kind == "InvalidParameterValueException"
    assert "unpublished" in refusal.message


async def test_an_alias_with_weights_cannot_be_provisioned(world) -> None:
    await world.aws("lambda", "publish_version", FunctionName="agent")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    await world.aws("lambda", "update_alias", FunctionName="agent", Name="live", RoutingConfig=weights)
    shown = await world.aws("lambda", "get_alias", FunctionName="agent", Name="live")
    assert shown["RoutingConfig"] == weights
    refusal = await world.refusal(
        "lambda", "put_provisioned_concurrency_config", FunctionName="agent", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    assert (refusal.kind, refusal.message) == (
        "InvalidParameterValueException",
        "Alias with weights can not be used with Provisioned Concurrency",
    )


async def test_a_version_with_snapstart_cannot_be_provisioned(world) -> None:
    function = world.sandbox.hosted("agent").function
    function.move_alias("live", function.publish(snap_start=True).number, 0, 0)
    shown = await world.aws("lambda", "get_function_configuration", FunctionName="agent", Qualifier="live")
    assert shown["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    refusal = await world.refusal(
        "lambda", "put_provisioned_concurrency_config", FunctionName="agent", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    assert "SnapStart" in refusal.message


async def test_a_deployment_in_progress_is_a_conflict(world) -> None:
    world.sandbox.hosted("agent").function.last_update_status = "InProgress"
    refusal = await world.refusal(
        "lambda", "put_provisioned_concurrency_config", FunctionName="agent", Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    assert (refusal.kind, refusal.status) == ("ResourceConflictException", 409)


async def test_an_init_that_crashes_ends_in_failed_with_the_reason(world) -> None:
    function = world.sandbox.hosted("agent").function
    function.versions["1"].init_fails = True
    await world.provision(3)
    await world.pass_time(minutes=3)
    shown = await world.provisioned()
    assert (shown["Status"], shown["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert shown["AvailableProvisionedConcurrentExecutions"] == 0


async def test_one_version_takes_provisioned_concurrency_from_one_qualifier_only(world) -> None:
    await world.provision(2)
    refusal = await world.refusal(
        "lambda", "put_provisioned_concurrency_config", FunctionName="agent", Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    assert refusal.kind == "ResourceConflictException"


async def test_a_moved_alias_holds_traffic_on_the_old_version_until_the_new_one_is_ready(world) -> None:
    await world.provision(4)
    await world.pass_time(minutes=3)
    await world.aws("lambda", "publish_version", FunctionName="agent")
    await world.aws("lambda", "update_alias", FunctionName="agent", Name="live", FunctionVersion="2")
    moving = await world.aws("lambda", "get_alias", FunctionName="agent", Name="live")
    assert (moving["FunctionVersion"], moving["RoutingConfig"]) == ("2", {"AdditionalVersionWeights": {"1": 1.0}})
    shown = await world.provisioned()
    assert (shown["Status"], shown["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 4)
    await world.pass_time(minutes=3)
    moved = await world.aws("lambda", "get_alias", FunctionName="agent", Name="live")
    assert "RoutingConfig" not in moved
    assert (await world.provisioned())["Status"] == "READY"


async def test_an_alias_that_moves_to_a_crashing_version_is_stuck(world) -> None:
    await world.provision(4)
    await world.pass_time(minutes=3)
    world.sandbox.hosted("agent").function.publish(init_fails=True)
    await world.aws("lambda", "update_alias", FunctionName="agent", Name="live", FunctionVersion="2")
    await world.pass_time(minutes=3)
    assert (await world.provisioned())["Status"] == "FAILED"
    refusal = await world.refusal(
        "lambda", "put_provisioned_concurrency_config", FunctionName="agent", Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    assert refusal.message == "Invalid alias configuration for Provisioned Concurrency"


async def test_the_account_keeps_its_unreserved_floor(world) -> None:
    assert (await world.provision(900))["RequestedProvisionedConcurrentExecutions"] == 900
    refusal = await world.refusal(
        "lambda",
        "put_provisioned_concurrency_config",
        FunctionName="agent",
        Qualifier="live",
        ProvisionedConcurrentExecutions=901,
    )
    assert refusal.kind == "InvalidParameterValueException"
    assert "UnreservedConcurrentExecution below its minimum value of [100]" in refusal.message


async def test_the_floor_counts_every_function(world) -> None:
    world.sandbox.add_function("other")
    await world.provision(500)
    refusal = await world.refusal(
        "lambda",
        "put_provisioned_concurrency_config",
        FunctionName="other",
        Qualifier="live",
        ProvisionedConcurrentExecutions=401,
    )
    assert "[100]" in refusal.message
    await world.provision(400, function="other")


async def test_reserved_concurrency_caps_the_provisioned_and_is_shown(world) -> None:
    assert "ReservedConcurrentExecutions" not in await world.aws("lambda", "get_function_concurrency", FunctionName="agent")
    await world.aws("lambda", "put_function_concurrency", FunctionName="agent", ReservedConcurrentExecutions=10)
    shown = await world.aws("lambda", "get_function_concurrency", FunctionName="agent")
    assert shown["ReservedConcurrentExecutions"] == 10
    settings = await world.aws("lambda", "get_account_settings")
    assert settings["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert settings["AccountLimit"]["UnreservedConcurrentExecutions"] == 990
    refusal = await world.refusal(
        "lambda", "put_provisioned_concurrency_config", FunctionName="agent", Qualifier="live", ProvisionedConcurrentExecutions=11
    )
    assert "reservedConcurrentExecution" in refusal.message
    await world.provision(10)
    await world.aws("lambda", "delete_function_concurrency", FunctionName="agent")
    assert "ReservedConcurrentExecutions" not in await world.aws("lambda", "get_function_concurrency", FunctionName="agent")


async def test_list_functions_returns_at_most_fifty_per_page(world) -> None:
    for number in range(120):
        world.sandbox.add_function(f"f{number:03d}")
    names, marker = [], {}
    for expected in (50, 50, 21):
        page = await world.aws("lambda", "list_functions", MaxItems=100, **marker)
        assert len(page["Functions"]) == expected
        names += [function["FunctionName"] for function in page["Functions"]]
        marker = {"Marker": page.get("NextMarker")}
    assert names == world.sandbox.names
    assert marker == {"Marker": None}


async def test_versions_and_aliases_are_listed(world) -> None:
    published = await world.aws("lambda", "publish_version", FunctionName="agent")
    assert published["Version"] == "2"
    await world.aws("lambda", "create_alias", FunctionName="agent", Name="canary", FunctionVersion="2")
    versions = await world.aws("lambda", "list_versions_by_function", FunctionName="agent")
    assert [version["Version"] for version in versions["Versions"]] == ["$LATEST", "1", "2"]
    aliases = await world.aws("lambda", "list_aliases", FunctionName="agent")
    assert [(alias["Name"], alias["FunctionVersion"]) for alias in aliases["Aliases"]] == [("canary", "2"), ("live", "1")]
    refusal = await world.refusal("lambda", "create_alias", FunctionName="agent", Name="live", FunctionVersion="2")
    assert refusal.kind == "ResourceConflictException"


async def test_an_update_from_an_old_revision_is_refused(world) -> None:
    before = await world.aws("lambda", "get_alias", FunctionName="agent", Name="live")
    await world.aws("lambda", "publish_version", FunctionName="agent")
    after = await world.aws("lambda", "update_alias", FunctionName="agent", Name="live", FunctionVersion="2")
    assert after["RevisionId"] != before["RevisionId"]
    refusal = await world.refusal(
        "lambda", "update_alias", FunctionName="agent", Name="live", FunctionVersion="1", RevisionId=before["RevisionId"]
    )
    assert (refusal.kind, refusal.status) == ("PreconditionFailedException", 412)


async def test_a_function_may_be_named_by_its_arn(world) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:agent"
    shown = await world.aws("lambda", "get_function_configuration", FunctionName=arn, Qualifier="live")
    assert (shown["FunctionName"], shown["Version"], shown["MemorySize"]) == ("agent", "1", 1024)
    assert (await world.aws("lambda", "get_function", FunctionName=f"{arn}:live"))["Configuration"]["Version"] == "1"


async def test_missing_aliases_and_functions_are_typed_404s(world) -> None:
    for method, arguments in (
        ("get_alias", {"FunctionName": "agent", "Name": "nowhere"}),
        ("get_function_configuration", {"FunctionName": "missing"}),
        ("get_function_configuration", {"FunctionName": "agent", "Qualifier": "nowhere"}),
        ("get_policy", {"FunctionName": "agent"}),
    ):
        refusal = await world.refusal("lambda", method, **arguments)
        assert (refusal.kind, refusal.status) == ("ResourceNotFoundException", 404)


async def test_the_control_plane_shares_fifteen_requests_a_second(make_world) -> None:
    world = await make_world()
    outcomes = await asyncio.gather(
        *(world.aws("lambda", "get_alias", FunctionName="agent", Name="live") for _ in range(40)), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(refused) == 10
    response = refused[0].response
    assert response["Error"]["Code"] == "TooManyRequestsException"
    assert response["Reason"] == "CallerRateLimitExceeded"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert (await world.aws("lambda", "get_function", FunctionName="agent"))["Configuration"]["FunctionName"] == "agent"
    await world.pass_time(seconds=1)
    await world.aws("lambda", "get_alias", FunctionName="agent", Name="live")


async def test_every_request_is_counted_and_every_write_logged(world) -> None:
    await world.aws("lambda", "get_alias", FunctionName="agent", Name="live")
    calls = world.sandbox.calls
    assert (calls.mutating.total(), calls.reading["GetAlias"]) == (0, 1)
    await world.provision(4)
    await world.refusal(
        "lambda",
        "put_provisioned_concurrency_config",
        FunctionName="agent",
        Qualifier="live",
        ProvisionedConcurrentExecutions=999,
    )
    assert calls.mutating == {"PutProvisionedConcurrencyConfig": 2}
    first, second = calls.writes
    assert (first.function, first.qualifier, first.value, first.outcome) == ("agent", "live", 4, "accepted")
    assert (first.at, first.caller) == (world.clock.now(), "AKIASTOKERSANDBOX001")
    assert (second.value, second.outcome) == (999, "InvalidParameterValueException")
    assert calls.accepted("PutProvisionedConcurrencyConfig") == [first]
