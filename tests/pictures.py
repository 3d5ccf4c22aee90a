"""Make the pictures of the dashboard in the documents: `python -m tests.pictures FOLDER`.

It plays the first hours of the demo's traffic against three pools: one active, one in shadow mode, one with pings.
"""

import asyncio
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import aiohttp
from numpy.random import PCG64, Generator

from adapters.runtime.clock import ScaledClock
from controller.demo.lever_settings import PING
from controller.demo.runner import DemoRunner
from controller.demo.scenarios import START, Pool, Scenario, around
from controller.demo.traffic import bursty, fan_out, office_hours
from controller.telemetry.log_setup import configure
from tests.browser import chromium

LASTING, SPEED, SEED = timedelta(hours=4), 120, 7
SHOT_AFTER = timedelta(hours=1, minutes=50)
BATCH_AT = timedelta(hours=9, minutes=15)
LIST, POOL = {"width": 1440, "height": 1260}, {"width": 1440, "height": 1700}
PICTURES = {"dashboard.png": ("#/", LIST), "dashboard-pool.png": ("#/pools/chat", POOL)}
READY = """document.querySelectorAll('table.pools tbody tr').length === 3 ||
    document.getElementById('decides').innerText.includes('target now')"""


def scene() -> Scenario:
    """One active pool, one in shadow mode and one with pings."""
    span = around(LASTING)
    support, reports, chat = Generator(PCG64(SEED)).spawn(3)
    return Scenario(START, LASTING, (
        Pool("support-agent", "office hours", office_hours(span, support), 60, 1024, 8.0, 0.05),
        Pool("nightly-reports", "dozens at once at 09:15", fan_out(span, reports, BATCH_AT, 36), 80, 1024, 2.0, 0.02, PING),
        Pool("chat", "daily cycle with unpredictable bursts", bursty(span, chat), 80, 1024, 6.0, 0.03, more={"mode": "shadow"}),
    ))


async def shoot(url: str, folder: Path, pictures=PICTURES) -> None:
    """Take pictures: address and look by file name."""
    for name, (address, look) in pictures.items():
        async with chromium() as page:
            await page.open(f"{url}/{address}", **look)
            await page.until(READY)
            await asyncio.sleep(1)
            (folder / name).write_bytes(await page.picture(whole=False))


async def planned(url: str) -> bool:
    """Return whether the daemon knows what the rules would ask for in the next hours, of every pool."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/status") as answer:
        return all(pool["next"] for pool in (await answer.json())["pools"])


async def main(folder: Path, pictures=PICTURES) -> None:
    """Play the scenario, and take the pictures after `SHOT_AFTER`, while the daemon still runs."""
    clock, stop, taken = ScaledClock(START, SPEED), asyncio.Event(), []

    async def take(url: str) -> None:
        while not await planned(url):
            await clock.sleep(60)
        with clock.at_work():
            await shoot(url, folder, pictures)
        stop.set()

    def watch(frame) -> None:
        if frame.elapsed >= SHOT_AFTER and not taken:
            taken.append(asyncio.create_task(take(frame.url)))

    with tempfile.TemporaryDirectory() as state, (Path(state) / "log").open("w") as log:
        configure(clock, stream=log)
        await DemoRunner(scene(), clock, Path(state), Generator(PCG64([SEED, 1])), SEED, 0, watch).play(stop)
        await asyncio.gather(*taken)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
