"""Layers whose levers belong to two providers: http-ping above the minimum instances of Cloud Run."""

from datetime import timedelta

import numpy as np

from adapters.registry import Registry
from adapters.sandbox.server import SandboxServer
from config.model.layers import top_policy
from config.model.policy import PoolPolicy
from tests.adapters.conformance.cloud_run_stage import CloudRunStage
from tests.adapters.conformance.cloud_run_stage import pool as run_pool
from tests.adapters.conformance.ping_stage import http_pool, time_passes

MINUTE = timedelta(minutes=1)


async def test_pings_above_a_minimum_reach_as_many_instances_as_both_layers_have():
    async with CloudRunStage() as stage:
        sandbox = stage.world.sandbox
        sandbox.add_container("agent.test")
        async with SandboxServer(sandbox) as server:
            registry = Registry(stage.clock, np.random.default_rng(0), server.url, stage._server.target)
            pool = PoolPolicy(name="agent", max=100, lever=run_pool().lever, top=http_pool().lever)
            base, top = registry.lever(pool), registry.lever(top_policy(pool))
            (source, names), = registry.sources([pool])
            await base.write(3)
            for _ in range(8):
                await time_passes(stage.clock, sandbox, [top.keeper], MINUTE)
                seen = await base.read()
            await top.write(4)
            await time_passes(stage.clock, sandbox, [top.keeper], 2 * MINUTE)
            pinged, alive = await top.read(), sandbox.container("agent.test").driver.alive(sandbox.now_ms())
            found = await source.collect(["agent"], {"agent": stage.clock.now() - 10 * MINUTE}, stage.clock.now())
            await registry.close()

    assert (seen.ready, pinged.ready, alive) == (3, 4, 7)
    assert names == ("agent",)
    assert found["agent"].error is None
