from datetime import timedelta

import numpy as np
import pytest

from controller.decision.costs.cost_model import CostTerms
from controller.demand import selector_snapshot
from controller.demand.collector import DemandCollector
from controller.demand.pool_group import Budget, PoolGroup
from controller.demand.proposer import Proposer
from tests.builders import NOON
from tests.fakes import FakeSource

TERMS = CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, metric_delay=2, lead_time=2, keep_alive=6)
MINUTE = timedelta(minutes=1)


def traffic(seed):
    return lambda minute: float(((minute // 7) * 7919 + seed) % 23)


def region_of(store, tmp_path, terms=TERMS, pools=("a", "b")):
    source = FakeSource({name: traffic(at) for at, name in enumerate(pools)}, history=timedelta(days=3))
    intake = DemandCollector(source, pools, store, timedelta(minutes=2))
    return PoolGroup(intake, lambda: dict.fromkeys(pools, terms), Budget(9, 9), tmp_path / "learned.npz")


async def test_a_state_does_not_change_after_it_was_returned(store, tmp_path):
    region = region_of(store, tmp_path)
    await region.gather(NOON)
    arrays = region.proposer.state()
    before = {path: value.copy() for path, value in arrays.items()}
    for minute in range(1, 40):
        await region.gather(NOON + minute * MINUTE)

    assert len(arrays) > 5
    assert any((region.proposer.state()[path] != value).any() for path, value in before.items())
    for path, value in arrays.items():
        np.testing.assert_array_equal(value, before[path])


async def test_a_snapshot_is_restored_without_replaying_history(store, tmp_path):
    first = region_of(store, tmp_path)
    await first.gather(NOON)
    await first.save_snapshot(NOON)
    again = region_of(store, tmp_path)
    await again.collector.load(NOON + MINUTE)
    assert await again.restore_snapshot(NOON + MINUTE)
    fed, rows = [], again.collector.rows

    async def watch(first, end):
        fed.append(end - first)
        return await rows(first, end)
    again.collector.rows = watch
    for minute in range(1, 90):
        now = NOON + minute * MINUTE
        for region in (first, again):
            await region.gather(now)
        for name in ("a", "b"):
            assert again.view(name, now).proposal == first.view(name, now).proposal

    assert max(fed) < 20, "minutes that have not settled are previewed, and nothing is replayed"


async def test_a_snapshot_is_restored_before_the_billing_step_is_known(store, tmp_path):
    first = region_of(store, tmp_path, terms=CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, 2, 2, 6, billing_step=5))
    await first.gather(NOON)
    await first.save_snapshot(NOON)
    again = region_of(store, tmp_path, terms=CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, 2, 2, 6))

    assert await again.restore_snapshot(NOON)
    assert not await again.retune(NOON)


async def test_a_snapshot_with_another_keep_alive_is_used_until_the_first_retune(store, tmp_path):
    first = region_of(store, tmp_path)
    await first.gather(NOON)
    await first.save_snapshot(NOON)
    again = region_of(store, tmp_path, terms=CostTerms(1e-4, 2e-4, 1e-3, 8.0, 0.05, 2, 2, 9))

    assert await again.restore_snapshot(NOON)
    assert again.weights("a")[0].keep_alive == 6
    assert await again.retune(NOON)
    assert again.weights("a")[0].keep_alive == 9


@pytest.mark.parametrize("change", [
    {"terms": CostTerms(2e-4, 2e-4, 1e-3, 8.0, 0.05, 2, 2, 6)}, {"pools": ("b", "a")}, {"pools": ("a", "b", "c")},
])
async def test_another_price_or_other_pools_replay_history_instead(store, tmp_path, change):
    first = region_of(store, tmp_path)
    await first.gather(NOON)
    await first.save_snapshot(NOON)

    assert not await region_of(store, tmp_path, **change).restore_snapshot(NOON)


@pytest.mark.parametrize("body", [b"", b"no zip at all", b"PK\x03\x04 broken"])
async def test_a_damaged_file_is_ignored(store, tmp_path, body):
    (tmp_path / "learned.npz").write_bytes(body)

    assert not await region_of(store, tmp_path).restore_snapshot(NOON)


async def test_an_incomplete_file_never_replaces_the_snapshot(store, tmp_path, monkeypatch):
    region = region_of(store, tmp_path)
    await region.gather(NOON)
    await region.save_snapshot(NOON)
    whole = (tmp_path / "learned.npz").read_bytes()

    def full(*_, **__):
        raise OSError("disk full")
    monkeypatch.setattr(selector_snapshot.np, "savez", full)
    await region.save_snapshot(NOON)

    assert (tmp_path / "learned.npz").read_bytes() == whole
    assert [path.name for path in tmp_path.glob("learned*")] == ["learned.npz"]


async def test_a_fresh_snapshot_is_not_written_again(store, tmp_path):
    region = region_of(store, tmp_path)
    await region.gather(NOON)
    await region.save_snapshot(NOON)
    (tmp_path / "learned.npz").unlink()
    await region.save_snapshot(NOON + 30 * MINUTE, fresh=timedelta(hours=1))
    assert not (tmp_path / "learned.npz").exists()

    await region.save_snapshot(NOON + 60 * MINUTE, fresh=timedelta(hours=1))
    assert (tmp_path / "learned.npz").exists()


async def test_other_code_replays_history(store, tmp_path, monkeypatch):
    region = region_of(store, tmp_path)
    await region.gather(NOON)
    await region.save_snapshot(NOON)
    monkeypatch.setattr(selector_snapshot, "fingerprint", lambda pools: "another")

    assert not await region_of(store, tmp_path).restore_snapshot(NOON)


def test_every_line_of_the_packages_counts_in_the_fingerprint(tmp_path, monkeypatch):
    rules = tmp_path / "selection" / "scoring.py"
    rules.parent.mkdir()
    rules.write_text("HALF_LIFE_DAYS = 3\n")
    monkeypatch.setattr(selector_snapshot, "files", lambda package: tmp_path)
    monkeypatch.setattr(selector_snapshot, "code_digest", selector_snapshot.code_digest.__wrapped__)  # without the cache
    was = selector_snapshot.fingerprint(["a"])
    rules.write_text("HALF_LIFE_DAYS = 2\n")

    assert selector_snapshot.fingerprint(["a"]) != was


async def test_a_cancelled_follow_continues_and_the_next_one_waits_for_it(store, tmp_path):
    import asyncio
    region = region_of(store, tmp_path)
    await region.collector.collect(NOON)
    gate, rows = asyncio.Event(), region.collector.rows

    async def slow(first, end):
        await gate.wait()
        return await rows(first, end)
    region.collector.rows = slow
    task = asyncio.create_task(region.gather(NOON))
    while region._following is None:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gate.set()
    await region.gather(NOON)

    assert region.view("a", NOON).proposal is not None


async def test_a_failed_proposer_is_replaced(store, tmp_path):
    region = region_of(store, tmp_path)
    await region.collector.collect(NOON)
    was = region.proposer

    async def broken(*_):
        raise ZeroDivisionError("ours")
    was.follow = broken
    with pytest.raises(ZeroDivisionError):
        await region.gather(NOON)
    await region.gather(NOON)

    assert isinstance(region.proposer, Proposer)
    assert region.view("a", NOON).proposal is not None
