"""The play begins when its clouds and its daemon are there."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import numpy as np

from adapters.runtime.clock import ScaledClock
from controller.demo.runner import DemoRunner
from controller.demo.scenarios import invented
from tests.patience import PATIENCE_SECONDS


async def test_the_clock_runs_at_real_speed_while_the_emulators_start(tmp_path):
    scene, stop, frames = invented(np.random.default_rng(1), timedelta(hours=3)), asyncio.Event(), []
    scene = replace(scene, pools=scene.pools[:1])

    def watch(frame):
        frames.append(frame)
        stop.set()

    stage = DemoRunner(scene, ScaledClock(scene.start, 3600), tmp_path, np.random.default_rng(1), 1, 0, watch)
    opened = stage.clouds.open

    @asynccontextmanager
    async def slowly():
        async with opened() as addresses:
            await asyncio.sleep(0.5)
            yield addresses

    stage.clouds.open = slowly
    await asyncio.wait_for(stage.play(stop), PATIENCE_SECONDS)

    assert frames[0].now - scene.start < timedelta(minutes=15), "half a second would be half an hour"
