"""What happens to connections on their way to Google: dead ones, proxies, names, other endpoints."""

import asyncio

from tests.foreign.google.caller import calling

RUN, MONITORING = "run.googleapis.com", "monitoring.googleapis.com"


async def test_a_silently_broken_connection_fails_one_call(cloud):
    async with calling(cloud.environment(), run=8.0) as call:
        assert await call() == ["ok"]
        assert cloud.proxy.freeze() == 1
        during, after = await call(), await call()

    assert "DeadlineExceeded" in during[0]
    assert after == ["ok"]
    assert cloud.proxy.asked.count(RUN) == 2


async def test_a_connection_that_breaks_while_idle_is_closed_before_the_next_call(cloud):
    async with calling(cloud.environment(), keepalive=0.5, keepalive_answer=0.5) as call:
        assert await call() == ["ok"]
        cloud.proxy.freeze()
        await cloud.proxy.left()

        assert await call(writes=True) == ["ok"]


async def test_a_write_over_no_connection_was_not_sent(cloud):
    cloud.proxy.silent.add(RUN)
    async with calling(cloud.environment()) as call:
        told = await call(writes=True)

    assert told[0].startswith("Unreachable: ")
    assert "no connection within 10 s" in told[0]
    assert "nothing was sent" in told[0]
    assert cloud.world.calls.mutating == {}


async def test_a_name_that_cannot_be_resolved_is_unreachable_and_nothing_was_sent(cloud):
    changes = {"https_proxy": None, "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN": "https://run.invalid/"}
    async with calling(cloud.environment(**changes)) as call:
        told = await call(writes=True)

    assert told[0].startswith("Unreachable: ")
    assert "cannot be resolved" in told[0] or "no connection within" in told[0]
    assert "nothing was sent" in told[0]


async def test_a_proxy_that_refuses_is_reported_with_its_status(cloud):
    del cloud.proxy.routes[RUN]
    async with calling(cloud.environment()) as call:
        told = await call(writes=True)

    assert told[0].startswith("Unreachable: ")
    assert "the proxy answers with status 502" in told[0]


async def test_an_upper_case_proxy_variable_is_used(cloud):
    code, out, _ = await cloud.doctor(cloud.environment(https_proxy=None, HTTPS_PROXY=cloud.proxy.url))

    assert code == 0, out
    assert {RUN, MONITORING} <= set(cloud.proxy.asked)


async def test_other_endpoints_are_used_where_the_environment_names_them(cloud):
    private = {"RUN": "run-acme.p.googleapis.com", "MONITORING": "monitoring-acme.p.googleapis.com"}
    changes = {f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}": f"https://{host}/" for api, host in private.items()}
    code, out, _ = await cloud.doctor(cloud.environment(**changes))

    assert code == 0, out
    assert set(cloud.proxy.asked) == set(private.values())


async def test_an_invalid_endpoint_is_named_with_its_variable(cloud):
    code, out, _ = await cloud.doctor(cloud.environment(CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN="http://run.example/v2"))

    assert code == 1
    assert "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN is 'http://run.example/v2': it must be https://HOST/" in out
    assert RUN not in cloud.proxy.asked


async def test_another_universe_has_its_own_hosts(cloud):
    code, out, _ = await cloud.doctor(cloud.environment(GOOGLE_CLOUD_UNIVERSE_DOMAIN="apis-tpc.example"))

    assert code == 0, out
    assert set(cloud.proxy.asked) == {"run.apis-tpc.example", "monitoring.apis-tpc.example"}


async def test_a_certificate_of_an_unknown_authority_is_reported(cloud):
    code, out, _ = await cloud.doctor(cloud.environment(GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=None))

    assert code == 1
    assert "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" in out


async def test_calls_in_flight_complete_on_a_connection_that_is_being_replaced(cloud):
    """One method that never answers must not break the calls beside it."""
    cloud.world.faults.hang("UpdateService")
    async with calling(cloud.environment(), run=8.0) as call:
        assert await call() == ["ok"]
        hung = asyncio.create_task(call(writes=True))
        assert "OutcomeUnknown" in (await hung)[0]
        assert await call(times=5) == ["ok"] * 5
