"""Fits statistical models in worker processes: a fit takes a tenth of a second, the first in a process three seconds more.

The loop never waits for one. Each pool is fitted anew every six hours, each at its own minute, so that ten thousand pools are
some thirty fits a minute and none of them all at once. A worker that dies or hangs costs its fit, and is replaced.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from typing import NamedTuple
from zlib import crc32

from forecasting.combined import Remembered
from forecasting.harmonic import fit_outlook
from forecasting.outlook import Outlook

FIT_EVERY_MINUTES = 360
PATIENCE = timedelta(seconds=60)
NICENESS = 10


class Fitted(NamedTuple):
    """What a model says of one pool: ready for `CombinedForecaster.install`."""

    peak: Outlook
    busy: Outlook


Fit = Callable[[Remembered], Fitted | None]


def fit_pool(remembered: Remembered) -> Fitted | None:
    """Fit both rows of a pool; None when either cannot be. Runs in the worker."""
    peak, busy = (fit_outlook(rows, remembered.first_bucket) for rows in (remembered.peak, remembered.busy))
    return None if peak is None or busy is None else Fitted(peak, busy)


def due(pool: str, minute: int) -> bool:
    """Whether a pool's model is fitted in this minute: once in six hours, at a minute that its name decides."""
    return crc32(pool.encode()) % FIT_EVERY_MINUTES == minute % FIT_EVERY_MINUTES


def stand_back() -> None:
    """Let everything else on the machine go first."""
    os.nice(NICENESS)


class ForecastJobs:
    """A small pool of workers. `fit` raises nothing: no fit is no news, and the forecast goes on without."""

    def __init__(self, workers: int = 1, fit: Fit = fit_pool, patience: timedelta = PATIENCE) -> None:
        self._workers, self._fit, self._patience = workers, fit, patience
        self._executor: ProcessPoolExecutor | None = None
        self._turn = asyncio.Semaphore(workers)
        self.failures = 0
        """Fits lost to a dead, failing or hanging worker."""

    async def fit(self, remembered: Remembered) -> Fitted | None:
        """The fit, or None when there is none to be had; waits its turn, so that patience counts only work."""
        async with self._turn:
            if self._executor is None:  # spawned, not forked: a fork of a process with threads and sockets may hang
                context = multiprocessing.get_context("spawn")
                self._executor = ProcessPoolExecutor(self._workers, mp_context=context, initializer=stand_back)
            running = asyncio.get_running_loop().run_in_executor(self._executor, self._fit, remembered)
            try:
                return await asyncio.wait_for(running, self._patience.total_seconds())
            except (TimeoutError, BrokenProcessPool):
                self.failures += 1
                self._end()
            except Exception:  # noqa: BLE001  whatever a library raises over odd numbers, the forecast goes on without
                self.failures += 1
            return None

    def _end(self) -> None:
        """End the workers; a hanging one does not end by being asked."""
        if self._executor is None:
            return
        processes = list((self._executor._processes or {}).values())  # noqa: SLF001  no public way before Python 3.14
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = None
        for process in processes:
            process.kill()
            process.join()

    async def close(self) -> None:
        """End the workers, whatever they do."""
        await asyncio.to_thread(self._end)
