"""A whole daemon through many days in minutes, and what it holds of the machine: ticks are made by hand, as fast as they go.

    python -m tests.endurance MINUTES LOOK_EVERY

tells it in lines of JSON, from a process in which nothing else leaves memory behind.
"""

import asyncio
import gc
import json
import sys
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import structlog

from controller.daemon.jobs import prune, retune, store_state
from forecasting.demand import MINUTES_PER_DAY
from tests.patience import PATIENCE_SECONDS
from tests.services import serving

THERE = Path("/proc/self/fd").exists()


class Held(NamedTuple):
    """What a process holds after so many simulated minutes."""

    minute: int
    resident_mb: float
    descriptors: int
    threads: int
    tasks: int
    objects: int


def held(minute: int) -> Held:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return Held(minute, pages * 4096 / 2**20, descriptors, threading.active_count(), len(asyncio.all_tasks()),
                len(gc.get_objects()))


def waves(level: float):
    """Up in the day and down at night, with a wobble that no two minutes share."""
    def units(minute: int) -> float:
        daily = abs(minute % MINUTES_PER_DAY - 720) / 720
        return round(level * (1 - daily) + (minute * 7919 % 11) / 11 * level, 3)
    return units


async def lives(folder: Path, minutes: int, look_every: int):
    """Yield what is held every `look_every` minutes of a daemon whose pages are asked for every ten."""
    async with serving(folder, traffic={"small": waves(1), "large": waves(40), "quiet": lambda _: 0.0}, max=100) as world:
        for minute in range(1, minutes + 1):
            await world.clock.advance(timedelta(minutes=1))
            await asyncio.wait_for(world.service.runtime.tick.run(), PATIENCE_SECONDS)
            if minute % 10 == 0:
                for path in ("/status", "/metrics", "/v1/pools/large", "/v1/decisions", "/nothing"):
                    async with world.session.get(world.service.url + path) as answer:
                        await answer.read()
            if minute % 60 == 0:
                await store_state(world.service.runtime, world.service._settings, timedelta(0))
                await retune(world.service.runtime, world.service._settings)
                await prune(world.service.runtime, world.service._settings)
            if minute % look_every == 0:
                yield held(minute)


async def main(minutes: int, look_every: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        async for seen in lives(Path(folder), minutes, look_every):
            print(json.dumps(seen._asdict()), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
