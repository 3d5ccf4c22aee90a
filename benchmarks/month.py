"""Resource usage of a daemon over a long run.

    python -m benchmarks.month [DAYS]

3 pools on fakes, with a tick every minute, HTTP requests, stored learning, and forecasts in a worker. Limit from day 16 on, when
14 days of history are complete: no additional descriptor, thread or task, and at most 5 MB more memory.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import structlog

from forecasting.demand import MINUTES_PER_DAY
from tests.endurance import lives

WHOLE = 16
"""Days after which a pool's history has its full length."""


async def main(days: int) -> None:
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])
    start, readings = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        async for held in lives(Path(folder), days * MINUTES_PER_DAY, MINUTES_PER_DAY):
            readings.append(held)
            print(f"day {held.minute // MINUTES_PER_DAY:3}: {held.resident_mb:7.1f} MB, {held.descriptors} descriptors, "
                  f"{held.threads} threads, {held.tasks} tasks, {held.objects} objects, "
                  f"{time.perf_counter() - start:.0f} s", flush=True)
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
    late = readings[WHOLE:] or readings[-1:]
    print(f"size of the state folder: {size:.1f} MB")
    print(f"from day {late[0].minute // MINUTES_PER_DAY} to {late[-1].minute // MINUTES_PER_DAY}: "
          f"{late[-1].resident_mb - late[0].resident_mb:+.1f} MB, {late[-1].descriptors - late[0].descriptors:+} descriptors, "
          f"{late[-1].threads - late[0].threads:+} threads, {late[-1].tasks - late[0].tasks:+} tasks")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
