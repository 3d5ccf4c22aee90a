"""Cloud Run's control plane, called with Google's client."""

import numpy as np
import pytest
from google.api_core import exceptions as google
from google.cloud import run_v2
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcAsyncIOTransport
from google.longrunning import operations_pb2

from adapters.sandbox.gcp.settings import RunSettings
from forecasting.demand import DemandSeries
from tests.adapters.sandbox.gcp.ground import NAME, START, WHO, Ground, flat

RECONCILING, READY = run_v2.Condition.State.CONDITION_RECONCILING, run_v2.Condition.State.CONDITION_SUCCEEDED


async def test_a_minimum_takes_effect_after_placement_without_a_new_revision():
    async with Ground() as ground:
        before = await ground.get()
        operation = await ground.set_minimum(9)
        during = await ground.get()
        await ground.passes(minutes=2)
        after = await ground.get()

        assert not operation.operation.done
        assert (during.reconciling, during.terminal_condition.state, during.scaling.min_instance_count) == (True, RECONCILING, 9)
        assert (after.reconciling, after.terminal_condition.state) == (False, READY)
        assert after.latest_created_revision == before.latest_created_revision
        assert after.generation == before.generation + 1 == after.observed_generation
        assert len({before.etag, during.etag, after.etag}) == 3, "reconciling changes the etag too"


async def test_the_operation_ends_when_reconciling_does():
    async with Ground() as ground:
        operation = await ground.set_minimum(2)
        await ground.passes(minutes=2)
        request = operations_pb2.GetOperationRequest(name=operation.operation.name)
        done = await ground.run.get_operation(request, metadata=WHO)

        assert done.done
        result = run_v2.Service()
        assert done.response.Unpack(run_v2.Service.pb(result))
        assert result.scaling.min_instance_count == 2


async def test_zero_can_be_written():
    async with Ground() as ground:
        await ground.set_minimum(4)
        await ground.set_minimum(0)

        assert (await ground.get()).scaling.min_instance_count == 0


async def test_a_stale_etag_is_refused_with_googles_message():
    async with Ground() as ground:
        seen = await ground.get()
        await ground.set_minimum(4)
        with pytest.raises(google.Aborted, match="Conflict for resource 'agent': version"):
            await ground.set_minimum(5, seen.etag)

        assert (await ground.get()).scaling.min_instance_count == 4


async def test_a_deployment_that_read_before_a_write_fails_and_one_that_read_after_succeeds():
    async with Ground() as ground:
        seen = await ground.get()
        await ground.set_minimum(4)
        seen.template.containers[0].image = "agent:2"
        with pytest.raises(google.Aborted):
            await ground.run.update_service(service=seen, metadata=WHO)
        fresh = await ground.get()
        fresh.template.containers[0].image = "agent:2"
        await ground.run.update_service(service=fresh, metadata=WHO)
        await ground.passes(minutes=2)
        after = await ground.get()

        assert after.template.containers[0].image == "agent:2"
        assert after.scaling.min_instance_count == 4
        assert after.latest_ready_revision.endswith("agent-00002")


async def test_validate_only_changes_nothing():
    async with Ground() as ground:
        await ground.set_minimum(4, validate_only=True)

        assert (await ground.get()).scaling.min_instance_count == 0


async def test_lists_come_in_pages_and_from_one_region():
    async with Ground() as ground:
        for number in range(5):
            ground.world.add_service(f"other-{number}")
        ground.world.add_service("far", location="us-central1")
        request = {"parent": "projects/acme/locations/europe-west1", "page_size": 2}
        names = [one.name.rpartition("/")[2] async for one in await ground.run.list_services(request=request, metadata=WHO)]

        assert names == ["agent", *(f"other-{number}" for number in range(5))]
        assert ground.world.calls.reading["ListServices"] == 3
        with pytest.raises(google.InvalidArgument):
            await ground.run.list_services(parent="projects/acme/locations/-", metadata=WHO)


async def test_reads_and_writes_have_quotas_by_the_minute():
    async with Ground(settings=RunSettings(read_per_minute=10, write_per_minute=3)) as ground:
        for units in range(3):
            await ground.set_minimum(units + 1)
        with pytest.raises(google.ResourceExhausted, match="Write requests per minute per region"):
            await ground.set_minimum(9)
        await ground.passes(minutes=1)
        await ground.set_minimum(9)
        for _ in range(10):
            await ground.get()
        with pytest.raises(google.ResourceExhausted, match="Read requests"):
            await ground.get()


@pytest.mark.parametrize("metadata", [(), (("authorization", "Bearer unknown"),)])
async def test_invalid_credentials_are_refused(metadata):
    async with Ground() as ground:
        with pytest.raises(google.Unauthenticated):
            await ground.get(metadata=metadata)


async def test_missing_resources_are_not_found():
    async with Ground() as ground:
        with pytest.raises(google.NotFound, match="missing"):
            await ground.get(NAME.replace("agent", "missing"))


