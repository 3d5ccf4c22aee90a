"""A daemon in a process of its own whose clock a test sets forward: `-m tests.foreign.shifted_daemon POLICY STATE_DIR TOKEN`.

Each line of standard input is a number of seconds, or `tick`, which runs a tick. The answer is a line of JSON: the target and the
reasons of each pool. Jobs run at no other time.
"""

import asyncio
import json
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import structlog

from adapters.kinds import policy_kinds
from adapters.registry import Registry
from adapters.runtime.clock import SystemClock
from config.loading.loader import load_policy
from controller.daemon.daemon import Daemon


class ShiftedClock(SystemClock):
    ahead = 0.0

    def now(self):
        return super().now() + timedelta(seconds=self.ahead)

    def monotonic(self):
        return super().monotonic() + self.ahead


class NoJobs:
    """A scheduler that runs nothing."""

    def every(self, name, interval, job):
        pass

    start = stop = lambda self: None


def plans(service):
    return {name: {"target": plan.target, "text": plan.text} for name, plan in service.runtime.components.fleet.plans.items()}


async def main(policy, folder, token):
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    clock, stop = ShiftedClock(), asyncio.Event()
    service = Daemon(load_policy(Path(policy), policy_kinds()), Registry(clock, np.random.default_rng(0)), clock, Path(folder),
                     port=0, token=token, scheduler=NoJobs())
    running = asyncio.create_task(service.run(stop))
    while not running.done() and (service.runtime is None or service.runtime.components.fleet.last is None):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    if not running.done():
        print(json.dumps({"url": service.url}), flush=True)
    while not running.done() and (line := (await asyncio.to_thread(sys.stdin.readline)).strip()):
        if line == "tick":
            await service.runtime.tick.run()
        else:
            clock.ahead += float(line)
        print(json.dumps(plans(service)), flush=True)
    stop.set()
    await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
