"""The Cloud Run lever beyond the conformance tests: it changes one number and respects all other changes."""

from contextlib import suppress
from datetime import timedelta

import numpy as np
import pytest
from google.cloud import run_v2

from adapters.ports.errors import Conflict, NotFound, QuotaExceeded, Throttled, Unsupported
from adapters.ports.lever import Phase
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.cloud_run_stage import UPDATE, CloudRunStage, pool
from tests.builders import NOON

LONG = timedelta(minutes=10)


@pytest.fixture
async def stage():
    async with CloudRunStage() as built:
        yield built


def furnished(stage: CloudRunStage) -> None:
    """Add variables, secrets, a sidecar, labels, and traffic split over two revisions."""
    message = stage.agent.service.message
    container = message.template.containers[0]
    container.env = [
        run_v2.EnvVar(name="MODE", value="live"),
        run_v2.EnvVar(name="KEY", value_source={"secret_key_ref": {"secret": "api-key", "version": "7"}}),
    ]
    sidecar = run_v2.Container(image="sidecar", resources={"limits": {"cpu": "500m", "memory": "256Mi"}})
    message.template.containers.append(sidecar)
    message.template.scaling = {"min_instance_count": 0, "max_instance_count": 300}
    message.labels = {"team": "chat", "env": "live"}
    message.scaling.max_instance_count = 250
    stage.agent.service.publish(stage.clock.now())
    message.traffic = [
        {"type_": run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION, "revision": "agent-00001",
         "percent": 30, "tag": "old"},
        {"type_": run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST, "percent": 70},
    ]


async def test_a_hundred_writes_change_only_the_minimum(stage):
    furnished(stage)
    lever, before, revisions = stage.lever(), stage.rest(), stage.agent.service.revisions
    for target in range(1, 101):
        await lever.write(target)
        await stage.passes(timedelta(minutes=1))

    assert stage.writes() == list(range(1, 101))
    assert stage.rest() == before
    assert stage.agent.service.revisions == revisions
    assert stage.agent.service.message.scaling.min_instance_count == 100


async def test_every_write_masks_one_field(stage):
    lever = stage.lever()
    await lever.write(4)

    assert [write.qualifier for write in stage.world.calls.accepted(UPDATE)] == ["scaling.min_instance_count"]


async def test_an_unchanged_minimum_is_not_written(stage):
    lever = stage.lever()
    await lever.write(4)
    await stage.passes(LONG)
    again = await lever.write(4)

    assert again.requested == 4
    assert stage.mutations() == 1


async def test_a_deployment_between_read_and_write_wins_and_is_detected(stage):
    lever = stage.lever()
    await lever.write(4)
    await stage.passes(LONG)
    look = lever._plane.get

    async def looked_then_deployed(service, *, urgent=False):
        seen = await look(service, urgent=urgent)
        stage.in_deployment()
        return seen

    lever._plane.get = looked_then_deployed
    with pytest.raises(Conflict, match="agent"):
        await lever.write(9)
    lever._plane.get = look
    during = await lever.read()
    await stage.passes(timedelta(minutes=2))
    after = await lever.read()

    message = stage.agent.service.message
    assert message.template.containers[0].image.endswith(":2")
    assert message.scaling.min_instance_count == 4
    assert stage.writes() == [4]
    assert isinstance(during.blocked, Conflict)
    assert "deployer@acme.example" in str(after.blocked)


async def test_after_a_foreign_change_there_is_no_write_for_5_min(stage):
    lever = stage.lever()
    await lever.read()
    stage.in_deployment()
    await stage.passes(timedelta(minutes=1))
    soon = await lever.read()
    with pytest.raises(Conflict, match=r"deployer@acme\.example"):
        await lever.write(5)
    await stage.passes(timedelta(minutes=6))
    later = await lever.read()

    assert isinstance(soon.blocked, Conflict)
    assert later.blocked is None
    assert (await lever.write(5)).requested == 5