async def test_every_write_is_logged_with_its_value_and_its_mask():
    async with Ground() as ground:
        await ground.set_minimum(7)
        with pytest.raises(google.Aborted):
            await ground.set_minimum(8, '"old"')

        writes = [(write.function, write.value, write.qualifier, write.outcome) for write in ground.world.calls.writes]
        mask = "scaling.min_instance_count"
        assert writes == [("agent", 7, mask, "accepted"), ("agent", 8, mask, "ABORTED")]


async def test_a_minimum_is_split_by_traffic_and_cut_by_the_revisions_maximum():
    async with Ground() as ground:
        service = ground.world.find(NAME).service
        service.message.traffic = [{"revision": "agent-00001", "percent": 70}, {"revision": "agent-00002", "percent": 30}]
        service.message.template.scaling.max_instance_count = 5
        service.message.scaling.min_instance_count = 10

        assert service.split(10) == [7, 3]
        assert service.floor == 5 + 3


async def test_instances_are_ready_after_placement_and_their_start():
    async with Ground() as ground:
        await ground.set_minimum(20)
        await ground.passes(seconds=12)
        early = ground.world.find(NAME).driver.instances.ready(ground.world.now_ms())
        await ground.passes(seconds=17)
        late = ground.world.find(NAME).driver.instances.ready(ground.world.now_ms())

        assert early < 20 <= late


async def test_a_minimum_avoids_cold_starts_and_the_twin_counts_them():
    quiet_then_busy = np.repeat([0.0, 6.0], 30).astype(np.float32)
    history = DemandSeries(START, quiet_then_busy, quiet_then_busy / 2, quiet_then_busy)
    async with Ground(history) as ground:
        await ground.set_minimum(4)
        await ground.passes(minutes=60)
        totals = ground.world.find(NAME).driver.totals

        assert 2 <= totals.cold_starts < 6 <= totals.cold_starts_without
        assert totals.requests == 30 * 6


def pinned_to_the_first(seen: run_v2.Service) -> run_v2.Service:
    """Return `seen` with another template and all traffic on the first revision."""
    seen.template.max_instance_request_concurrency = 80
    seen.traffic = [{"revision": "agent-00001", "percent": 100}]
    return seen


async def revision(ground: Ground, number: int) -> run_v2.Revision:
    transport = RevisionsGrpcAsyncIOTransport(channel=ground.channel)
    name = f"{NAME}/revisions/agent-{number:05d}"
    return await run_v2.RevisionsAsyncClient(transport=transport).get_revision(name=name, metadata=WHO, retry=None)


async def test_a_deployment_without_traffic_changes_neither_traffic_nor_instances():
    async with Ground(flat(3, 60, 600)) as ground:
        await ground.run.update_service(service=pinned_to_the_first(await ground.get()), metadata=WHO)
        await ground.passes(minutes=3)
        after, service = await ground.get(), ground.world.find(NAME).service

        assert after.latest_ready_revision.endswith("agent-00002")
        assert [(each.revision, each.percent) for each in after.traffic_statuses] == [("agent-00001", 100)]
        assert (await revision(ground, 1)).max_instance_request_concurrency == 1
        assert (await revision(ground, 2)).max_instance_request_concurrency == 80
        assert service.concurrency == 1
        with pytest.raises(google.NotFound):
            await revision(ground, 3)


async def test_routing_changes_when_reconciling_ends():
    async with Ground(flat(3, 60, 600)) as ground:
        await ground.run.update_service(service=pinned_to_the_first(await ground.get()), metadata=WHO)
        await ground.passes(minutes=3)
        moving = await ground.get()
        moving.traffic = [{"revision": "agent-00002", "percent": 100}]
        await ground.run.update_service(service=moving, metadata=WHO)
        during = await ground.get()
        await ground.passes(minutes=3)
        after = await ground.get()

        assert [each.revision for each in during.traffic_statuses] == ["agent-00001"]
        assert [each.revision for each in after.traffic_statuses] == ["agent-00002"]
        assert ground.world.find(NAME).driver.instances.concurrency == 80


async def test_after_a_rollout_idle_instances_count_under_their_old_revision():
    async with Ground(flat(0, 60, 600)) as ground:
        await ground.set_minimum(3)
        await ground.passes(minutes=5)
        seen = await ground.get()
        seen.template.max_instance_request_concurrency = 2
        await ground.run.update_service(service=seen, metadata=WHO)
        await ground.passes(minutes=25)
        group = ("resource.labels.revision_name",)
        found = await ground.series("container/instance_count", START, START + 22, "ALIGN_MAX", group_by=group)
        minutes = {labels["revision_name"]: [minute for minute, value in points if value > 0] for labels, points in found}

        assert max(minutes["agent-00001"]) - min(minutes["agent-00002"]) in range(10, 16)
        assert max(minutes["agent-00002"]) == START + 21
