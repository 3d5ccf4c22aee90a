"""Whether a daemon holds more of the machine the longer it lives.

    python -m benchmarks.month [DAYS]

Three pools on fakes, every minute ticked, pages asked for, learning kept, forecasts made in a worker. Limit: from the day that
the fortnight of history is whole on, no descriptor, thread or task more, and no more than 5 MB.
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
"""Days after which a pool's history is as long as it gets."""


async def main(days: int) -> None:
    structlog.configure(processors=[lambda *_: (_ for _ in ()).throw(structlog.DropEvent)])
    began, seen = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as folder:
        async for held in lives(Path(folder), days * MINUTES_PER_DAY, MINUTES_PER_DAY):
            seen.append(held)
            print(f"day {held.minute // MINUTES_PER_DAY:3}: {held.resident_mb:7.1f} MB, {held.descriptors} descriptors, "
                  f"{held.threads} threads, {held.tasks} tasks, {held.objects} objects, "
                  f"{time.perf_counter() - began:.0f} s", flush=True)
        size = sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20
    late = seen[WHOLE:] or seen[-1:]
    print(f"the state folder holds {size:.1f} MB")
    print(f"from day {late[0].minute // MINUTES_PER_DAY} to {late[-1].minute // MINUTES_PER_DAY}: "
          f"{late[-1].resident_mb - late[0].resident_mb:+.1f} MB, {late[-1].descriptors - late[0].descriptors:+} descriptors, "
          f"{late[-1].threads - late[0].threads:+} threads, {late[-1].tasks - late[0].tasks:+} tasks")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