async def test_a_write_with_a_lost_response_is_not_a_foreign_write(stage):
    lever = stage.lever()
    await lever.read()
    stage.lose_answers()
    with pytest.raises(Exception, match="no usable response"):
        await lever.write(5)
    stage.calm()
    await stage.passes(timedelta(minutes=1))

    assert (await lever.read()).blocked is None


async def test_after_a_manual_minimum_there_is_no_write_for_5_min(stage):
    lever = stage.lever()
    await lever.write(5)
    await stage.passes(LONG)
    stage.set_by_hand(20)
    await stage.passes(timedelta(minutes=1))
    seen = await lever.read()

    assert seen.requested == 20
    assert isinstance(seen.blocked, Conflict)


async def test_manual_scaling_is_a_conflict(stage):
    lever = stage.lever()
    stage.other_autoscaler()
    with pytest.raises(Conflict, match=r"governed by manual scaling \(3 instances\)"):
        await lever.write(5)

    assert stage.mutations() == 0


async def test_ready_is_the_count_and_not_the_accepted_minimum(stage):
    lever = stage.lever()
    await lever.write(6)
    await stage.passes(timedelta(seconds=40))
    accepted = await lever.read()
    await stage.passes(timedelta(minutes=4))
    counted = await lever.read()

    assert (accepted.requested, accepted.ready, accepted.phase) == (6, 0, Phase.IN_PROGRESS)
    assert (counted.ready, counted.phase) == (6, Phase.READY)


async def test_with_a_raise_every_minute_ready_follows_within_4_min(stage):
    lever, seen, true = stage.lever(), [], {}
    for target in range(2, 26, 2):
        await lever.write(target)
        await stage.passes(timedelta(seconds=50))
        true[minute_of(stage.clock.now())] = stage.agent.driver.instances.ready(stage.world.now_ms())
        await stage.passes(timedelta(seconds=10))
        seen.append((await lever.read()).ready)
    counted = lever.counted()

    assert all(ready >= 2 * (at - 3) for at, ready in enumerate(seen, start=1)), seen
    assert {minute: counted[minute] for minute in true if minute in counted} == {m: u for m, u in true.items() if m in counted}
    assert len(counted) >= len(true)


async def test_keep_alive_is_measured_from_the_counts_of_24_h(stage):
    minute = np.arange(minute_of(NOON) - 1440, minute_of(NOON))
    peak = np.where(minute % 60 < 5, 4.0, 0.0).astype(np.float32)
    stage.world.add_service("bursty", DemandSeries(int(minute[0]), peak, peak * np.float32(0.5), peak), concurrency=1)
    quiet, bursty = stage.lever(), stage.lever(resource="bursty")

    assert (await quiet.traits()).keep_alive is None
    seen = (await bursty.traits()).keep_alive
    assert seen.observations >= 80
    assert timedelta(minutes=15) <= seen.typical <= timedelta(minutes=16)
    assert stage.mutations() == 0


async def test_without_metrics_only_keep_alive_and_start_time_are_unknown(stage):
    stage.world.denied.add("monitoring.timeSeries.list")
    traits = await stage.lever().traits()

    assert (traits.keep_alive, traits.memory_mb) == (None, 512)


async def test_counts_before_a_raise_do_not_make_it_ready(stage):
    lever = stage.lever()
    await lever.write(9)
    await stage.passes(LONG)
    assert (await lever.read()).ready == 9
    await lever.write(2)
    await stage.passes(timedelta(minutes=1))
    await lever.write(8)
    await stage.passes(timedelta(seconds=61))
    soon = await lever.read()
    await stage.passes(timedelta(minutes=4))

    assert (soon.ready, soon.phase) == (2, Phase.IN_PROGRESS)
    assert (await lever.read()).ready == 8


