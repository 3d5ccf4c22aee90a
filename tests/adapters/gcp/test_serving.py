"""Capacity, demand and instances follow the serving revisions and not the newest one; with the real client."""

from datetime import timedelta

import numpy as np
import pytest
from google.cloud import run_v2

from adapters.gcp.discovery import survey
from adapters.gcp.provider import Gcp
from adapters.ports.errors import Conflict, PermissionDenied, Unreachable
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.cloud_run_stage import CloudRunStage, pool
from tests.builders import NOON, demands

LONG = timedelta(minutes=10)
LARGE = {"max_instance_request_concurrency": 80, "scaling": {"min_instance_count": 7, "max_instance_count": 5},
         "containers": [{"resources": {"limits": {"cpu": "4", "memory": "4Gi"}, "cpu_idle": True}}]}
"""A template that differs from the stage's, whose instances take one concurrent request."""


def forty_in_flight() -> DemandSeries:
    column = np.full(240, 40.0, np.float32)
    return DemandSeries(minute_of(NOON) - 120, column, column, column * 60)


@pytest.fixture
async def stage():
    async with CloudRunStage() as built:
        yield built


async def busy_in(stage: CloudRunStage, name: str = "busy", **lever) -> float:
    """Return the average busy instances of the last 30 min by the demand source."""
    asked = pool(name)
    asked = asked.model_copy(update={"lever": asked.lever.model_copy(update=lever)})
    provider = Gcp(stage.clock, np.random.default_rng(0), stage.target)
    try:
        ((source, _),) = provider.sources(demands(asked))
        telemetry = (await source.collect((name,), {name: stage.clock.now() - timedelta(minutes=30)}, stage.clock.now()))[name]
    finally:
        await provider.close()
    if telemetry.error is not None:
        raise telemetry.error
    return float(np.nanmean(telemetry.series.busy))


async def test_a_revision_without_traffic_changes_neither_units_nor_limits_nor_demand(stage):
    stage.world.add_service("busy", forty_in_flight())
    lever, before = stage.lever(), await stage.lever().traits()
    for name in ("agent", "busy"):
        stage.deploy(name, traffic={f"{name}-00001": 100}, **LARGE)
    await stage.passes(LONG)
    after, seen = await lever.traits(), await lever.read()

    assert (after.memory_mb, after.vcpus, after.allowed) == (before.memory_mb, before.vcpus, before.allowed) == (512, 1.0, 100)
    assert "minima" not in seen.detail
    assert await busy_in(stage) == pytest.approx(40.0), "divided by 80 it would be 1"
    assert (await lever.write(60)).requested == 60


async def test_the_unit_follows_the_revision_with_traffic(stage):
    stage.world.add_service("busy", forty_in_flight())
    lever = stage.lever()
    for name in ("agent", "busy"):
        stage.deploy(name, traffic={f"{name}-00001": 100}, **LARGE)
    await stage.passes(LONG)
    for name in ("agent", "busy"):
        stage.deploy(name, traffic={f"{name}-00002": 100})
    await stage.passes(LONG)
    moved = await lever.traits()

    assert (moved.memory_mb, moved.vcpus, moved.allowed) == (4096, 4.0, 5)
    assert (moved.limit.name, moved.limit.text) == ("revision-maximum", "revision agent-00002 has a maximum of 5 instances")
    assert await busy_in(stage) == pytest.approx(1.0), "40 in flight are fewer than the 48 that one takes at 60 % of 80"


async def test_demand_of_split_traffic_is_the_sum_over_revisions(stage):
    stage.world.add_service("busy", forty_in_flight())
    for name in ("agent", "busy"):
        stage.deploy(name, traffic={f"{name}-00001": 50}, **LARGE)
        await stage.passes(LONG)
        stage.deploy(name, traffic={f"{name}-00001": 50, f"{name}-00002": 50})
    await stage.passes(LONG)
    facts = await stage.lever().traits()

    assert await busy_in(stage) == pytest.approx(20 + 20 / 48)
    assert (facts.vcpus, facts.allowed) == (2.5, 10), "half of a minimum of 10 is the maximum of the second revision"
    assert facts.limit.text == "revision agent-00002 has a maximum of 5 instances and 50 % of the traffic"


async def test_a_revision_is_read_once(stage):
    lever = stage.lever()
    stage.deploy(traffic={"agent-00001": 100}, **LARGE)
    await stage.passes(LONG)
    for _ in range(5):
        await lever.read()

    assert stage.world.calls.reading["GetRevision"] == 1


async def test_the_newest_revision_with_all_traffic_needs_no_second_call(stage):
    lever = stage.lever()
    await lever.read()
    await lever.write(4)
    await lever.read()
    await stage.passes(LONG)
    await lever.read()

    assert stage.world.calls.reading["GetRevision"] == 0


