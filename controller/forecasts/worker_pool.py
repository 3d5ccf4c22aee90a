"""Runs forecasts in worker processes: one takes half a second of processor time, the first model in a process three seconds more.

The loop never waits for one, and a worker lets everything else on the machine go first. One that dies or hangs costs its work,
and is replaced; it does not outlive the daemon, however that ends.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

PATIENCE = timedelta(seconds=150)
"""What a worker that stands back needs, some 4 s of a processor with its start, on a core that others keep busy, where it gets a
twentieth; and less than HTTP waits for an answer to be taken.
"""

NICENESS = 10

P = ParamSpec("P")
T = TypeVar("T")
log = structlog.get_logger("stoker.forecasts")


def stand_back() -> None:
    """In a new worker: let everybody else go first, leave Ctrl-C to the daemon, and end when the daemon has ended.

    A worker waits on a pipe of which it holds both ends itself, so that the end of a daemon that was killed would not reach it.
    """
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, name="end with parent", daemon=True).start()


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class ForecastWorkers:
    """A small pool of workers, begun with the first work. `run` raises nothing of what a worker meets: it is told in the log."""

    def __init__(self, workers: int = 1, patience: timedelta = PATIENCE) -> None:
        self._workers, self._patience = workers, patience
        self._executor: ProcessPoolExecutor | None = None
        self._turn = asyncio.Semaphore(workers)
        self._closed = False
        self.failures = 0
        """Work lost to a dead, failing or hanging worker."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `work` returns (it and its arguments are pickled), or None; waits its turn, so that patience counts only work."""
        async with self._turn:
            if self._closed:
                return None
            try:
                running = asyncio.get_running_loop().run_in_executor(self._begun(), partial(work, *args, **kwargs))
                return await asyncio.wait_for(running, self._patience.total_seconds())
            except (TimeoutError, BrokenProcessPool) as error:
                self._end()
                self._tell(error)
            except Exception as error:  # noqa: BLE001  whatever a library raises over odd numbers, the daemon goes on without
                self._tell(error)
            return None

    def _begun(self) -> ProcessPoolExecutor:
        if self._executor is None:  # spawned, not forked: a fork of a process with threads and sockets may hang
            context = multiprocessing.get_context("spawn")
            self._executor = ProcessPoolExecutor(self._workers, mp_context=context, initializer=stand_back)
        return self._executor

    def _tell(self, error: Exception) -> None:
        if not self._closed:
            self.failures += 1
            log.warning("forecast-failed", error=repr(error),
                        text="decisions continue without it; the next one uses a new worker")

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
        """End the workers, whatever they do; nothing is begun any more."""
        self._closed = True
        await asyncio.to_thread(self._end)