async def test_without_counts_a_raise_is_ready_after_10_min_with_a_note(stage):
    lever = stage.lever()
    stage.world.denied.add("monitoring.timeSeries.list")
    await lever.write(6)
    await stage.passes(timedelta(minutes=4))
    soon = await lever.read()
    await stage.passes(timedelta(minutes=8))
    later = await lever.read()

    assert (soon.ready, soon.phase) == (0, Phase.IN_PROGRESS)
    assert (later.ready, later.phase) == (6, Phase.READY)
    assert "monitoring.timeSeries.list" in later.detail


async def test_a_target_above_the_maximum_is_rejected_without_a_write(stage):
    furnished(stage)
    lever = stage.lever()

    assert (await lever.traits()).allowed == 250
    with pytest.raises(QuotaExceeded, match="has a maximum of 250 instances, so at most 250 units: raise the") as caught:
        await lever.write(251)
    assert (caught.value.allowed, caught.value.limit.name) == (250, "service-maximum")
    assert stage.mutations() == 0


async def test_a_maximum_lowered_later_is_reported_and_limits_ready(stage):
    lever = stage.lever()
    await lever.write(6)
    await stage.passes(LONG)
    stage.agent.service.message.scaling.max_instance_count = 4
    stage.agent.driver.apply_scaling(stage.world.now_ms(), stage.world.now_ms())
    seen = await lever.read()

    assert seen.requested == 6
    assert "maximum of 4" in seen.detail
    assert seen.phase is Phase.READY


async def test_a_failed_raise_is_reported_with_googles_text(stage):
    lever = stage.lever()
    stage.agent.service.fails_with = "Quota NvidiaL4GpuAllocNoZonalRedundancyPerProjectRegion exceeded"
    await lever.write(6)
    await stage.passes(LONG)
    seen = await lever.read()
    assert (seen.phase, seen.ready) == (Phase.FAILED, 0)
    assert "NvidiaL4" in seen.detail

    await lever.write(6)
    await stage.passes(LONG)
    assert (await lever.read()).ready == 6
    assert stage.writes() == [6, 6]


async def test_a_gpu_without_a_known_price_needs_prices_in_the_policy(stage):
    stage.agent.service.message.template.node_selector.accelerator = "nvidia-rtx-pro-6000"

    with pytest.raises(Unsupported, match="nvidia-rtx-pro-6000"):
        await stage.lever().traits()


async def test_traits_contain_size_and_billing(stage):
    furnished(stage)
    message = stage.agent.service.message
    facts = await stage.lever().traits()
    message.template.containers[0].resources.cpu_idle = False
    always = await stage.lever().traits()
    message.template.node_selector.accelerator = "nvidia-l4"
    with_gpu = await stage.lever().traits()

    assert (facts.memory_mb, facts.vcpus) == (768, 1.5)
    assert [one.billing for one in (facts, always, with_gpu)] == ["instance", "instance", "instance nvidia-l4 zonal"]


async def test_a_measured_start_time_is_a_trait(stage):
    lever = stage.lever()
    await lever.write(3)
    await stage.passes(LONG)

    assert (await lever.traits()).init_seconds == pytest.approx(8.0)


async def test_writes_have_a_rate_limit(stage):
    bucket, taken = stage.lever()._plane._writes, 0
    for _ in range(60):
        with suppress(Throttled):
            await bucket.take(patience=0)
            taken += 1
        await stage.passes(timedelta(seconds=1))

    assert 18 <= taken <= 24, "Google grants some projects 30 a minute"


async def test_settings_of_another_lever_are_rejected(stage):
    from adapters.gcp.run.min_instances import CloudRunMinInstances
    from tests.builders import pool_policy

    with pytest.raises(TypeError, match="another lever"):
        CloudRunMinInstances(pool_policy(), None)


async def test_a_missing_service_is_named_with_its_location(stage):
    with pytest.raises(NotFound, match="absent of acme in europe-west1"):
        await stage.lever(resource="absent").read()


def test_the_pool_of_the_stage_has_a_location():
    assert pool().lever.resource == "project=acme location=europe-west1 service=agent"