async def test_a_serving_revision_that_may_not_be_read_is_an_error(stage):
    stage.world.add_service("busy", forty_in_flight())
    for name in ("agent", "busy"):
        stage.deploy(name, traffic={f"{name}-00001": 100}, **LARGE)
    await stage.passes(LONG)
    stage.world.denied.add("run.revisions.get")

    for asked in (stage.lever().traits(), stage.lever().read(), busy_in(stage)):
        with pytest.raises(PermissionDenied, match=r"run\.revisions\.get"):
            await asked


async def test_instances_of_revisions_without_traffic_are_not_ready(stage):
    lever = stage.lever()
    await lever.write(6)
    await stage.passes(LONG)
    before = await lever.read()
    stage.starve(1)
    stage.deploy(max_instance_request_concurrency=2)
    await stage.passes(timedelta(minutes=5))
    during = await lever.read()
    counts = stage.agent.driver.table
    minute = minute_of(stage.clock.now()) - 3
    left = counts.window("idle agent-00001", minute, minute + 1)[0]

    assert before.ready == 6
    assert left == 6, "idle for up to 15 min, and counted by Cloud Monitoring"
    assert during.ready == 1


async def test_a_multi_region_service_is_a_conflict(stage):
    stage.agent.service.message.multi_region_settings = {"regions": ["europe-west1", "us-central1"]}
    lever = stage.lever()
    seen = await lever.read()
    with pytest.raises(Conflict, match=r"multi-region service \(europe-west1, us-central1\)"):
        await lever.write(3)

    assert seen.foreign_owner == "a multi-region service (europe-west1, us-central1)"
    assert stage.mutations() == 0


@pytest.mark.parametrize("change", [
    lambda service: setattr(service, "description", "x"), lambda service: setattr(service, "iap_enabled", True),
    lambda service: setattr(service, "custom_audiences", ["x"]), lambda service: setattr(service, "invoker_iam_disabled", True),
    lambda service: setattr(service, "default_uri_disabled", True),
])
async def test_after_any_foreign_change_there_is_no_write_for_5_min(stage, change):
    lever = stage.lever()
    await lever.read()
    stage.changes(change)
    await stage.passes(timedelta(minutes=1))

    assert isinstance((await lever.read()).blocked, Conflict)


@pytest.mark.parametrize(("target", "busy"), [(0.6, 4 / 0.6), (0.95, 4 / 0.95), (1.0, 4.0)])
async def test_demand_counts_an_instance_as_full_at_the_concurrency_target(stage, target, busy):
    stage.world.add_service("busy", forty_in_flight(), concurrency=10)

    assert await busy_in(stage, concurrency_target=target) == pytest.approx(busy)


ODD = {
    "another project's": run_v2.Service(name="projects/other/locations/europe-west1/services/busy"),
    "no name": run_v2.Service(),
    "no path": run_v2.Service(name="busy"),
    "a name that no policy takes": run_v2.Service(name="projects/acme/locations/europe-west1/services/Not_A \"Service\""),
}


@pytest.mark.parametrize("odd", ODD)
async def test_a_list_omits_only_an_entry_of_unexpected_form(stage, odd):
    stage.world.add_service("zebra", forty_in_flight())
    stage.world.appended.append(ODD[odd])
    provider = Gcp(stage.clock, np.random.default_rng(0), stage.target)
    try:
        result = await survey(provider.sessions, "acme", "europe-west1")
    finally:
        await provider.close()

    assert [found.name for found in result.found] == ["agent", "neighbour", "zebra"]
    assert len(result.skipped) == 1
    assert all("\n" not in each.why for each in result.skipped)
    assert await busy_in(stage, "zebra") == pytest.approx(40.0)


async def test_an_entry_of_unexpected_form_fails_only_its_pool(stage):
    stage.world.add_service("zebra", forty_in_flight())
    stage.world.appended.append(ODD["another project's"])

    with pytest.raises(Unreachable, match=r"service busy of acme in europe-west1: ListServices .* 'projects/other/"):
        await busy_in(stage, "busy")
    assert await busy_in(stage, "zebra") == pytest.approx(40.0)


async def test_a_project_number_stands_for_the_same_project(stage):
    stage.world.add_service("busy", forty_in_flight())
    hosted = stage.world.find("projects/acme/locations/europe-west1/services/busy")
    named = run_v2.Service(hosted.service.message)
    named.name = "projects/123456789/locations/europe-west1/services/again"
    stage.world.appended.append(named)
    provider = Gcp(stage.clock, np.random.default_rng(0), stage.target)
    try:
        result = await survey(provider.sessions, "acme", "europe-west1")
    finally:
        await provider.close()

    assert "again" in [found.name for found in result.found]
